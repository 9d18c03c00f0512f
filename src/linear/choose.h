// SPDX-License-Identifier: Apache-2.0
// The ways in which a layer can sensibly be cut, for a planner to choose from.
#ifndef BH_LINEAR_CHOOSE_H
#define BH_LINEAR_CHOOSE_H

#include "bayhenn/he.h"
#include "linear/linear.h"

// How often a layer is evaluated for one query. The first layer's input is the same for
// all samples, so it is uploaded once.
typedef struct bh_repeats {
    uint32_t inputs, samples;
} bh_repeats;

static inline bh_repeats bh_repeats_of(uint32_t layer, uint32_t samples)
{
    return (bh_repeats){.inputs = layer == 0 ? 1 : samples, .samples = samples};
}

// Bytes up and down of one query.
uint64_t bh_linear_bytes_up(const bh_linear *l, const bh_he *he, bh_repeats r);
uint64_t bh_linear_bytes_down(const bh_linear *l, const bh_he *he, unsigned t_bits,
                              bh_repeats r);

// Products of one sample: plaintext polynomials transformed and multiplied.
static inline uint64_t bh_linear_products(const bh_linear *l)
{
    return (uint64_t)l->n_answers * l->in_blocks;
}

// Whatever a packing costs, in time or bytes, grows with its numbers of uploads,
// products and answers. So the packings worth considering are those that no other one
// equals or beats in all three. A fully connected layer of a graph has fewer than 256:
// in_blocks takes the values up to 2 sqrt(weights / n) that change out_blocks.
#define BH_LINEAR_CHOICES_MAX 256
typedef struct bh_linear_choices {
    uint32_t count;
    bh_linear items[BH_LINEAR_CHOICES_MAX];
} bh_linear_choices;

// Fills in the choices among all tilings (up to 32 strips each way) and block sizes,
// at least one. BH_ERR_ARG for an impossible shape, BH_ERR_PARAMS if nothing fits (a
// kernel larger than a polynomial), BH_ERR_NOISE if no packing's noise bound does with
// weights up to w_max.
bh_status bh_linear_choose(bh_linear_choices *out, const bh_linear_shape *shape,
                           const bh_he *he, unsigned t_bits,
                           uint32_t w_max) BH_MUST_CHECK;

#endif
