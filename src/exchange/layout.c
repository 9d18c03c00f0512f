// SPDX-License-Identifier: Apache-2.0
#include "exchange/layout.h"

bh_layout bh_layout_of(const bh_graph *g, uint32_t i, bool keras)
{
    uint32_t at = bh_graph_linear_index(g, i), source = at;
    while (source > 0 && g->layers[source - 1].kind == BH_LAYER_FLATTEN) {
        source--;
    }
    bh_shape before = source > 0 ? g->layers[source - 1].out : g->input.shape;
    return (bh_layout){&g->layers[at], before, keras};
}

unsigned bh_layout_shape(uint64_t shape[4], const bh_layout *layout)
{
    const bh_layer *l = layout->layer;
    bool conv = l->kind == BH_LAYER_CONV2D;
    uint64_t out = l->out_channels, in = l->in.channels;
    if (layout->keras) {
        shape[0] = conv ? l->kernel_h : in;
        shape[1] = conv ? l->kernel_w : out;
        shape[2] = in;
        shape[3] = out;
    } else {
        shape[0] = out;
        shape[1] = in;
        shape[2] = l->kernel_h;
        shape[3] = l->kernel_w;
    }
    return conv ? 4 : 2;
}

size_t bh_layout_place(const bh_layout *layout, size_t at)
{
    const bh_layer *l = layout->layer;
    if (!layout->keras) {
        return at;
    }
    size_t window = (size_t)l->kernel_h * l->kernel_w;
    size_t in = at / window % l->in.channels, out = at / window / l->in.channels;
    if (l->kind == BH_LAYER_CONV2D) {
        return (at % window * l->in.channels + in) * l->out_channels + out;
    }
    // `in` counts [channel][row][column]; behind another fc the plane is 1 x 1.
    size_t plane = (size_t)layout->before.height * layout->before.width;
    in = in % plane * layout->before.channels + in / plane;
    return in * l->out_channels + out;
}
