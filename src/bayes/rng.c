// SPDX-License-Identifier: Apache-2.0
#include "bayes/rng.h"

bh_train_rng bh_train_rng_make(uint64_t seed)
{
    bh_train_rng rng;
    for (size_t i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        rng.state[i] = z ^ (z >> 31);
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

// Bits set in a and b together. The two are merged once their fields are wide enough
// for the sum: 8 bits hold up to 16.
static unsigned count_bits(uint64_t a, uint64_t b)
{
    const uint64_t m1 = 0x5555555555555555u, m2 = 0x3333333333333333u;
    const uint64_t m4 = 0x0f0f0f0f0f0f0f0fu;
    a -= (a >> 1) & m1;
    b -= (b >> 1) & m1;
    a = (a & m2) + ((a >> 2) & m2);
    b = (b & m2) + ((b >> 2) & m2);
    a = ((a + (a >> 4)) & m4) + ((b + (b >> 4)) & m4);
    return (unsigned)((a * 0x0101010101010101u) >> 56);
}

void bh_train_rng_normals(bh_train_rng *rng, bh_real *out, size_t len)
{
    // A sum of 128 coins has variance 32, the uniform part 1/12.
    const double scale = 0.17654696590094993; // 1 / sqrt(32 + 1/12)
    uint64_t fractions = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 4 == 0) {
            fractions = bh_train_rng_next(rng);
        }
        uint64_t a = bh_train_rng_next(rng), b = bh_train_rng_next(rng);
        double u = ((double)(fractions & 0xffff) + 0.5) / 65536 - 0.5;
        fractions >>= 16;
        out[i] = (bh_real)(((double)count_bits(a, b) - 64 + u) * scale);
    }
}
