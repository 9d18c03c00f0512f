// SPDX-License-Identifier: Apache-2.0
// Linear layers on additive shares, in the clear: what a party computes on its own
// share of an input, modulo 2^32.
#ifndef BH_LINEAR_PLAIN_H
#define BH_LINEAR_PLAIN_H

#include "base/cpu.h"
#include "linear/linear.h"

// y[o][i][j] = sum over c, a, b of weights[o][c][a][b] * x[c][s i + a - pad]
// [s j + b - pad], modulo 2^32, pixels outside the image being zero. shape: one that
// bh_linear_init_shape takes; x and y: as many as bh_linear_in_len and
// bh_linear_out_len say, and apart. A fully connected layer is a 1 x 1 convolution of a
// 1 x 1 image. Every level gives the same; cpu: one that bh_cpu_has.
// CT: leaks shape and level, never x, weights or y.
void bh_plain_linear(const bh_linear_shape *shape, uint32_t *y, const uint32_t *x,
                     const int32_t *weights, bh_cpu cpu);

#endif
