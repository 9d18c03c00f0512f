// SPDX-License-Identifier: Apache-2.0
// What the two AVX-512 transforms share: factors and butterflies.
//
// Either is a sequence of stages; that of `half` takes pairs of places, half apart, in
// blocks of 2 half places. Stages with half >= 8 work on whole registers, as many as
// three to a pass over memory. The other three exchange lanes between two registers, so
// that each of them finds the two places of a pair in the same lane.
#ifndef BH_RING_BUTTERFLY_AVX512_H
#define BH_RING_BUTTERFLY_AVX512_H

#include "ring/avx512.h"

#define INLINE static inline __attribute__((always_inline))
// Loops over registers must disappear: an array that is indexed is kept in memory.
#define UNROLL _Pragma("GCC unroll 8")

// Functions below are for primes of so many bits if `lazy`, which is a constant
// wherever they are called, and for larger ones otherwise.
#define LAZY_BITS_Q 46
// The stages of half <= 32 go through the data by so many neighbours, eight registers.
#define SQUARE 64

// A factor, or one for each lane, and floor(w 2^52 / q).
typedef struct factor {
    v8 w, quotient;
} factor;

static inline uint64_t quotient52(const bh_modulus *m, uint64_t w)
{
    return bh_mod_shoup_quotient(m, w) >> 12;
}

// (x, y) -> (x + w y, x - w y), for any y below 2^52. With `lazy` the quotient counts
// one too many, so that the product u lies in [-q, q), and x +- u moves both bounds of
// x by q: the callers see to it that the sum stays within [0, 2^52). Words are right
// modulo 2^52. Otherwise x, below 4q <= 2^52, is brought below 2q first, and the
// product lies in [0, 2q): all tidy.
INLINE void butterfly(const v8_modulus *m, v8 *x, v8 *y, factor f, int lazy)
{
    if (lazy) {
        v8 quotient = v8_mul_hi(v8_all(1), f.quotient, *y);
        v8 twice = _mm512_add_epi64(*x, *x);
        *x = v8_mul_lo(v8_mul_lo(*x, f.w, *y), quotient, m->minus_q);
        *y = _mm512_sub_epi64(twice, *x);
        return;
    }
    v8 product = v8_tidy(m, v8_shoup(m, *y, f.w, f.quotient));
    v8 reduced = v8_reduce_once(*x, m->two_q);
    *y = _mm512_add_epi64(_mm512_sub_epi64(reduced, product), m->two_q);
    *x = _mm512_add_epi64(reduced, product);
}

// (x, y) -> (x + y, x - y). With `lazy` the caller sees to it that x >= y. Otherwise in
// and out: below 4q, tidy.
INLINE void plain_butterfly(const v8_modulus *m, v8 *x, v8 *y, int lazy)
{
    v8 a = *x, b = *y;
    if (!lazy) {
        a = v8_reduce_once(a, m->two_q);
        b = v8_reduce_once(b, m->two_q);
    }
    *x = _mm512_add_epi64(a, b);
    *y = _mm512_sub_epi64(a, b);
    if (!lazy) {
        *y = _mm512_add_epi64(*y, m->two_q);
    }
}

// One stage on `count` registers, which are numbered as its places are. A factor for
// each block, or for each place of a block.
INLINE void stage(const v8_modulus *m, v8 *x, int count, int half, const factor *f,
                  int by_place, int lazy)
{
    UNROLL
    for (int i = 0; i < count / 2; i++) {
        int block = i / half, place = i % half, at = 2 * half * block + place;
        butterfly(m, &x[at], &x[at + half], f[by_place ? place : block], lazy);
    }
}

#endif
