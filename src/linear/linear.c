// SPDX-License-Identifier: Apache-2.0
#include "linear/linear.h"

#include <string.h>

#include "ring/kernels.h"

// Larger dimensions are refused, so that no product below can overflow 64 bits.
#define DIM_MAX 65536u

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int shape_is_valid(const bh_linear_shape *s)
{
    const uint32_t dims[] = {s->in_channels, s->in_height, s->in_width, s->out_channels,
                             s->kernel_h,    s->kernel_w,  s->stride};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        if (dims[i] == 0 || dims[i] > DIM_MAX) {
            return 0;
        }
    }
    return s->pad <= DIM_MAX && s->kernel_h <= s->in_height + 2 * s->pad &&
           s->kernel_w <= s->in_width + 2 * s->pad;
}

bh_status bh_linear_init_shape(bh_linear *l, const bh_linear_shape *shape, size_t n)
{
    *l = (bh_linear){.shape = *shape, .n = n};
    if (!shape_is_valid(shape)) {
        return BH_ERR_ARG;
    }
    l->out_height =
        bh_linear_outputs(shape->in_height, shape->kernel_h, shape->stride, shape->pad);
    l->out_width =
        bh_linear_outputs(shape->in_width, shape->kernel_w, shape->stride, shape->pad);
    l->phases_h = min_u32(shape->kernel_h, shape->stride);
    l->phases_w = min_u32(shape->kernel_w, shape->stride);
    l->taps_h = ceil_div(shape->kernel_h, shape->stride);
    l->taps_w = ceil_div(shape->kernel_w, shape->stride);
    uint64_t channels = (uint64_t)shape->in_channels * l->phases_h * l->phases_w;
    l->channels = (uint32_t)channels;
    return channels <= DIM_MAX ? BH_OK : BH_ERR_ARG;
}

static int packing_is_valid(const bh_linear *l, const bh_packing *p)
{
    return p->c_i >= 1 && p->c_i <= l->channels && p->c_o >= 1 &&
           p->c_o <= l->shape.out_channels && p->tile_height >= 1 &&
           p->tile_height <= l->out_height && p->tile_width >= 1 &&
           p->tile_width <= l->out_width;
}

bh_status bh_linear_init(bh_linear *l, const bh_linear_shape *shape,
                         const bh_packing *packing, size_t n)
{
    bh_status status = bh_linear_init_shape(l, shape, n);
    if (status != BH_OK) {
        return status;
    }
    if (!packing_is_valid(l, packing)) {
        return BH_ERR_PARAMS;
    }
    l->packing = *packing;
    l->block_height = packing->tile_height + l->taps_h - 1;
    l->block_width = packing->tile_width + l->taps_w - 1;
    uint64_t area = (uint64_t)l->block_height * l->block_width;
    if (area > n || packing->c_i > n / area || packing->c_o > n / area / packing->c_i) {
        return BH_ERR_PARAMS;
    }
    l->tiles_h = ceil_div(l->out_height, packing->tile_height);
    l->tiles_w = ceil_div(l->out_width, packing->tile_width);
    l->in_blocks = ceil_div(l->channels, packing->c_i);
    l->out_blocks = ceil_div(shape->out_channels, packing->c_o);
    uint64_t tiles = (uint64_t)l->tiles_h * l->tiles_w;
    // One more product, the encryption of zero, goes into every accumulator.
    if (l->in_blocks >= BH_MAC_TERMS_MAX || tiles * l->in_blocks > UINT32_MAX ||
        tiles * l->out_blocks > UINT32_MAX) {
        return BH_ERR_PARAMS;
    }
    l->n_uploads = (uint32_t)tiles * l->in_blocks;
    l->n_answers = (uint32_t)tiles * l->out_blocks;
    return BH_OK;
}

size_t bh_linear_in_len(const bh_linear *l)
{
    return (size_t)l->shape.in_channels * l->shape.in_height * l->shape.in_width;
}

size_t bh_linear_out_len(const bh_linear *l)
{
    return (size_t)l->shape.out_channels * l->out_height * l->out_width;
}

// Of one output channel.
static uint64_t weights_per_output(const bh_linear *l)
{
    return (uint64_t)l->shape.in_channels * l->shape.kernel_h * l->shape.kernel_w;
}

uint64_t bh_linear_weights(const bh_linear *l)
{
    return l->shape.out_channels * weights_per_output(l);
}

uint64_t bh_linear_weights_per_answer(const bh_linear *l)
{
    return l->packing.c_o * weights_per_output(l);
}

// A channel after the split into phases.
typedef struct phase {
    uint32_t channel, h, w;
} phase;

static phase phase_of(const bh_linear *l, uint32_t channel)
{
    uint32_t per_channel = l->phases_h * l->phases_w, in = channel % per_channel;
    return (phase){channel / per_channel, in / l->phases_w, in % l->phases_w};
}

// First output row and column of the tile of an upload or answer.
typedef struct tile {
    uint32_t row, column;
} tile;

static tile tile_of(const bh_linear *l, uint32_t index, uint32_t per_tile)
{
    uint32_t number = index / per_tile;
    return (tile){number / l->tiles_w * l->packing.tile_height,
                  number % l->tiles_w * l->packing.tile_width};
}

// One phase's window of one tile: pixel (i, j) of the block is the padded pixel
// (s (row + i) + phase, s (column + j) + phase); what lies outside the image is zero.
static void pack_channel(const bh_linear *l, int64_t *out, const int64_t *image,
                         phase f, tile at)
{
    const bh_linear_shape *s = &l->shape;
    for (uint32_t i = 0; i < l->block_height; i++) {
        int64_t y = (int64_t)(at.row + i) * s->stride + f.h - s->pad;
        if (y < 0 || y >= s->in_height) {
            continue;
        }
        for (uint32_t j = 0; j < l->block_width; j++) {
            int64_t x = (int64_t)(at.column + j) * s->stride + f.w - s->pad;
            if (x >= 0 && x < s->in_width) {
                out[i * l->block_width + j] = image[y * s->in_width + x];
            }
        }
    }
}

void bh_linear_pack_input(const bh_linear *l, int64_t *poly, const int64_t *x,
                          uint32_t upload)
{
    size_t area = (size_t)l->block_height * l->block_width;
    size_t image = (size_t)l->shape.in_height * l->shape.in_width;
    uint32_t first = upload % l->in_blocks * l->packing.c_i;
    uint32_t end = min_u32(first + l->packing.c_i, l->channels);
    tile at = tile_of(l, upload, l->in_blocks);
    memset(poly, 0, l->n * sizeof *poly);
    for (uint32_t c = first; c < end; c++) {
        phase f = phase_of(l, c);
        pack_channel(l, poly + (c - first) * area, x + f.channel * image, f, at);
    }
}

// The taps of one phase: tap (a, b) is the kernel's (s a + phase, s b + phase), zero
// past the kernel's edge. Written backwards from `last`, the place of tap (0, 0).
static void pack_taps(const bh_linear *l, int32_t *last, const int32_t *kernel, phase f)
{
    const bh_linear_shape *s = &l->shape;
    for (uint32_t a = 0; s->stride * a + f.h < s->kernel_h; a++) {
        for (uint32_t b = 0; s->stride * b + f.w < s->kernel_w; b++) {
            size_t from =
                (size_t)(s->stride * a + f.h) * s->kernel_w + s->stride * b + f.w;
            *(last - (size_t)a * l->block_width - b) = kernel[from];
        }
    }
}

// A row of one weight a channel: fully connected layers, kernels within their stride.
static void pack_row(int32_t *last, const int32_t *row, size_t len, size_t area)
{
    if (area == 1) { // the compiler's vectors need a constant
        int32_t *first = last - (len - 1);
        for (size_t i = 0; i < len; i++) {
            first[i] = row[len - 1 - i];
        }
        return;
    }
    for (size_t i = 0; i < len; i++) {
        *(last - i * area) = row[i];
    }
}

// Place of the first output of a block's first channel: the last input channel's tap
// (0, 0) stands there too.
static size_t first_place(const bh_linear *l)
{
    size_t area = (size_t)l->block_height * l->block_width;
    return (l->packing.c_i - 1) * area + (size_t)(l->taps_h - 1) * l->block_width +
           l->taps_w - 1;
}

void bh_linear_pack_weights(const bh_linear *l, int32_t *poly, const int32_t *weights,
                            uint32_t in_block, uint32_t out_block)
{
    size_t area = (size_t)l->block_height * l->block_width;
    size_t kernel = (size_t)l->shape.kernel_h * l->shape.kernel_w;
    uint32_t c_i = l->packing.c_i, c_o = l->packing.c_o;
    uint32_t first = in_block * c_i, end = min_u32(first + c_i, l->channels);
    uint32_t first_out = out_block * c_o;
    uint32_t end_out = min_u32(first_out + c_o, l->shape.out_channels);
    memset(poly, 0, l->n * sizeof *poly);
    for (uint32_t o = first_out; o < end_out; o++) {
        int32_t *base = poly + (size_t)(o - first_out) * c_i * area + first_place(l);
        if (l->taps_h * l->taps_w == 1) {
            pack_row(base, weights + (size_t)o * l->channels + first, end - first,
                     area);
            continue;
        }
        for (uint32_t c = first; c < end; c++) {
            phase f = phase_of(l, c);
            const int32_t *from =
                weights + ((size_t)o * l->shape.in_channels + f.channel) * kernel;
            pack_taps(l, base - (c - first) * area, from, f);
        }
    }
}

// The part of a tile and output block that lies inside the output tensor.
typedef struct window {
    uint32_t first_out, end_out, rows, columns;
    tile at;
} window;

static window window_of(const bh_linear *l, uint32_t answer)
{
    tile at = tile_of(l, answer, l->out_blocks);
    uint32_t first = answer % l->out_blocks * l->packing.c_o;
    return (window){
        .first_out = first,
        .end_out = min_u32(first + l->packing.c_o, l->shape.out_channels),
        .rows = min_u32(l->packing.tile_height, l->out_height - at.row),
        .columns = min_u32(l->packing.tile_width, l->out_width - at.column),
        .at = at,
    };
}

size_t bh_linear_places(const bh_linear *l, uint32_t *places, uint32_t answer)
{
    window v = window_of(l, answer);
    size_t stride = (size_t)l->packing.c_i * l->block_height * l->block_width,
           count = 0;
    for (uint32_t o = 0; o < v.end_out - v.first_out; o++) {
        size_t base = o * stride + first_place(l);
        for (uint32_t i = 0; i < v.rows; i++) {
            for (uint32_t j = 0; j < v.columns; j++) {
                places[count++] = (uint32_t)(base + (size_t)i * l->block_width + j);
            }
        }
    }
    return count;
}

size_t bh_linear_n_places(const bh_linear *l, uint32_t answer)
{
    window v = window_of(l, answer);
    return (size_t)(v.end_out - v.first_out) * v.rows * v.columns;
}

void bh_linear_spread_bias(const bh_linear *l, int32_t *spread, const int32_t *bias,
                           uint32_t answer)
{
    window v = window_of(l, answer);
    size_t count = 0;
    for (uint32_t o = v.first_out; o < v.end_out; o++) {
        for (uint32_t i = 0; i < v.rows * v.columns; i++) {
            spread[count++] = bias[o];
        }
    }
}

void bh_linear_unpack(const bh_linear *l, int64_t *y, const int64_t *values,
                      uint32_t answer)
{
    window v = window_of(l, answer);
    size_t image = (size_t)l->out_height * l->out_width;
    for (uint32_t o = v.first_out; o < v.end_out; o++) {
        for (uint32_t i = 0; i < v.rows; i++) {
            int64_t *row =
                y + o * image + (size_t)(v.at.row + i) * l->out_width + v.at.column;
            memcpy(row, values, v.columns * sizeof *row);
            values += v.columns;
        }
    }
}
