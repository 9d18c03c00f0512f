// SPDX-License-Identifier: Apache-2.0
// Graphs arrive from files and from peers: nothing about them is taken for granted.
#include "model/graph_check.h"
#include "base/error.h"

bh_status bh_graph_refuse(bh_error *err, const bh_graph *g, uint32_t i,
                          const char *problem)
{
    return bh_fail(err, BH_ERR_ENCODING, "layer %u (%s): %s", i + 1,
                   bh_layer_kind_name(g->layers[i].kind), problem);
}

// At most 2^20 * 2^12 * 2^12 before the last comparison: no overflow.
bool bh_graph_shape_ok(bh_shape s)
{
    return bh_graph_in_range(s.channels, 1, BH_GRAPH_VALUES_MAX) &&
           bh_graph_in_range(s.height, 1, BH_GRAPH_DIM_MAX) &&
           bh_graph_in_range(s.width, 1, BH_GRAPH_DIM_MAX) &&
           (uint64_t)s.channels * s.height * s.width <= BH_GRAPH_VALUES_MAX;
}

// Output length of a window of `kernel` moved by `stride` over `len`.
static uint32_t window_out(uint32_t len, uint32_t kernel, uint32_t stride)
{
    return (len - kernel) / stride + 1;
}

// Shared by convolutions and pools; `in` is the shape with its padding.
static const char *window_shape(bh_layer *layer, bh_shape in)
{
    if (!bh_graph_in_range(layer->stride, 1, BH_GRAPH_DIM_MAX)) {
        return "the stride is out of range";
    }
    if (!bh_graph_in_range(layer->kernel_h, 1, in.height) ||
        !bh_graph_in_range(layer->kernel_w, 1, in.width)) {
        return "the window is empty or larger than the input";
    }
    layer->out.height = window_out(in.height, layer->kernel_h, layer->stride);
    layer->out.width = window_out(in.width, layer->kernel_w, layer->stride);
    return NULL;
}

static const char *conv_shape(bh_layer *layer)
{
    // Wider padding would only add outputs that are the bias alone.
    if (layer->pad > 0 &&
        (layer->pad >= layer->kernel_h || layer->pad >= layer->kernel_w)) {
        return "the padding is not smaller than the kernel";
    }
    if (layer->pad >= BH_GRAPH_DIM_MAX) {
        return "the padding is out of range";
    }
    bh_shape padded = layer->in;
    padded.height += 2 * layer->pad;
    padded.width += 2 * layer->pad;
    if (!bh_graph_shape_ok(padded)) {
        return "the padded input is too large";
    }
    const char *problem = window_shape(layer, padded);
    layer->out.channels = layer->out_channels;
    return problem;
}

static const char *linear_shape(bh_layer *layer)
{
    if (!bh_graph_in_range(layer->out_channels, 1, BH_GRAPH_DIM_MAX)) {
        return "the number of outputs is out of range";
    }
    if (layer->kind == BH_LAYER_FC) {
        layer->in = (bh_shape){(uint32_t)bh_shape_len(layer->in), 1, 1};
        layer->out = (bh_shape){layer->out_channels, 1, 1};
        layer->kernel_h = layer->kernel_w = layer->stride = 1;
        layer->pad = 0;
    } else {
        const char *problem = conv_shape(layer);
        if (problem != NULL) {
            return problem;
        }
    }
    // 2^12 outputs * 2^20 channels * a kernel of up to 2^24: below 2^64.
    uint64_t weights = (uint64_t)layer->out_channels * layer->in.channels *
                       layer->kernel_h * layer->kernel_w;
    return weights > BH_GRAPH_WEIGHTS_MAX ? "it has too many weights" : NULL;
}

// A peer computes pools on our behalf, and files come from anywhere: their work is
// bounded, 2^20 outputs of 2^24 inputs each being possible otherwise.
static const char *pool_shape(bh_layer *layer, bh_shape in)
{
    const char *problem = window_shape(layer, in);
    if (problem != NULL) {
        return problem;
    }
    return bh_layer_pool_reads(layer) > BH_GRAPH_POOL_MAX
               ? "its windows overlap too much"
               : NULL;
}

// Fills in->out of one layer and clears the fields that its kind does not use.
static const char *layer_shape(bh_layer *layer, bh_shape in)
{
    layer->in = layer->out = in;
    if (bh_layer_is_linear(layer)) {
        const char *problem = linear_shape(layer);
        return problem != NULL                 ? problem
               : bh_graph_shape_ok(layer->out) ? NULL
                                               : "the output is too large";
    }
    layer->out_channels = layer->pad = 0;
    layer->quant = (bh_quant){0};
    switch (layer->kind) {
    case BH_LAYER_MAX_POOL:
    case BH_LAYER_AVG_POOL:
        return pool_shape(layer, in);
    case BH_LAYER_FLATTEN:
        layer->out = (bh_shape){(uint32_t)bh_shape_len(in), 1, 1};
        break;
    case BH_LAYER_RELU:
    case BH_LAYER_SQUARE:
        break;
    default:
        return "layers of this kind do not exist";
    }
    layer->kernel_h = layer->kernel_w = layer->stride = 0;
    return NULL;
}

static bh_status check_shapes(bh_graph *g, bh_error *err)
{
    bh_shape shape = g->input.shape;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        bh_layer *layer = &g->layers[i];
        const char *problem = layer_shape(layer, shape);
        if (problem != NULL) {
            return bh_graph_refuse(err, g, i, problem);
        }
        if (!g->quantised) {
            layer->quant = (bh_quant){0};
        }
        shape = layer->out;
    }
    if (bh_shape_len(shape) != g->n_classes) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "the last layer has %zu outputs for %u classes",
                       bh_shape_len(shape), g->n_classes);
    }
    return BH_OK;
}

// The first and the last layer that is no flatten must be linear.
static bh_status check_order(const bh_graph *g, bh_error *err)
{
    uint32_t first = 0, last = g->n_layers;
    while (first < g->n_layers && g->layers[first].kind == BH_LAYER_FLATTEN) {
        first++;
    }
    if (first == g->n_layers) {
        return bh_fail(err, BH_ERR_ENCODING, "the network has no linear layer");
    }
    while (g->layers[last - 1].kind == BH_LAYER_FLATTEN) {
        last--;
    }
    if (!bh_layer_is_linear(&g->layers[first])) {
        return bh_graph_refuse(err, g, first, "the first layer must be linear");
    }
    if (!bh_layer_is_linear(&g->layers[last - 1])) {
        return bh_graph_refuse(err, g, last - 1, "the last layer must be linear");
    }
    return BH_OK;
}

static bh_status check_temperature(bh_graph *g, bh_error *err)
{
    g->temperature = g->temperature == 0 ? 1 : g->temperature;
    return g->temperature >= BH_TEMPERATURE_MIN && g->temperature <= BH_TEMPERATURE_MAX
               ? BH_OK
               : bh_fail(err, BH_ERR_ENCODING,
                         "the temperature is %g, not between %g and %g", g->temperature,
                         BH_TEMPERATURE_MIN, BH_TEMPERATURE_MAX);
}

bh_status bh_graph_check(bh_graph *g, bh_error *err)
{
    if (!bh_graph_in_range(g->n_layers, 1, BH_GRAPH_LAYERS_MAX)) {
        return bh_fail(err, BH_ERR_ENCODING, "%u layers, not 1 to %d", g->n_layers,
                       BH_GRAPH_LAYERS_MAX);
    }
    bh_status status = bh_graph_check_names(g, err);
    if (status == BH_OK) {
        status = check_temperature(g, err);
    }
    if (status == BH_OK) {
        status = bh_graph_check_input(&g->input, err);
    }
    if (status == BH_OK) {
        status = check_order(g, err);
    }
    if (status == BH_OK) {
        status = check_shapes(g, err);
    }
    if (status == BH_OK && g->quantised) {
        status = bh_graph_check_quant(g, err);
    }
    return status;
}
