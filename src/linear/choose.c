// SPDX-License-Identifier: Apache-2.0
#include "linear/choose.h"

#include <math.h>
#include <stdbool.h>

bh_cost bh_cost_default(void)
{
    return (bh_cost){.byte = 8, .upload = 205e3, .product = 85e3, .answer = 470e3};
}

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

double bh_linear_cost(const bh_linear *l, const bh_he *he, unsigned t_bits,
                      bh_repeats r, const bh_cost *cost)
{
    double bytes = (double)bh_linear_bytes_up(l, he, r) +
                   (double)bh_linear_bytes_down(l, he, t_bits, r);
    double products = (double)l->n_answers * l->in_blocks * r.samples;
    return bytes * cost->byte + (double)l->n_uploads * r.inputs * cost->upload +
           products * cost->product + (double)l->n_answers * r.samples * cost->answer;
}

// The best so far.
typedef struct search {
    const bh_linear_shape *shape;
    const bh_he *he;
    unsigned t_bits;
    uint32_t w_max;
    bh_repeats repeats;
    const bh_cost *cost;
    bh_status why; // there is no best
    bh_linear best;
    double best_cost;
} search;

// False if its noise does not fit: fewer outputs in a block have less.
static bool try_packing(search *s, bh_packing packing)
{
    bh_linear l;
    bh_noise noise;
    if (bh_linear_init(&l, s->shape, &packing, bh_he_degree(s->he)) != BH_OK) {
        return true;
    }
    if (bh_noise_of_answer(s->he, &noise, bh_linear_weights_per_answer(&l), s->w_max,
                           s->t_bits) != BH_OK) {
        s->why = BH_ERR_NOISE;
        return false;
    }
    double cost = bh_linear_cost(&l, s->he, s->t_bits, s->repeats, s->cost);
    if (cost < s->best_cost) {
        s->best_cost = cost;
        s->best = l;
    }
    return true;
}

// For one tiling: every distinct number of input blocks, each with the evenest c_i, and
// the largest c_o that then fits (and whose noise does), evened out over its blocks.
// The number of distinct ceil(channels / c_i) is below 2 sqrt(channels).
static void try_blocks(search *s, const bh_linear *whole, uint32_t height,
                       uint32_t width)
{
    uint64_t area =
        (uint64_t)(height + whole->taps_h - 1) * (width + whole->taps_w - 1);
    size_t n = bh_he_degree(s->he);
    if (area > n) {
        return;
    }
    uint32_t fit = (uint32_t)(n / area);
    uint32_t c_i = fit < whole->channels ? fit : whole->channels;
    while (c_i > 0) {
        uint32_t blocks = (whole->channels + c_i - 1) / c_i;
        c_i = (whole->channels + blocks - 1) / blocks;
        uint32_t c_o = fit / c_i, outs = s->shape->out_channels;
        c_o = c_o < outs ? c_o : outs;
        uint32_t out_blocks = (outs + c_o - 1) / c_o;
        c_o = (outs + out_blocks - 1) / out_blocks;
        while (!try_packing(s, (bh_packing){c_i, c_o, height, width}) && c_o > 1) {
            c_o = (c_o + 1) / 2;
        }
        c_i--;
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

bh_status bh_linear_choose(bh_linear *out, const bh_linear_shape *shape,
                           const bh_he *he, unsigned t_bits, uint32_t w_max,
                           bh_repeats r, const bh_cost *cost)
{
    search s = {.shape = shape,
                .he = he,
                .t_bits = t_bits,
                .w_max = w_max,
                .repeats = r,
                .cost = cost,
                .why = BH_ERR_PARAMS,
                .best_cost = INFINITY};
    bh_linear whole;
    bh_status status = bh_linear_init_shape(&whole, shape, bh_he_degree(he));
    if (status != BH_OK) {
        return status;
    }
    for (uint32_t h = whole.out_height; h > 0; h = next_strip(whole.out_height, h)) {
        for (uint32_t w = whole.out_width; w > 0; w = next_strip(whole.out_width, w)) {
            try_blocks(&s, &whole, h, w);
        }
    }
    if (s.best_cost == INFINITY) {
        return s.why;
    }
    *out = s.best;
    return BH_OK;
}
