// SPDX-License-Identifier: Apache-2.0
// The random numbers of training: seeded, the same on every platform, not for secrets.
// xoshiro256++ (Blackman and Vigna, ACM TOMS 47(4), 2021), seeded through splitmix64.
#ifndef BH_BAYES_RNG_H
#define BH_BAYES_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "bayes/real.h"

typedef struct bh_train_rng {
    uint64_t state[4];
} bh_train_rng;

bh_train_rng bh_train_rng_make(uint64_t seed);
uint64_t bh_train_rng_next(bh_train_rng *rng);
// 0 .. bound - 1; the bias is below bound / 2^32.
uint32_t bh_train_rng_below(bh_train_rng *rng, uint32_t bound);
// 0 .. len - 1 in random order.
void bh_train_rng_order(bh_train_rng *rng, uint32_t *order, size_t len);
// Standard deviates: a sum of 128 coins, smoothed over one step of it; of variance 1
// and excess kurtosis -0.016. That needs no logarithm, whose last bit differs between
// platforms.
void bh_train_rng_normals(bh_train_rng *rng, bh_real *out, size_t len);

#endif
