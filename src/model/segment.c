// SPDX-License-Identifier: Apache-2.0
#include "model/segment.h"

#include "base/ct.h"
#include "model/fixed.h"

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

// Everything before the requantisation: *in becomes its operands, which may be in
// scratch. Returns the linear layer that follows.
static const bh_layer *run_layers(const bh_graph *g, uint32_t i, const int64_t **in,
                                  int64_t *scratch)
{
    size_t half = bh_segment_scratch_len(g) / 2, turn = 0;
    const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i) + 1];
    for (; !bh_layer_is_linear(layer); layer++) {
        if (layer->kind == BH_LAYER_FLATTEN) {
            continue;
        }
        int64_t *next = scratch + turn * half;
        run_layer(layer, next, *in);
        *in = next;
        turn ^= 1;
    }
    return layer;
}

static void round_nearest(const bh_layer *layer, int64_t *out, const int64_t *v)
{
    const bh_quant *q = &layer->quant;
    size_t len = bh_shape_len(layer->in);
    for (size_t k = 0; k < len; k++) {
        out[k] = bh_ct_clamp(bh_round_shift(v[k], q->shift), q->x_lo, q->x_hi);
    }
}

// x 2^f, or the multiple of 2^f next to +-2^62, which no v reaches.
static int64_t grid_point(int32_t x, uint32_t f)
{
    int64_t most = (INT64_C(1) << 62) >> f;
    int64_t near = x < -most ? -most : x > most ? most : x;
    return near * (INT64_C(1) << f);
}

// Range. With v' = v clamped, x_lo <= floor(v' / 2^f) <= x_hi - 1, and at most 1 is
// added.
//
// Distance to the nearest rounding, h = 2^(f-1). It is that of v' as well: below the
// range both are x_lo, above it floor((x_hi 2^f - 1 + h) / 2^f) = x_hi since h >= 1.
// And of v' both roundings are floor(v' / 2^f) or 1 more, neither of which is clamped.
static void round_stochastic(const bh_layer *layer, int64_t *out, const int64_t *v,
                             const uint32_t *dither)
{
    const bh_quant *q = &layer->quant;
    size_t len = bh_shape_len(layer->in);
    uint64_t low = (UINT64_C(1) << q->shift) - 1;
    int64_t least = grid_point(q->x_lo, q->shift);
    int64_t most = grid_point(q->x_hi, q->shift) - 1;
    for (size_t k = 0; k < len; k++) {
        int64_t clamped = bh_ct_clamp(v[k], least, most);
        uint64_t down = bh_ct_mask_less((uint64_t)clamped & low, dither[k] & low);
        out[k] = bh_floor_shift(clamped, q->shift) + (int64_t)(~down & 1);
    }
}

void bh_segment_run(const bh_graph *g, uint32_t i, int64_t *out, const int64_t *in,
                    int64_t *scratch)
{
    const bh_layer *layer = run_layers(g, i, &in, scratch);
    round_nearest(layer, out, in);
}

void bh_segment_run_stochastic(const bh_graph *g, uint32_t i, int64_t *out,
                               const int64_t *in, int64_t *scratch,
                               const uint32_t *dither)
{
    const bh_layer *layer = run_layers(g, i, &in, scratch);
    if (layer->quant.shift == 0) {
        round_nearest(layer, out, in);
    } else {
        round_stochastic(layer, out, in, dither);
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
