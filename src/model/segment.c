// SPDX-License-Identifier: Apache-2.0
#include "model/segment.h"

#include <string.h>

#include "base/ct.h"
#include "model/fixed.h"

static uint64_t double_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_from(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// The integer nearest to v (ties to even) if |v| <= 2^40, otherwise +-2^40; NaN gives
// -2^40. Without a comparison of floating-point numbers, which compilers may turn into
// a branch: without their sign, doubles are ordered as their bits are.
static int64_t nearest(double v)
{
    const uint64_t sign_bit = UINT64_C(1) << 63;
    const uint64_t infinity = UINT64_C(0x7ff) << 52;
    const double large = 1099511627776.0; // 2^40
    const double magic =
        6755399441055744.0; // 1.5 * 2^52: the unit in the last place is 1
    uint64_t bits = double_bits(v);
    uint64_t size = bits & ~sign_bit;
    uint64_t sign = (bits | bh_ct_mask_less(infinity, size)) & sign_bit;
    uint64_t limit = double_bits(large);
    size = bh_ct_select(bh_ct_mask_less(limit, size), limit, size);
    // The sum is in [2^52, 2^53), so that its lowest bits are the rounded integer.
    double sum = double_from(size | sign) + magic;
    return (int64_t)(double_bits(sum) - double_bits(magic));
}

void bh_quantise_input(const bh_graph *g, int64_t *x, const float *real)
{
    const bh_quant *q = &g->layers[bh_graph_linear_index(g, 0)].quant;
    size_t len = bh_shape_len(g->input.shape);
    // A product, since division takes a time that depends on its operands.
    double inverse = 1 / q->x_scale;
    for (size_t i = 0; i < len; i++) {
        x[i] = bh_ct_clamp(nearest((double)real[i] * inverse), q->x_lo, q->x_hi);
    }
}

void bh_normalise_pixels(const bh_graph *g, float *real, const uint8_t *pixels)
{
    size_t plane = (size_t)g->input.shape.height * g->input.shape.width;
    for (uint32_t c = 0; c < g->input.shape.channels; c++) {
        double factor = 1 / (255.0 * (double)g->input.dev[c]);
        double offset = (double)g->input.mean[c] / (double)g->input.dev[c];
        for (size_t i = 0; i < plane; i++) {
            double scaled = *pixels++ * factor;
            *real++ = (float)(scaled - offset);
        }
    }
}

static int64_t pool_window(const bh_layer *layer, const int64_t *in)
{
    bool max = layer->kind == BH_LAYER_MAX_POOL;
    int64_t v = max ? in[0] : 0;
    for (uint32_t a = 0; a < layer->kernel_h; a++) {
        for (uint32_t b = 0; b < layer->kernel_w; b++) {
            int64_t next = in[(size_t)a * layer->in.width + b];
            v = max ? bh_ct_max(v, next) : v + next;
        }
    }
    return v;
}

static void pool(const bh_layer *layer, int64_t *out, const int64_t *in)
{
    for (uint32_t c = 0; c < layer->in.channels; c++) {
        for (uint32_t i = 0; i < layer->out.height; i++) {
            for (uint32_t j = 0; j < layer->out.width; j++) {
                *out++ = pool_window(layer, in + ((size_t)i * layer->in.width + j) *
                                                     layer->stride);
            }
        }
        in += (size_t)layer->in.height * layer->in.width;
    }
}

// Every |v| stays below 2^62 (bh_graph_check), so that sums, squares and the
// differences that bh_ct_max takes fit in 63 bits and a sign.
static void run_layer(const bh_layer *layer, int64_t *out, const int64_t *in)
{
    size_t len = bh_shape_len(layer->in);
    switch (layer->kind) {
    case BH_LAYER_RELU:
        for (size_t i = 0; i < len; i++) {
            out[i] = (int64_t)((uint64_t)in[i] & ~bh_ct_mask_negative((uint64_t)in[i]));
        }
        break;
    case BH_LAYER_SQUARE:
        for (size_t i = 0; i < len; i++) {
            out[i] = in[i] * in[i];
        }
        break;
    default:
        pool(layer, out, in);
    }
}

void bh_segment_run(const bh_graph *g, uint32_t i, int64_t *out, const int64_t *in,
                    int64_t *scratch)
{
    size_t half = bh_segment_scratch_len(g) / 2, turn = 0;
    const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i) + 1];
    for (; !bh_layer_is_linear(layer); layer++) {
        if (layer->kind == BH_LAYER_FLATTEN) {
            continue;
        }
        int64_t *next = scratch + turn * half;
        run_layer(layer, next, in);
        in = next;
        turn ^= 1;
    }
    size_t len = bh_shape_len(layer->in);
    for (size_t k = 0; k < len; k++) {
        out[k] = bh_ct_clamp(bh_round_shift(in[k], layer->quant.shift),
                             layer->quant.x_lo, layer->quant.x_hi);
    }
}

size_t bh_segment_scratch_len(const bh_graph *g)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        size_t len = bh_shape_len(g->layers[i].out);
        longest = len > longest ? len : longest;
    }
    return 2 * longest;
}
