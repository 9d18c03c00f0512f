// SPDX-License-Identifier: Apache-2.0
// Choosing how a layer is cut: the packing with the smallest predicted cost.
#ifndef BH_LINEAR_CHOOSE_H
#define BH_LINEAR_CHOOSE_H

#include "bayhenn/he.h"
#include "linear/linear.h"

// What things cost, in nanoseconds. The defaults are one core with portable kernels and
// a link of 1 Gbit/s; docs/performance.md says how they were measured.
typedef struct bh_cost {
    double byte;    // one byte on the link, either way
    double upload;  // one ciphertext: encryption, loading
    double product; // one plaintext polynomial: transform and multiply-accumulate
    double answer;  // one ciphertext: sanitising, switching, decryption
} bh_cost;

bh_cost bh_cost_default(void);

// How often a layer is evaluated for one query. The first layer's input is the same for
// all samples, so it is uploaded once.
typedef struct bh_repeats {
    uint32_t inputs, samples;
} bh_repeats;

// Bytes up and down of one query.
uint64_t bh_linear_bytes_up(const bh_linear *l, const bh_he *he, bh_repeats r);
uint64_t bh_linear_bytes_down(const bh_linear *l, const bh_he *he, unsigned t_bits,
                              bh_repeats r);
// Predicted nanoseconds of one query.
double bh_linear_cost(const bh_linear *l, const bh_he *he, unsigned t_bits,
                      bh_repeats r, const bh_cost *cost);

// The cheapest packing of all tilings and block sizes. BH_ERR_ARG for an impossible
// shape, BH_ERR_PARAMS if nothing fits (a kernel larger than a polynomial),
// BH_ERR_NOISE if no packing's noise bound does with weights up to w_max.
bh_status bh_linear_choose(bh_linear *out, const bh_linear_shape *shape,
                           const bh_he *he, unsigned t_bits, uint32_t w_max,
                           bh_repeats r, const bh_cost *cost) BH_MUST_CHECK;

#endif
