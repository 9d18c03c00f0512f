// SPDX-License-Identifier: Apache-2.0
#include "model/graph.h"

size_t bh_shape_len(bh_shape s)
{
    return (size_t)s.channels * s.height * s.width;
}

bool bh_shape_equal(bh_shape a, bh_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

bool bh_layer_is_linear(const bh_layer *layer)
{
    return layer->kind == BH_LAYER_CONV2D || layer->kind == BH_LAYER_FC;
}

size_t bh_layer_weights_len(const bh_layer *layer)
{
    return (size_t)layer->out_channels * layer->in.channels * layer->kernel_h *
           layer->kernel_w;
}

size_t bh_layer_bias_len(const bh_layer *layer)
{
    return layer->out_channels;
}

const char *bh_layer_kind_name(bh_layer_kind kind)
{
    switch (kind) {
    case BH_LAYER_CONV2D:
        return "conv2d";
    case BH_LAYER_FC:
        return "fc";
    case BH_LAYER_RELU:
        return "relu";
    case BH_LAYER_SQUARE:
        return "square";
    case BH_LAYER_MAX_POOL:
        return "max-pool";
    case BH_LAYER_AVG_POOL:
        return "avg-pool";
    case BH_LAYER_FLATTEN:
        return "flatten";
    }
    return "unknown kind";
}

uint64_t bh_layer_pool_reads(const bh_layer *layer)
{
    bool pool = layer->kind == BH_LAYER_MAX_POOL || layer->kind == BH_LAYER_AVG_POOL;
    return pool ? (uint64_t)bh_shape_len(layer->out) * layer->kernel_h * layer->kernel_w
                : 0;
}

uint32_t bh_graph_linear_count(const bh_graph *g)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        count += bh_layer_is_linear(&g->layers[i]);
    }
    return count;
}

uint32_t bh_graph_linear_index(const bh_graph *g, uint32_t i)
{
    uint32_t index = 0;
    for (uint32_t left = i + 1; index < g->n_layers; index++) {
        left -= bh_layer_is_linear(&g->layers[index]);
        if (left == 0) {
            break;
        }
    }
    return index;
}

double bh_graph_segment_scale(const bh_graph *g, uint32_t i)
{
    uint32_t at = bh_graph_linear_index(g, i);
    double scale = g->layers[at].quant.x_scale * g->layers[at].quant.w_scale;
    for (at++; at < g->n_layers && !bh_layer_is_linear(&g->layers[at]); at++) {
        const bh_layer *layer = &g->layers[at];
        if (layer->kind == BH_LAYER_SQUARE) {
            scale *= scale;
        } else if (layer->kind == BH_LAYER_AVG_POOL) {
            scale /= (double)layer->kernel_h * layer->kernel_w;
        }
    }
    return scale;
}

double bh_graph_logit_scale(const bh_graph *g)
{
    return bh_graph_segment_scale(g, bh_graph_linear_count(g) - 1) / g->temperature;
}

void bh_graph_square(bh_graph *g)
{
    for (uint32_t i = 0; i < g->n_layers; i++) {
        bh_layer *layer = &g->layers[i];
        layer->kind = layer->kind == BH_LAYER_RELU ? BH_LAYER_SQUARE : layer->kind;
    }
}
