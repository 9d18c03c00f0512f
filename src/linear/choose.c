// SPDX-License-Identifier: Apache-2.0
#include "linear/choose.h"

#include <stdbool.h>

uint64_t bh_linear_bytes_up(const bh_linear *l, const bh_he *he, bh_repeats r)
{
    return (uint64_t)r.inputs * l->n_uploads * bh_he_poly_bytes(he);
}

// Answers differ only where a tile or the last block is cut short; the bytes of the
// kept coefficients are rounded up per answer.
uint64_t bh_linear_bytes_down(const bh_linear *l, const bh_he *he, unsigned t_bits,
                              bh_repeats r)
{
    uint64_t bytes = 0;
    for (uint32_t ty = 0; ty < l->tiles_h; ty++) {
        uint32_t rows = l->out_height - ty * l->packing.tile_height;
        rows = rows < l->packing.tile_height ? rows : l->packing.tile_height;
        for (uint32_t tx = 0; tx < l->tiles_w; tx++) {
            uint32_t columns = l->out_width - tx * l->packing.tile_width;
            columns = columns < l->packing.tile_width ? columns : l->packing.tile_width;
            size_t area = (size_t)rows * columns;
            uint32_t last =
                l->shape.out_channels - (l->out_blocks - 1) * l->packing.c_o;
            bytes += (l->out_blocks - 1) *
                         bh_he_answer_bytes(he, area * l->packing.c_o, t_bits) +
                     bh_he_answer_bytes(he, area * last, t_bits);
        }
    }
    return bytes * r.samples;
}

typedef struct search {
    const bh_linear *whole; // the shape, not yet cut
    uint32_t c_o_max;       // more outputs in a block have too much noise
    bh_linear_choices *found;
} search;

static bool no_worse(const bh_linear *a, const bh_linear *b)
{
    return a->n_uploads <= b->n_uploads && a->n_answers <= b->n_answers &&
           bh_linear_products(a) <= bh_linear_products(b);
}

// Keeps the choices to those that no other one equals or beats.
static void consider(bh_linear_choices *found, const bh_linear *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        if (no_worse(&found->items[i], l)) {
            return;
        }
    }
    for (uint32_t i = 0; i < found->count; i++) {
        if (!no_worse(l, &found->items[i])) {
            found->items[kept++] = found->items[i];
        }
    }
    found->count = kept;
    if (kept < BH_LINEAR_CHOICES_MAX) {
        found->items[found->count++] = *l;
    }
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

// For one tiling: every distinct number of input blocks, each with the evenest c_i, and
// the largest c_o that then fits, evened out over its blocks. The number of distinct
// ceil(channels / c_i) is below 2 sqrt(channels).
static void try_blocks(search *s, uint32_t height, uint32_t width)
{
    const bh_linear *whole = s->whole;
    uint64_t area =
        (uint64_t)(height + whole->taps_h - 1) * (width + whole->taps_w - 1);
    if (area > whole->n) {
        return;
    }
    uint32_t fit = (uint32_t)(whole->n / area), outs = whole->shape.out_channels;
    for (uint32_t c_i = min_u32(fit, whole->channels); c_i > 0; c_i--) {
        c_i = ceil_div(whole->channels, ceil_div(whole->channels, c_i));
        uint32_t c_o = min_u32(min_u32(fit / c_i, s->c_o_max), outs);
        c_o = ceil_div(outs, ceil_div(outs, c_o));
        bh_packing packing = {c_i, c_o, height, width};
        bh_linear l;
        if (bh_linear_init(&l, &whole->shape, &packing, whole->n) == BH_OK) {
            consider(s->found, &l);
        }
    }
}

// Cutting `len` into 1, 2, 3, ... strips: calls for the next smaller strip, 0 at the
// end.
static uint32_t next_strip(uint32_t len, uint32_t strip)
{
    enum { STRIPS_MAX = 32 };
    uint32_t count = (len + strip - 1) / strip;
    while (++count <= len && count <= STRIPS_MAX) {
        if ((len + count - 1) / count < strip) {
            return (len + count - 1) / count;
        }
    }
    return 0;
}

// The most outputs in a block whose noise bound holds, whatever the input blocks; 0 if
// not even one's does. The bound grows with them.
static uint32_t most_outputs(const bh_linear *whole, const bh_he *he, unsigned t_bits,
                             uint32_t w_max)
{
    bh_linear l = *whole;
    bh_noise noise;
    uint32_t fits = 0, fails = l.shape.out_channels + 1;
    while (fails - fits > 1) {
        l.packing.c_o = fits + (fails - fits) / 2;
        if (bh_noise_of_answer(he, &noise, bh_linear_weights_per_answer(&l), w_max,
                               t_bits) == BH_OK) {
            fits = l.packing.c_o;
        } else {
            fails = l.packing.c_o;
        }
    }
    return fits;
}

bh_status bh_linear_choose(bh_linear_choices *out, const bh_linear_shape *shape,
                           const bh_he *he, unsigned t_bits, uint32_t w_max)
{
    bh_linear whole;
    out->count = 0;
    bh_status status = bh_linear_init_shape(&whole, shape, bh_he_degree(he));
    if (status != BH_OK) {
        return status;
    }
    search s = {.whole = &whole,
                .c_o_max = most_outputs(&whole, he, t_bits, w_max),
                .found = out};
    if (s.c_o_max == 0) {
        return BH_ERR_NOISE;
    }
    for (uint32_t h = whole.out_height; h > 0; h = next_strip(whole.out_height, h)) {
        for (uint32_t w = whole.out_width; w > 0; w = next_strip(whole.out_width, w)) {
            try_blocks(&s, h, w);
        }
    }
    return out->count > 0 ? BH_OK : BH_ERR_PARAMS;
}
