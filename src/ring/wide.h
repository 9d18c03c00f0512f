// SPDX-License-Identifier: Apache-2.0
// The 64 x 64 -> 128 bit product: the only place that knows whether the compiler has a
// 128-bit integer. Without one (32-bit targets, or BH_PORTABLE_WIDE_MULTIPLY for
// tests) it is four 32-bit products.
// CT: nothing leaks on machines whose multiplier takes constant time.
#ifndef BH_RING_WIDE_H
#define BH_RING_WIDE_H

#include <stdint.h>

#include "base/secret.h"

typedef struct bh_u128 {
    uint64_t hi, lo;
} bh_u128;

#if defined(__SIZEOF_INT128__) && !defined(BH_PORTABLE_WIDE_MULTIPLY)

__extension__ typedef unsigned __int128 bh_native_u128;

static inline bh_u128 bh_wide_mul(uint64_t a, uint64_t b)
{
    bh_native_u128 p = (bh_native_u128)a * b;
    bh_u128 out = {(uint64_t)(p >> 64), (uint64_t)p};
    // MemorySanitizer marks the bits of a product that are marked in a factor: no upper
    // ones.
    BH_SECRET_FROM(&out.hi, sizeof out.hi, &a, sizeof a, &b, sizeof b);
    return out;
}

#else

static inline bh_u128 bh_wide_mul(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0;
    uint64_t mid = a1 * b0 + (low >> 32); // <= (2^32-1)^2 + 2^32-1 < 2^64
    uint64_t mid2 = a0 * b1 + (uint32_t)mid;
    return (bh_u128){a1 * b1 + (mid >> 32) + (mid2 >> 32),
                     (mid2 << 32) | (uint32_t)low};
}

#endif

static inline uint64_t bh_wide_mul_hi(uint64_t a, uint64_t b)
{
    return bh_wide_mul(a, b).hi;
}

static inline bh_u128 bh_wide_add(bh_u128 a, uint64_t b)
{
    uint64_t lo = a.lo + b;
    return (bh_u128){a.hi + (lo < b), lo};
}

// floor(x / 2^shift) truncated to 64 bits, 0 < shift < 64.
static inline uint64_t bh_wide_shift_right(bh_u128 x, unsigned shift)
{
    return (x.hi << (64 - shift)) | (x.lo >> shift);
}

#endif
