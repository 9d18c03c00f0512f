// SPDX-License-Identifier: Apache-2.0
// Naive arithmetic that shares nothing with src/ring: 128-bit remainders, sums over all
// pairs. Slow and obvious.
#ifndef BH_TESTS_SUPPORT_REFERENCE_H
#define BH_TESTS_SUPPORT_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 ref_u128;
__extension__ typedef __int128 ref_i128;

static inline uint64_t ref_mul(uint64_t a, uint64_t b, uint64_t q)
{
    return (uint64_t)((ref_u128)a * b % q);
}

static inline uint64_t ref_pow(uint64_t a, uint64_t e, uint64_t q)
{
    uint64_t r = 1 % q;
    for (a %= q; e > 0; e >>= 1) {
        r = e & 1 ? ref_mul(r, a, q) : r;
        a = ref_mul(a, a, q);
    }
    return r;
}

static inline size_t ref_reverse_bits(size_t i, size_t n)
{
    size_t r = 0;
    for (size_t bit = 1; bit < n; bit *= 2) {
        r = 2 * r + (i & 1);
        i >>= 1;
    }
    return r;
}

// The value of a at x modulo q, by Horner.
static inline uint64_t ref_evaluate(const uint64_t *a, size_t n, uint64_t x, uint64_t q)
{
    uint64_t r = 0;
    for (size_t i = n; i-- > 0;) {
        r = (uint64_t)(((ref_u128)r * x + a[i]) % q);
    }
    return r;
}

// out = a b modulo X^n + 1 and q; operands below 2^52, n <= 2^13: sums stay below
// 2^117.
static inline void ref_negacyclic(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                  size_t n, uint64_t q)
{
    for (size_t i = 0; i < n; i++) {
        ref_u128 plus = 0, minus = 0;
        for (size_t j = 0; j <= i; j++) {
            plus += (ref_u128)a[j] * b[i - j];
        }
        for (size_t j = i + 1; j < n; j++) {
            minus += (ref_u128)a[j] * b[n + i - j];
        }
        out[i] = (uint64_t)((plus % q + q - minus % q) % q);
    }
}

static inline int64_t ref_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && a < 0);
}

// Bit k of value i is bit i * bits + k of the bytes.
static inline unsigned ref_packed_bit(const uint8_t *bytes, size_t at)
{
    return (bytes[at / 8] >> (at % 8)) & 1;
}

#endif
