// SPDX-License-Identifier: Apache-2.0
// The forward transform: Cooley-Tukey, half = n/2, ..., 2, 1, a factor for each block:
// block i of b blocks has number b + i.
//
// Table, 2n words: place i < n/8 holds a factor and its quotient. Those of the last
// three stages follow in the order of the squares, in the lanes where forward_lanes
// wants them.
#include "ring/ntt_avx512.h"

#include "ring/butterfly_avx512.h"

#define SQUARE_WORDS (14 * 8)
// Where, in a square's words, those of a pair of registers begin in one of the last
// three stages, step = 0, 1, 2: 2^(step+1) factors, then as many quotients.
#define PAIR_WORDS(step, pair) (128 - (32 << (step)) + (4 << (step)) * (pair))

void bh_ntt_fill_forward_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n)
{
    for (size_t i = 0; i < n / 8; i++) {
        table[2 * i] = factors[i];
        table[2 * i + 1] = quotient52(m, factors[i]);
    }
    for (size_t pair = 0; pair < n / 16; pair++) {
        uint64_t *square = table + n / 4 + SQUARE_WORDS * (pair / 4);
        for (unsigned step = 0; step < 3; step++) {
            uint64_t *out = square + PAIR_WORDS(step, pair % 4);
            const size_t count = (size_t)2 << step; // blocks in two registers
            for (size_t k = 0; k < count; k++) {    // lane bit 0: which of the two
                size_t block = k % 2 * (count / 2) + k / 2;
                out[k] = factors[(n / 16 + pair) * count + block];
                out[count + k] = quotient52(m, out[k]);
            }
        }
    }
}

// `count` factors from number i on.
INLINE void load_factors(factor *f, const uint64_t *table, size_t i, size_t count)
{
    UNROLL
    for (size_t k = 0; k < count; k++) {
        const uint64_t *at = table + 2 * (i + k);
        f[k] = (factor){v8_all(at[0]), v8_all(at[1])};
    }
}

// ---- ranges ----
//
// With `lazy`, input above -q is raised by (log2 n + 1) q; log2 n stages move it by q
// each, so that every number lies between 0 and (2 log2 n + 2) q <= 28q < 2^52. The
// multiplications of the first stage raise it beside what else they do.

// What the first pass needs.
typedef struct start {
    const int32_t *small; // the input, or NULL: it stands in a
    v8 quotient, twice;   // the multiple of q that is added: 1 less so many; twice it
} start;

static start start_of(const bh_ntt *t, const int32_t *small)
{
    uint64_t more = t->log2_n + 1;
    return (start){small, v8_all(1 - more), v8_all(2 * more * t->mod.q)};
}

// The input at place i; small numbers not below zero if `multiplied`.
INLINE v8 take(const v8_modulus *m, const start *from, const uint64_t *a, size_t i,
               int multiplied)
{
    if (from == NULL || from->small == NULL) {
        return v8_load(a + i);
    }
    const void *small = from->small + i;
    v8 x = _mm512_cvtepi32_epi64(_mm256_loadu_si256(small));
    return multiplied ? _mm512_add_epi64(x, m->q) : x;
}

INLINE void first_butterfly(const v8_modulus *m, const start *from, v8 *x, v8 *y,
                            factor f, int lazy)
{
    if (!lazy) {
        butterfly(m, x, y, f, 0);
        return;
    }
    v8 quotient = v8_mul_hi(from->quotient, f.quotient, *y);
    v8 twice = v8_mul_lo(from->twice, *x, v8_all(2));
    *x = v8_mul_lo(v8_mul_lo(*x, f.w, *y), quotient, m->minus_q);
    *y = _mm512_sub_epi64(twice, *x);
}

// Out: below 2^52, tidy: 2x < 54q < 2^52, and x + w y is not above it.
INLINE void last_butterfly(const v8_modulus *m, v8 *x, v8 *y, factor f, int lazy)
{
    if (!lazy) {
        butterfly(m, x, y, f, 0);
        return;
    }
    v8 quotient = v8_mul_hi(v8_all(1), f.quotient, *y);
    v8 twice = v8_mul_lo(_mm512_setzero_si512(), *x, v8_all(2));
    *x = v8_tidy(m, v8_mul_lo(v8_mul_lo(*x, f.w, *y), quotient, m->minus_q));
    *y = _mm512_sub_epi64(twice, *x);
}

// ---- half >= 8 ----

// The factors of `stages` stages on one block, number `block`, of the first of them.
INLINE void load_stages(factor *f, const uint64_t *table, size_t block, int stages)
{
    UNROLL
    for (int s = 0; s < stages; s++) {
        load_factors(f + (1 << s) - 1, table, block << s, (size_t)1 << s);
    }
}

// Those stages on registers from place i on, `stride` apart. `from` is NULL for all but
// the first pass.
INLINE void forward_stages(const v8_modulus *m, const start *from, const uint64_t *a,
                           size_t i, size_t stride, const factor *f, int stages, v8 *x,
                           int lazy)
{
    const int count = 1 << stages;
    UNROLL
    for (int k = 0; k < count; k++) {
        x[k] = take(m, from, a, i + (size_t)k * stride, !lazy || k >= count / 2);
    }
    UNROLL
    for (int s = 0; s < stages; s++) {
        if (s > 0 || from == NULL) {
            stage(m, x, count, count / 2 >> s, f + (1 << s) - 1, 0, lazy);
            continue;
        }
        UNROLL
        for (int k = 0; k < count / 2; k++) {
            first_butterfly(m, from, &x[k], &x[k + count / 2], f[0], lazy);
        }
    }
}

// Stages from that of `blocks` blocks on.
INLINE void forward_pass(const bh_ntt *t, uint64_t *a, const start *from, size_t blocks,
                         int stages, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const size_t len = t->n / blocks, stride = len >> stages;
    for (size_t block = 0; block < blocks; block++) {
        factor f[7];
        load_stages(f, t->forward, blocks + block, stages);
        for (size_t i = block * len; i < block * len + stride; i += 8) {
            v8 x[8];
            forward_stages(&m, from, a, i, stride, f, stages, x, lazy);
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                v8_store(a + i + (size_t)k * stride, x[k]);
            }
        }
    }
}

// ---- half = 4, 2, 1 ----

// Orders of lanes: those of two registers by turns, the lower and the upper ones; the
// same with pairs of lanes.
typedef struct orders {
    v8 low, high, low2, high2;
} orders;

INLINE void exchange(v8 *x, v8 *y, v8 low, v8 high)
{
    v8 a = *x, b = *y;
    *x = _mm512_permutex2var_epi64(a, low, b);
    *y = _mm512_permutex2var_epi64(a, high, b);
}

// Step 0, 1, 2 on a square, in pairs of registers. The bits of a lane stand for these
// bits of the place, r being that which told the registers apart at first: 2 1 0, then
// 1 0 r with 2 between the registers, 0 2 r with 1, 2 1 r with 0. Behind that, taking
// lanes by turns gives the places in their order.
INLINE void forward_lanes(const v8_modulus *m, const orders *o, const uint64_t *table,
                          v8 *x, int step, int lazy)
{
    UNROLL
    for (size_t k = 0; k < 8; k += 2) {
        const uint64_t *at = table + PAIR_WORDS(step, k / 2);
        const void *w = at, *quotient = at + (2 << step);
        if (step == 0) {
            factor f = {_mm512_broadcast_i64x2(_mm_loadu_si128(w)),
                        _mm512_broadcast_i64x2(_mm_loadu_si128(quotient))};
            exchange(&x[k], &x[k + 1], o->low, o->high);
            butterfly(m, &x[k], &x[k + 1], f, lazy);
        } else if (step == 1) {
            factor f = {_mm512_broadcast_i64x4(_mm256_loadu_si256(w)),
                        _mm512_broadcast_i64x4(_mm256_loadu_si256(quotient))};
            exchange(&x[k], &x[k + 1], o->low2, o->high2);
            butterfly(m, &x[k], &x[k + 1], f, lazy);
        } else {
            factor f = {v8_load(w), v8_load(quotient)};
            exchange(&x[k], &x[k + 1], o->low2, o->high2);
            last_butterfly(m, &x[k], &x[k + 1], f, lazy);
        }
    }
}

// The last three stages of square i, which has the others behind it, and, if there is
// `more`, the three before them of the next one: by themselves, either would leave the
// processor waiting for results.
INLINE void forward_square(const v8_modulus *m, const bh_ntt *t, const orders *o,
                           uint64_t *a, size_t i, v8 *x, int more, int lazy)
{
    const uint64_t *table = t->forward + t->n / 4 + SQUARE_WORDS * i;
    uint64_t *out = a + SQUARE * i;
    v8 next[8];
    UNROLL
    for (size_t k = 0; more && k < 8; k++) {
        next[k] = v8_load(out + SQUARE + 8 * k);
    }
    UNROLL
    for (int step = 0; step < 3; step++) {
        factor f[4];
        forward_lanes(m, o, table, x, step, lazy);
        if (more) {
            load_factors(f, t->forward, (t->n / SQUARE + i + 1) << step,
                         (size_t)1 << step);
            stage(m, next, 8, 4 >> step, f, 0, lazy);
        }
    }
    UNROLL
    for (size_t k = 0; k < 8; k += 2) {
        v8_store(out + 8 * k, _mm512_unpacklo_epi64(x[k], x[k + 1]));
        v8_store(out + 8 * k + 8, _mm512_unpackhi_epi64(x[k], x[k + 1]));
    }
    UNROLL
    for (size_t k = 0; more && k < 8; k++) {
        x[k] = next[k];
    }
}

// The last six stages.
INLINE void forward_squares(const bh_ntt *t, uint64_t *a, const start *from, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const size_t squares = t->n / SQUARE;
    const orders o = {
        .low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
        .high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15),
        .low2 = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
        .high2 = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15),
    };
    v8 x[8];
    factor f[7];
    load_stages(f, t->forward, squares, 3);
    forward_stages(&m, from, a, 0, 8, f, 3, x, lazy);
    for (size_t i = 0; i < squares - 1; i++) {
        forward_square(&m, t, &o, a, i, x, 1, lazy);
    }
    forward_square(&m, t, &o, a, squares - 1, x, 0, lazy);
}

INLINE void forward(const bh_ntt *t, uint64_t *a, const start *from, int lazy)
{
    size_t blocks = 1;
    for (size_t left = t->log2_n - 6; left > 0; from = NULL) {
        size_t stages = left < 3 ? left : 3;
        if (stages == 3) {
            forward_pass(t, a, from, blocks, 3, lazy);
        } else if (stages == 2) {
            forward_pass(t, a, from, blocks, 2, lazy);
        } else {
            forward_pass(t, a, from, blocks, 1, lazy);
        }
        blocks <<= stages;
        left -= stages;
    }
    forward_squares(t, a, from, lazy);
}

static void forward_from(const bh_ntt *t, uint64_t *a, const int32_t *small)
{
    const start from = start_of(t, small);
    if (t->mod.bits <= LAZY_BITS_Q) {
        forward(t, a, &from, 1);
    } else {
        forward(t, a, &from, 0);
    }
}

void bh_ntt_forward_avx512(const bh_ntt *t, uint64_t *a)
{
    forward_from(t, a, NULL);
}

void bh_ntt_forward_small_avx512(const bh_ntt *t, uint64_t *out, const int32_t *in)
{
    forward_from(t, out, in);
}
