// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/error.h"
#include "model/graph.h"

#define CONV(outputs, kernel, padding)                                                 \
    {                                                                                  \
        .kind = BH_LAYER_CONV2D, .out_channels = (outputs), .kernel_h = (kernel),      \
        .kernel_w = (kernel), .stride = 1, .pad = (padding)                            \
    }
#define MAX_POOL(size)                                                                 \
    {                                                                                  \
        .kind = BH_LAYER_MAX_POOL, .kernel_h = (size), .kernel_w = (size),             \
        .stride = (size)                                                               \
    }
// Sums, whose scale is divided by the window's size.
#define AVG_POOL(size)                                                                 \
    {                                                                                  \
        .kind = BH_LAYER_AVG_POOL, .kernel_h = (size), .kernel_w = (size),             \
        .stride = (size)                                                               \
    }
#define RELU                                                                           \
    {                                                                                  \
        .kind = BH_LAYER_RELU                                                          \
    }
// The last one's outputs are 0 here and become the number of classes.
#define FC(outputs)                                                                    \
    {                                                                                  \
        .kind = BH_LAYER_FC, .out_channels = (outputs)                                 \
    }
#define LAYERS_MAX 17

typedef struct recipe {
    const char *name;
    bh_shape input; // what it was made for
    uint32_t n_layers;
    bh_layer layers[LAYERS_MAX];
} recipe;

static const recipe recipes[] = {
    // LeCun et al. 1998 with ReLU and max pools, padded for 28 x 28 inputs.
    {"lenet5",
     {1, 28, 28},
     11,
     {CONV(6, 5, 2), RELU, MAX_POOL(2), CONV(16, 5, 0), RELU, MAX_POOL(2), FC(120),
      RELU, FC(84), RELU, FC(0)}},
    // MiniONN (CCS 2017), figure 12; network D of GAZELLE.
    {"netd",
     {1, 28, 28},
     9,
     {CONV(16, 5, 0), RELU, MAX_POOL(2), CONV(16, 5, 0), RELU, MAX_POOL(2), FC(100),
      RELU, FC(0)}},
    // The LeNet of Caffe's examples.
    {"lenet-caffe",
     {1, 28, 28},
     9,
     {CONV(20, 5, 0), RELU, MAX_POOL(2), CONV(50, 5, 0), RELU, MAX_POOL(2), FC(500),
      RELU, FC(0)}},
    // MiniONN (CCS 2017), figure 13, for CIFAR-10.
    {"minionn-cifar",
     {3, 32, 32},
     17,
     {CONV(64, 3, 1), RELU, CONV(64, 3, 1), RELU, AVG_POOL(2), CONV(64, 3, 1), RELU,
      CONV(64, 3, 1), RELU, AVG_POOL(2), CONV(64, 3, 1), RELU, CONV(64, 1, 0), RELU,
      CONV(16, 1, 0), RELU, FC(0)}},
};

static const recipe *find(const char *name)
{
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++) {
        if (strcmp(name, recipes[i].name) == 0) {
            return &recipes[i];
        }
    }
    return NULL;
}

bh_status bh_graph_check_named(const char *name, bh_error *err)
{
    return find(name) != NULL ? BH_OK
                              : bh_fail(err, BH_ERR_ARG,
                                        "unknown network \"%s\"; known are lenet5, "
                                        "netd, lenet-caffe and minionn-cifar",
                                        name);
}

bh_status bh_graph_named_shape(bh_shape *out, const char *name, bh_error *err)
{
    const recipe *r = find(name);
    *out = r != NULL ? r->input : (bh_shape){0};
    return r != NULL ? BH_OK : bh_graph_check_named(name, err);
}

bh_status bh_graph_named(bh_graph *out, const char *name, bh_input input,
                         uint32_t n_classes, bh_error *err)
{
    memset(out, 0, sizeof *out);
    const recipe *r = find(name);
    if (r == NULL) {
        return bh_graph_check_named(name, err);
    }
    memcpy(out->name, r->name, strlen(r->name) + 1);
    memcpy(out->layers, r->layers, r->n_layers * sizeof r->layers[0]);
    out->n_layers = r->n_layers;
    out->input = input;
    out->n_classes = n_classes;
    out->layers[r->n_layers - 1].out_channels = n_classes;
    return bh_graph_check(out, err);
}
