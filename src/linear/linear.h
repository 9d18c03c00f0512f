// SPDX-License-Identifier: Apache-2.0
// Coefficient packing of linear layers (after Cheetah, USENIX Security 2022): how
// tensors and weights become polynomials whose product holds the layer's result.
//
// Everything is one case. A fully connected layer is a convolution of a 1 x 1 image. A
// convolution of stride s is one of stride 1 over up to s^2 phases: phase (a, b) takes
// the padded pixels (s i + a, s j + b) and the taps (s i + a, s j + b), so there are
// min(k, s)^2 times as many channels and ceil(k / s) taps a side. Where an image is
// larger than a polynomial it is cut into tiles that overlap by the kernel less one.
//
// Within one tile, with H x W the tile's input size, k_h x k_w the kernel, c_i input
// and c_o output channels in a block, c_i c_o H W <= n:
//   input  x[c, i, j]        at c H W + i W + j
//   weight w[o, c, a, b]     at o c_i H W + (c_i - 1 - c) H W + (k_h-1-a) W + (k_w-1-b)
//   output (o, i, j)         at o c_i H W + (c_i - 1) H W + (i + k_h-1) W + (j + k_w-1)
// Products that wrap around X^n + 1 end below (c_i - 1) H W + (k_h-1) W + (k_w-1), the
// first output. Input blocks of one tile are summed; the last one is filled with zeros.
#ifndef BH_LINEAR_LINEAR_H
#define BH_LINEAR_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

typedef struct bh_linear_shape {
    uint32_t in_channels, in_height, in_width;
    uint32_t out_channels;
    uint32_t kernel_h, kernel_w, stride, pad;
} bh_linear_shape;

// The choice that a plan makes.
typedef struct bh_packing {
    uint32_t c_i, c_o;                // channels of a block, phases counted as channels
    uint32_t tile_height, tile_width; // outputs of a tile
} bh_packing;

typedef struct bh_linear {
    bh_linear_shape shape;
    bh_packing packing;
    size_t n;
    uint32_t out_height, out_width;
    uint32_t phases_h, phases_w;        // min(kernel, stride)
    uint32_t channels;                  // in_channels * phases_h * phases_w
    uint32_t taps_h, taps_w;            // ceil(kernel / stride)
    uint32_t block_height, block_width; // H, W: inputs of a tile
    uint32_t tiles_h, tiles_w;
    uint32_t in_blocks, out_blocks; // per tile
    uint32_t n_uploads, n_answers;  // of one sample: tiles * blocks
} bh_linear;

// Checks a shape and fills what does not depend on the packing. BH_ERR_ARG if it is
// impossible or a dimension exceeds 65,536.
bh_status bh_linear_init_shape(bh_linear *l, const bh_linear_shape *shape,
                               size_t n) BH_MUST_CHECK;

// Checks shape and packing and fills everything. BH_ERR_ARG if the shape is impossible,
// BH_ERR_PARAMS if the packing does not fit n or needs more than 4095 input blocks.
bh_status bh_linear_init(bh_linear *l, const bh_linear_shape *shape,
                         const bh_packing *packing, size_t n) BH_MUST_CHECK;

// Outputs along one side of a valid shape.
static inline uint32_t bh_linear_outputs(uint32_t in, uint32_t kernel, uint32_t stride,
                                         uint32_t pad)
{
    return (in + 2 * pad - kernel) / stride + 1;
}

size_t bh_linear_in_len(const bh_linear *l);
size_t bh_linear_out_len(const bh_linear *l);
uint64_t bh_linear_weights(const bh_linear *l);
// Non-zero weight coefficients that enter one answer, at most.
uint64_t bh_linear_weights_per_answer(const bh_linear *l);

// Uploads are numbered tile by tile, then by input block; answers tile by tile, then by
// output block. The products of an answer are those of its tile's uploads.
static inline uint32_t bh_linear_first_upload(const bh_linear *l, uint32_t answer)
{
    return answer / l->out_blocks * l->in_blocks;
}

// All below: poly has n coefficients and is overwritten. CT: leak shapes and indices,
// never values.
void bh_linear_pack_input(const bh_linear *l, int64_t *poly, const int64_t *x,
                          uint32_t upload);
// weights: [out][in][kernel_h][kernel_w].
void bh_linear_pack_weights(const bh_linear *l, int32_t *poly, const int32_t *weights,
                            uint32_t in_block, uint32_t out_block);

// The coefficients of an answer that hold results, ascending; returns their number
// (at most n). Two calls with the same l and answer give the same.
size_t bh_linear_places(const bh_linear *l, uint32_t *places, uint32_t answer);
// Their number alone.
size_t bh_linear_n_places(const bh_linear *l, uint32_t answer);
// The bias that belongs to each place.
void bh_linear_spread_bias(const bh_linear *l, int32_t *spread, const int32_t *bias,
                           uint32_t answer);
// Writes the values at an answer's places to the output tensor [out][height][width].
void bh_linear_unpack(const bh_linear *l, int64_t *y, const int64_t *values,
                      uint32_t answer);

#endif
