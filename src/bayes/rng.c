// SPDX-License-Identifier: Apache-2.0
#include "bayes/rng.h"

#include "base/mix.h"

uint64_t bh_train_seed(uint64_t seed, bh_train_purpose purpose, uint64_t a, uint64_t b)
{
    seed = bh_mix(seed) + (uint64_t)purpose;
    seed = bh_mix(seed) + a;
    return bh_mix(seed) + b;
}

bh_train_rng bh_train_rng_make(uint64_t seed)
{
    bh_train_rng rng;
    for (size_t i = 0; i < 4; i++, seed += BH_MIX_STEP) {
        rng.state[i] = bh_mix(seed);
    }
    return rng;
}

static uint64_t rotate(uint64_t x, unsigned k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t bh_train_rng_next(bh_train_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t bh_train_rng_below(bh_train_rng *rng, uint32_t bound)
{
    return (uint32_t)(((bh_train_rng_next(rng) >> 32) * bound) >> 32);
}

void bh_train_rng_order(bh_train_rng *rng, uint32_t *order, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t i = len; i > 1; i--) {
        uint32_t j = bh_train_rng_below(rng, (uint32_t)i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}
