// SPDX-License-Identifier: Apache-2.0
// Constant-time selection: the only place where masks are made.
//
// A mask is all ones or all zeroes. The barrier hides its value from the optimiser,
// which could otherwise turn a masked select back into a branch. For MemorySanitizer,
// which reports a secret that enters an assembly statement, it holds the place of the
// value instead of the value.
// CT: nothing here leaks its arguments.
#ifndef BH_BASE_CT_H
#define BH_BASE_CT_H

#include <stdint.h>

static inline uint64_t bh_ct_barrier(uint64_t x)
{
#ifdef BH_CT_MSAN
    __asm__("" : "+m"(x));
#else
    __asm__("" : "+r"(x));
#endif
    return x;
}

// All ones if x is negative as a two's complement number.
static inline uint64_t bh_ct_mask_negative(uint64_t x)
{
    return bh_ct_barrier(0 - (x >> 63));
}

// All ones if a < b. Exact when both are below 2^63.
static inline uint64_t bh_ct_mask_less(uint64_t a, uint64_t b)
{
    return bh_ct_mask_negative(a - b);
}

// All ones if a == b. Exact when both are below 2^63.
static inline uint64_t bh_ct_mask_equal(uint64_t a, uint64_t b)
{
    return bh_ct_mask_less(a ^ b, 1);
}

// All ones if `bit`, which is 0 or 1, is 1. For loops over arrays: without a barrier,
// because an assembly statement for each number would keep compilers from using
// vectors. What they make of it is for tools/check-branches and tests/ct to judge.
static inline uint32_t bh_ct_mask32(uint32_t bit)
{
    return 0 - bit;
}

static inline uint64_t bh_ct_select(uint64_t mask, uint64_t if_set, uint64_t if_clear)
{
    return if_clear ^ (mask & (if_set ^ if_clear));
}

// Signed minimum and maximum; the difference of the arguments must fit in 63 bits.
static inline int64_t bh_ct_max(int64_t a, int64_t b)
{
    uint64_t mask = bh_ct_mask_negative((uint64_t)a - (uint64_t)b);
    return (int64_t)bh_ct_select(mask, (uint64_t)b, (uint64_t)a);
}

static inline int64_t bh_ct_min(int64_t a, int64_t b)
{
    uint64_t mask = bh_ct_mask_negative((uint64_t)a - (uint64_t)b);
    return (int64_t)bh_ct_select(mask, (uint64_t)a, (uint64_t)b);
}

static inline int64_t bh_ct_clamp(int64_t x, int64_t lo, int64_t hi)
{
    return bh_ct_min(bh_ct_max(x, lo), hi);
}

// Set bits of x. In arithmetic, because the compiler's builtin is a table look-up on
// processors that have no such instruction.
static inline uint64_t bh_ct_popcount(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (x * UINT64_C(0x0101010101010101)) >> 56;
}

#endif
