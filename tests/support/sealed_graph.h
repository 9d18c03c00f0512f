// SPDX-License-Identifier: Apache-2.0
// A small network for guard `sealed`, also for programs without cmocka.
#ifndef BH_TESTS_SUPPORT_SEALED_GRAPH_H
#define BH_TESTS_SUPPORT_SEALED_GRAPH_H

#include "model/graph.h"

#define SEALED_PIXELS 64

// Every kind of move: conv2d, ReLU, max-pool, conv2d, ReLU, average-pool, fc; 1 x 8 x 8
// to 3 classes. Not yet checked.
static inline void sealed_graph(bh_graph *g)
{
    *g = (bh_graph){.name = "sealed", .dataset = "none", .n_layers = 8, .n_classes = 3};
    g->input = (bh_input){.shape = {1, 8, 8}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){
        .kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[3] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 2,
                              .kernel_w = 2,
                              .stride = 1};
    g->layers[4] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[5] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[6] = (bh_layer){.kind = BH_LAYER_FLATTEN};
    g->layers[7] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
}

#endif
