// SPDX-License-Identifier: Apache-2.0
// The random numbers of training: seeded, the same on every platform, not for secrets.
// xoshiro256++ (Blackman and Vigna, ACM TOMS 47(4), 2021), seeded through splitmix64.
//
// Nothing in training goes on where another piece of work stopped: every piece has a
// generator of its own, made from the seed and the piece's place. So the result depends
// neither on threads nor on where a run was interrupted.
#ifndef BH_BAYES_RNG_H
#define BH_BAYES_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct bh_train_rng {
    uint64_t state[4];
} bh_train_rng;

// What a generator is for.
typedef enum bh_train_purpose {
    BH_PURPOSE_MEMBER, // the seed of one member of an ensemble
    BH_PURPOSE_FIRST,  // first weights
    BH_PURPOSE_ORDER,  // of the images in an epoch
    BH_PURPOSE_STRAND, // augmentation and noise of one strand of a step
    BH_PURPOSE_PRIOR,  // draws for a prior without a closed form
    BH_PURPOSE_CHUNK,  // weights for some images of a prediction
} bh_train_purpose;

// A seed that depends on all of these.
uint64_t bh_train_seed(uint64_t seed, bh_train_purpose purpose, uint64_t a, uint64_t b);

bh_train_rng bh_train_rng_make(uint64_t seed);
uint64_t bh_train_rng_next(bh_train_rng *rng);
// 0 .. bound - 1; the bias is below bound / 2^32.
uint32_t bh_train_rng_below(bh_train_rng *rng, uint32_t bound);
// 0 .. len - 1 in random order.
void bh_train_rng_order(bh_train_rng *rng, uint32_t *order, size_t len);

#endif
