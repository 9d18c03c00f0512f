// SPDX-License-Identifier: Apache-2.0
// The inverse transform: decimation in time, half = 1, 2, ..., n/2, with the butterfly
// of the forward transform. Place i of the input holds the value at psi^(2 brv(i) + 1);
// coefficient j is psi^-j / n times the sum of those values times psi^(-2 brv(i) j). So
// the stage of `half` has the factor psi^(-n/half j) at place j of every block, none
// for half = 1; and behind the last one place j is multiplied by psi^-j R / n.
//
// The last S <= 3 stages differ. With h = n / 2^S, their factor at place j + h p of a
// block is psi^(-n/half j), merged with psi^-j R / n and taken to the front, where
// block k of 2^S is multiplied at place j by psi^(-j (2 brv(k) + 1)) R / n; and a
// constant, a power of psi^(-n/8), as is psi^(-h p), which is left for the end.
//
// Table, 4n words, registers of factors followed by their quotients: at 0 the powers of
// psi^(-n/8); at 2 half the factors of that stage, h > half >= 8; at 2n those of the
// last pass, in the order in which it wants them.
#include "ring/butterfly_avx512.h"
#include "ring/ntt_avx512.h"

// S.
static int last_stages(size_t n)
{
    return n >= 8 * SQUARE ? 3 : n >= 4 * SQUARE ? 2 : n >= 2 * SQUARE ? 1 : 0;
}

// count factors first, first w, first w^2, ...; `stride` words from register to
// register.
static void fill_places(const bh_modulus *m, uint64_t *table, size_t stride,
                        uint64_t first, uint64_t w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t *out = table + stride * (i / 8) + i % 8;
        out[0] = first;
        out[8] = quotient52(m, first);
        first = bh_mod_mul(m, first, w);
    }
}

// psi^(-n/half) is in place half / 2 of `factors`; psi^-(2 brv(k) + 1), brv of S bits,
// in place n/2 + k n/2^(S+1).
void bh_ntt_fill_inverse_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n)
{
    const size_t blocks = (size_t)1 << last_stages(n);
    fill_places(m, table, 16, 1, factors[4], 8);
    for (size_t half = 8; half < n / blocks; half *= 2) {
        fill_places(m, table + 2 * half, 16, 1, factors[half / 2], half);
    }
    for (size_t k = 0; k < blocks; k++) {
        uint64_t w = factors[n / 2 + k * (n / 2 / blocks)];
        fill_places(m, table + 2 * n + 16 * k, 16 * blocks, factors[0], w, n / blocks);
    }
}

INLINE factor load_factor(const uint64_t *at)
{
    return (factor){v8_load(at), v8_load(at + 8)};
}

// The factors of the stage of `half`, for `count` registers of which the first one is
// at place j of a block; places `stride` apart.
INLINE void load_factors(factor *f, const bh_ntt *t, size_t half, size_t j,
                         size_t stride, size_t count)
{
    UNROLL
    for (size_t k = 0; k < count; k++) {
        f[k] = load_factor(t->inverse + 2 * (half + j + k * stride));
    }
}

// ---- half = 1, 2, 4, and 8, 16, 32 ----

typedef struct start {
    v8 barrett;
    v8 quotient;      // the multiples of q that are added: minus so many
    factor two, four; // the factors of half = 2, 4, in the order of the lanes there
    v8 even, odd;     // lanes of two registers
} start;

// Sums of products are below 2^13 q <= 2^63 and come below 2q: as for v8_reduce_word,
// but that b makes the quotient miss by no more than 2^63 / 2^64.
//
// With `lazy`, (log2 n + 1) q is added to the x of the first stage. What leaves it lies
// between (log2 n - 1) q and (log2 n + 5) q, and the others, fewer than log2 n, keep it
// positive and below (2 log2 n + 4) q <= 30q.
INLINE start start_of(const bh_ntt *t, int lazy)
{
    const v8 two = _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4);
    const v8 four = _mm512_setr_epi64(0, 0, 2, 2, 4, 4, 6, 6);
    const factor f = load_factor(t->inverse);
    const long long more = lazy ? -(long long)(t->log2_n + 1) : 0;
    return (start){
        .barrett = v8_all(t->mod.barrett),
        .quotient = _mm512_setr_epi64(more, 0, more, 0, more, 0, more, 0),
        .two = {_mm512_permutexvar_epi64(two, f.w),
                _mm512_permutexvar_epi64(two, f.quotient)},
        .four = {_mm512_permutexvar_epi64(four, f.w),
                 _mm512_permutexvar_epi64(four, f.quotient)},
        .even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
        .odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15),
    };
}

INLINE v8 take(const v8_modulus *m, const start *s, const uint64_t *a, int lazy)
{
    v8 x = v8_load(a);
    v8 quotient = v8_mul_hi(s->quotient, _mm512_srli_epi64(x, 12), s->barrett);
    x = v8_mul_lo(x, quotient, m->minus_q);
    return lazy ? x : v8_tidy(m, x);
}

// The stage of half = 1, 2, 4 (step = 0, 1, 2) on the square from a on, in pairs of
// registers. The bits of a lane stand for these bits of the place, r being that which
// told the registers apart at first: 2 1 0, then 2 1 r with 0 between the registers,
// 0 2 r with 1, 1 0 r with 2, and 2 1 0 again.
INLINE void inverse_lanes(const v8_modulus *m, const start *s, const uint64_t *a, v8 *x,
                          int step, int lazy)
{
    UNROLL
    for (size_t k = 0; k < 8; k += 2) {
        v8 *y = x + k, *z = y + 1, even, odd;
        if (step == 0) {
            even = take(m, s, a + 8 * k, lazy);
            odd = take(m, s, a + 8 * k + 8, lazy);
            *y = _mm512_unpacklo_epi64(even, odd);
            *z = _mm512_unpackhi_epi64(even, odd);
            plain_butterfly(m, y, z, lazy);
            continue;
        }
        even = _mm512_shuffle_i64x2(*y, *z, 0x88);
        odd = _mm512_shuffle_i64x2(*y, *z, 0xdd);
        butterfly(m, &even, &odd, step == 1 ? s->two : s->four, lazy);
        *y = step == 1 ? even : _mm512_permutex2var_epi64(even, s->even, odd);
        *z = step == 1 ? odd : _mm512_permutex2var_epi64(even, s->odd, odd);
    }
}

// Half = 8, 16, 32 on the square at a, which has the others behind it, and, if there is
// `more`, half = 1, 2, 4 on the next one: by themselves, either would leave the
// processor waiting for results.
INLINE void inverse_square(const v8_modulus *m, const bh_ntt *t, const start *s,
                           uint64_t *a, v8 *x, int more, int lazy)
{
    v8 next[8];
    UNROLL
    for (int step = 0; step < 3; step++) {
        if (more) {
            inverse_lanes(m, s, a + SQUARE, next, step, lazy);
        }
        factor f[4];
        load_factors(f, t, (size_t)8 << step, 0, 8, (size_t)1 << step);
        stage(m, x, 8, 1 << step, f, 1, lazy);
    }
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8_store(a + 8 * k, x[k]);
    }
    UNROLL
    for (size_t k = 0; more && k < 8; k++) {
        x[k] = next[k];
    }
}

INLINE void inverse_squares(const bh_ntt *t, uint64_t *a, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const start s = start_of(t, lazy);
    v8 x[8];
    UNROLL
    for (int step = 0; step < 3; step++) {
        inverse_lanes(&m, &s, a, x, step, lazy);
    }
    const uint64_t *last = a + t->n - SQUARE;
    for (; a != last; a += SQUARE) {
        inverse_square(&m, t, &s, a, x, 1, lazy);
    }
    inverse_square(&m, t, &s, a, x, 0, lazy);
}

// ---- half >= 64 ----

// Stages from `half` on.
INLINE void inverse_pass(const bh_ntt *t, uint64_t *a, size_t half, int stages,
                         int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const int count = 1 << stages;
    for (size_t j = 0; j < half; j += 8) {
        factor f[7];
        UNROLL
        for (int s = 0; s < stages; s++) {
            load_factors(f + (1 << s) - 1, t, half << s, j, half, (size_t)1 << s);
        }
        for (size_t i = j; i < t->n; i += half << stages) {
            v8 x[8];
            UNROLL
            for (int k = 0; k < count; k++) {
                x[k] = v8_load(a + i + (size_t)k * half);
            }
            UNROLL
            for (int s = 0; s < stages; s++) {
                stage(&m, x, count, 1 << s, f + (1 << s) - 1, 1, lazy);
            }
            UNROLL
            for (int k = 0; k < count; k++) {
                v8_store(a + i + (size_t)k * half, x[k]);
            }
        }
    }
}

// The first factor of the last pass. With `lazy` the quotient leaves so many q in the
// product besides that x >= y wherever the constant stages have no factor, and y >= 0
// where they have one: at half = 1, for x in [14, 16), [2, 4), [6, 8), [2, 4) and y in
// [0, 2), in q; at half = 2, for [14, 18) - [2, 6), [6, 10) - [2, 6); at half = 4, for
// [16, 24) - [8, 16). The largest is that sum, below 40q <= 2^52.
INLINE v8 twist(const v8_modulus *m, const uint64_t *a, const uint64_t *table, int k,
                int lazy)
{
    static const int more[8] = {14, 0, 2, 0, 6, 0, 2, 0};
    v8 y = v8_load(a);
    factor f = load_factor(table);
    if (!lazy) {
        return v8_tidy(m, v8_shoup(m, y, f.w, f.quotient));
    }
    v8 quotient = v8_mul_hi(v8_all(-(uint64_t)more[k]), y, f.quotient);
    return v8_mul_lo(v8_mul_lo(_mm512_setzero_si512(), y, f.w), quotient, m->minus_q);
}

// The last S stages. Out: canonical.
INLINE void inverse_last(const bh_ntt *t, uint64_t *a, int stages, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const int count = 1 << stages;
    const size_t h = t->n >> stages;
    const uint64_t *table = t->inverse + 2 * t->n;
    factor power[8];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        power[k] = (factor){v8_all(t->inverse[k]), v8_all(t->inverse[8 + k])};
    }
    for (size_t j = 0; j < h; j += 8) {
        v8 x[8];
        UNROLL
        for (int k = 0; k < count; k++, table += 16) {
            x[k] = twist(&m, a + j + (size_t)k * h, table, k, lazy);
        }
        UNROLL
        for (int half = 1; half < count; half *= 2) {
            UNROLL
            for (int i = 0; i < count / 2; i++) {
                int p = i % half, at = 2 * (i - p) + p;
                if (p == 0) {
                    plain_butterfly(&m, &x[at], &x[at + half], lazy);
                } else {
                    butterfly(&m, &x[at], &x[at + half], power[8 / half * p], lazy);
                }
            }
        }
        UNROLL
        for (int k = 0; k < count; k++) {
            factor f = power[8 / count * k];
            v8 y = v8_tidy(&m, v8_shoup(&m, x[k], f.w, f.quotient));
            v8_store(a + j + (size_t)k * h, v8_reduce_once(y, m.q));
        }
    }
}

// The passes between are of fewer than three stages at first.
INLINE void inverse(const bh_ntt *t, uint64_t *a, int lazy)
{
    const int last = last_stages(t->n);
    const size_t h = t->n >> last;
    inverse_squares(t, a, lazy);
    size_t left = t->log2_n - 6 - (size_t)last, half = SQUARE;
    while (half < h) {
        size_t stages = left % 3 == 0 ? 3 : left % 3;
        if (stages == 3) {
            inverse_pass(t, a, half, 3, lazy);
        } else if (stages == 2) {
            inverse_pass(t, a, half, 2, lazy);
        } else {
            inverse_pass(t, a, half, 1, lazy);
        }
        half <<= stages;
        left -= stages;
    }
    if (last == 3) {
        inverse_last(t, a, 3, lazy);
    } else if (last == 2) {
        inverse_last(t, a, 2, lazy);
    } else if (last == 1) {
        inverse_last(t, a, 1, lazy);
    } else {
        inverse_last(t, a, 0, lazy);
    }
}

void bh_ntt_inverse_avx512(const bh_ntt *t, uint64_t *a)
{
    if (t->mod.bits <= LAZY_BITS_Q) {
        inverse(t, a, 1);
    } else {
        inverse(t, a, 0);
    }
}
