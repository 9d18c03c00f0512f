// SPDX-License-Identifier: Apache-2.0
// From what a client has to the integers that it uploads: rows of a table to pixels,
// pixels to reals, reals to the grid of the first linear layer.
// CT: every function leaks shapes, normalisation and quantisation, never values: no
// branch, division or square root of the machine meets one.
#ifndef BH_MODEL_INPUT_H
#define BH_MODEL_INPUT_H

#include "model/graph.h"

// The pixel of a value of column j, j < n_columns:
//
//   clamp(round((value - mean) / dev * 255 / 8 + 127.5), 0, 255),
//
// ties to even, computed in double precision. NaN gives 0, as does minus infinity;
// values below 2^-126 count as 0.
uint8_t bh_column_pixel(const bh_input *input, uint32_t j, float value);

// Pixels (8 bits, [channel][row][column], exactly the input's shape) to `real`,
// computed in double precision: FIXED as pixel * (1 / (255 dev)) - mean / dev; IMAGE
// within 2^-50 of its exact value relatively, and then rounded to float.
void bh_normalise_pixels(const bh_graph *g, float *real, const uint8_t *pixels);

// x = clamp(round(real / x_scale), x_lo, x_hi), `real` and x being tensors of
// g->input.shape; ties to even, the quotient taken as real * (1 / x_scale). NaN gives
// x_lo. On some machines numbers below 2^-126 take longer; no pixel becomes one.
void bh_quantise_input(const bh_graph *g, int64_t *x, const float *real);

#endif
