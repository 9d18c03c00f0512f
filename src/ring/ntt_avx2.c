// SPDX-License-Identifier: Apache-2.0
// The transforms of the AVX2 variant: two stages in a pass; numbers stay in the array
// as doubles between the first pass and the last. n >= 16.
//
// Bounds, in multiples of q. A product y w is off zero by at most 1/2 + Y d, Y the
// bound of y and d = q 2^-53 (kernels_avx2.h, |w| < q/2).
//
// q < 2^47 (d <= 1/64)
//   forward   A stage takes X to X + 1/2 + X d. 13 of them take 1 to below 9, and
//             9 q < 2^51.
//   inverse   Of every four places a pass reduces place 0, the sum of all; place 1 is
//             a sum of two products of at most 2 X each, the others are products of at
//             most 4 X. From X = 1.1 it leaves no more than 1 + 4 X d < 1.1.
// q < 2^50 (d <= 1/8): `wide`, two of four places are reduced in every pass
//   forward   Places 0 and 1 are reduced before a pass, but the first, which takes 1 to
//             1.625 and to below 2.4. From X = 2.4 the first stage leaves at most
//             1/2 + 1/2 + 2.4 d = 1.3, the second 1.3 + 1/2 + 1.3 d < 2.
//   inverse   Places 0 and 1 are reduced after a pass. The others are products of at
//             most 4 X < 4, which leaves 1/2 + 4 X d < 1.
#include <string.h>

#include "ring/kernels_avx2.h"

typedef struct four {
    __m256d x0, x1, x2, x3;
} four;

// Of the stage with wider blocks, and of both halves of the other stage.
typedef struct roots {
    __m256d w1, w2, w3;
} roots;

// ---- the table: n doubles ----

// Places below n / 2 as they come. The others belong to the stage of the shortest
// blocks, two for each block of the stage before: for every four of those, the first
// factors, then the second. Place 1 carries the factor of place 0 with it.
void bh_ntt_fill_avx2(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t lane = i % (2 * LANES), group = i - lane;
        size_t at = i < n / 2 ? i : group + lane / 2 + LANES * (lane % 2);
        uint64_t w = i == 1 ? bh_mod_mul(m, factors[0], factors[1]) : factors[i];
        double number = avx2_centred_vartime(m, w);
        memcpy(table + at, &number, sizeof number);
    }
}

// The roots of block i among `blocks`, in all lanes.
INLINE roots roots_of_block(const uint64_t *table, size_t blocks, size_t i)
{
    const double *w = (const double *)(const void *)table;
    return (roots){_mm256_broadcast_sd(w + blocks + i),
                   _mm256_broadcast_sd(w + 2 * (blocks + i)),
                   _mm256_broadcast_sd(w + 2 * (blocks + i) + 1)};
}

// The roots of blocks i to i + 3 of n / 4, a lane each.
INLINE roots roots_of_lanes(const uint64_t *table, size_t n, size_t i)
{
    const double *w = (const double *)(const void *)table;
    return (roots){_mm256_loadu_pd(w + n / 4 + i), _mm256_loadu_pd(w + n / 2 + 2 * i),
                   _mm256_loadu_pd(w + n / 2 + 2 * i + LANES)};
}

// ---- four vectors in memory ----

INLINE __m256d load(const uint64_t *a)
{
    return _mm256_loadu_pd((const double *)(const void *)a);
}

INLINE void store(uint64_t *a, __m256d x)
{
    _mm256_storeu_pd((double *)(void *)a, x);
}

INLINE four load_strided(const uint64_t *a, size_t stride)
{
    return (four){load(a), load(a + stride), load(a + 2 * stride),
                  load(a + 3 * stride)};
}

INLINE void store_strided(uint64_t *a, size_t stride, four v)
{
    store(a, v.x0);
    store(a + stride, v.x1);
    store(a + 2 * stride, v.x2);
    store(a + 3 * stride, v.x3);
}

// Two words from a and two from b.
INLINE __m256d load_halves(const uint64_t *a, const uint64_t *b)
{
    __m128d low = _mm_loadu_pd((const double *)(const void *)a);
    __m128d high = _mm_loadu_pd((const double *)(const void *)b);
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1);
}

INLINE void store_halves(uint64_t *a, uint64_t *b, __m256d x)
{
    _mm_storeu_pd((double *)(void *)a, _mm256_castpd256_pd128(x));
    _mm_storeu_pd((double *)(void *)b, _mm256_extractf128_pd(x, 1));
}

// Lane j of vector k is word 4 j + k.
INLINE four load_transposed(const uint64_t *a)
{
    __m256d p = load_halves(a, a + 8), q = load_halves(a + 4, a + 12);
    __m256d r = load_halves(a + 2, a + 10), s = load_halves(a + 6, a + 14);
    return (four){_mm256_unpacklo_pd(p, q), _mm256_unpackhi_pd(p, q),
                  _mm256_unpacklo_pd(r, s), _mm256_unpackhi_pd(r, s)};
}

INLINE void store_transposed(uint64_t *a, four v)
{
    store_halves(a, a + 8, _mm256_unpacklo_pd(v.x0, v.x1));
    store_halves(a + 4, a + 12, _mm256_unpackhi_pd(v.x0, v.x1));
    store_halves(a + 2, a + 10, _mm256_unpacklo_pd(v.x2, v.x3));
    store_halves(a + 6, a + 14, _mm256_unpackhi_pd(v.x2, v.x3));
}

// ---- forward: decimation in time ----

INLINE void forward2(avx2_modulus m, __m256d *x, __m256d *y, __m256d w)
{
    __m256d v = avx2_mul(m, *y, w);
    *y = _mm256_sub_pd(*x, v);
    *x = _mm256_add_pd(*x, v);
}

INLINE four forward4(avx2_modulus m, four v, roots w, int wide)
{
    if (wide) {
        v.x0 = avx2_reduce(m, v.x0);
        v.x1 = avx2_reduce(m, v.x1);
    }
    forward2(m, &v.x0, &v.x2, w.w1);
    forward2(m, &v.x1, &v.x3, w.w1);
    forward2(m, &v.x0, &v.x1, w.w2);
    forward2(m, &v.x2, &v.x3, w.w3);
    return v;
}

INLINE __m256d load_input(const uint64_t *words, const int32_t *small, size_t j)
{
    return words != NULL ? avx2_number(avx2_load(words + j, LANES))
                         : avx2_small(small + j, LANES);
}

// The first stage alone if their number is odd, else the first two. Input: words, or if
// there are none, small. Returns the blocks of the next stage.
INLINE size_t forward_first(const bh_ntt *t, avx2_modulus m, uint64_t *a,
                            const uint64_t *words, const int32_t *small)
{
    roots w = roots_of_block(t->forward, 1, 0);
    size_t half = t->n / 2, quarter = t->n / 4;
    if (t->log2_n % 2 != 0) {
        for (size_t j = 0; j < half; j += LANES) {
            __m256d x = load_input(words, small, j);
            __m256d y = load_input(words, small, half + j);
            forward2(m, &x, &y, w.w1);
            store(a + j, x);
            store(a + half + j, y);
        }
        return 2;
    }
    for (size_t j = 0; j < quarter; j += LANES) {
        four v = {load_input(words, small, j), load_input(words, small, quarter + j),
                  load_input(words, small, half + j),
                  load_input(words, small, half + quarter + j)};
        store_strided(a + j, quarter, forward4(m, v, w, 0));
    }
    return 4;
}

INLINE void forward_pass(const bh_ntt *t, avx2_modulus m, uint64_t *a, size_t blocks,
                         int wide)
{
    size_t quarter = t->n / blocks / 4;
    for (size_t i = 0; i < blocks; i++) {
        roots w = roots_of_block(t->forward, blocks, i);
        uint64_t *block = a + 4 * i * quarter;
        for (size_t j = 0; j < quarter; j += LANES) {
            four v = load_strided(block + j, quarter);
            store_strided(block + j, quarter, forward4(m, v, w, wide));
        }
    }
}

// The last two stages, and back to words.
INLINE void forward_last(const bh_ntt *t, avx2_modulus m, uint64_t *a, int wide)
{
    double bound = (double)(t->mod.q * (wide ? 2 : 9));
    for (size_t i = 0; i < t->n / 4; i += LANES) {
        roots w = roots_of_lanes(t->forward, t->n, i);
        four v = forward4(m, load_transposed(a + 4 * i), w, wide);
        v.x0 = _mm256_castsi256_pd(avx2_word(v.x0, bound));
        v.x1 = _mm256_castsi256_pd(avx2_word(v.x1, bound));
        v.x2 = _mm256_castsi256_pd(avx2_word(v.x2, bound));
        v.x3 = _mm256_castsi256_pd(avx2_word(v.x3, bound));
        store_transposed(a + 4 * i, v);
    }
}

INLINE void forward(const bh_ntt *t, uint64_t *a, const uint64_t *words,
                    const int32_t *small, int wide)
{
    avx2_modulus m = avx2_of(&t->mod);
    size_t blocks = forward_first(t, m, a, words, small);
    for (; blocks < t->n / 4; blocks *= 4) {
        forward_pass(t, m, a, blocks, wide);
    }
    forward_last(t, m, a, wide);
}

static int is_wide(const bh_ntt *t)
{
    return t->mod.bits > 47;
}

void bh_ntt_forward_avx2(const bh_ntt *t, uint64_t *a)
{
    if (is_wide(t)) {
        forward(t, a, a, NULL, 1);
    } else {
        forward(t, a, a, NULL, 0);
    }
}

void bh_ntt_forward_small_avx2(const bh_ntt *t, uint64_t *out, const int32_t *in)
{
    if (is_wide(t)) {
        forward(t, out, NULL, in, 1);
    } else {
        forward(t, out, NULL, in, 0);
    }
}

// ---- inverse: decimation in frequency ----

INLINE void inverse2(avx2_modulus m, __m256d *x, __m256d *y, __m256d w)
{
    __m256d d = _mm256_sub_pd(*x, *y);
    *x = _mm256_add_pd(*x, *y);
    *y = avx2_mul(m, d, w);
}

INLINE four inverse4(avx2_modulus m, four v, roots w)
{
    inverse2(m, &v.x0, &v.x1, w.w2);
    inverse2(m, &v.x2, &v.x3, w.w3);
    inverse2(m, &v.x0, &v.x2, w.w1);
    inverse2(m, &v.x1, &v.x3, w.w1);
    return v;
}

INLINE four reduce_sums(avx2_modulus m, four v, int wide)
{
    v.x0 = avx2_reduce(m, v.x0);
    if (wide) {
        v.x1 = avx2_reduce(m, v.x1);
    }
    return v;
}

// Sums of products, reduced, and the first two stages.
INLINE void inverse_first(const bh_ntt *t, avx2_modulus m, uint64_t *a, int wide)
{
    for (size_t i = 0; i < t->n / 4; i += LANES) {
        four v = load_transposed(a + 4 * i);
        v.x0 = avx2_reduce_word(m, _mm256_castpd_si256(v.x0));
        v.x1 = avx2_reduce_word(m, _mm256_castpd_si256(v.x1));
        v.x2 = avx2_reduce_word(m, _mm256_castpd_si256(v.x2));
        v.x3 = avx2_reduce_word(m, _mm256_castpd_si256(v.x3));
        v = inverse4(m, v, roots_of_lanes(t->inverse, t->n, i));
        store_transposed(a + 4 * i, reduce_sums(m, v, wide));
    }
}

INLINE void inverse_pass(const bh_ntt *t, avx2_modulus m, uint64_t *a, size_t blocks,
                         int wide)
{
    size_t quarter = t->n / blocks / 4;
    for (size_t i = 0; i < blocks; i++) {
        roots w = roots_of_block(t->inverse, blocks, i);
        uint64_t *block = a + 4 * i * quarter;
        for (size_t j = 0; j < quarter; j += LANES) {
            four v = inverse4(m, load_strided(block + j, quarter), w);
            store_strided(block + j, quarter, reduce_sums(m, v, wide));
        }
    }
}

INLINE void store_canonical(avx2_modulus m, uint64_t *a, __m256d x)
{
    avx2_store(a, avx2_word(avx2_canonical(m, x), 0), LANES);
}

// The last stage alone if their number is odd, else the last two. Sums are scaled here,
// differences by their root.
INLINE void inverse_last(const bh_ntt *t, avx2_modulus m, uint64_t *a)
{
    roots w = roots_of_block(t->inverse, 1, 0);
    __m256d scale = _mm256_broadcast_sd((const double *)(const void *)t->inverse);
    size_t half = t->n / 2, quarter = t->n / 4;
    if (t->log2_n % 2 != 0) {
        for (size_t j = 0; j < half; j += LANES) {
            __m256d x = load(a + j), y = load(a + half + j);
            inverse2(m, &x, &y, w.w1);
            store_canonical(m, a + j, avx2_mul(m, x, scale));
            store_canonical(m, a + half + j, y);
        }
        return;
    }
    for (size_t j = 0; j < quarter; j += LANES) {
        four v = inverse4(m, load_strided(a + j, quarter), w);
        store_canonical(m, a + j, avx2_mul(m, v.x0, scale));
        store_canonical(m, a + quarter + j, avx2_mul(m, v.x1, scale));
        store_canonical(m, a + half + j, v.x2);
        store_canonical(m, a + half + quarter + j, v.x3);
    }
}

INLINE void inverse(const bh_ntt *t, uint64_t *a, int wide)
{
    avx2_modulus m = avx2_of(&t->mod);
    inverse_first(t, m, a, wide);
    for (size_t blocks = t->n / 16; blocks > 1; blocks /= 4) {
        inverse_pass(t, m, a, blocks, wide);
    }
    inverse_last(t, m, a);
}

void bh_ntt_inverse_avx2(const bh_ntt *t, uint64_t *a)
{
    if (is_wide(t)) {
        inverse(t, a, 1);
    } else {
        inverse(t, a, 0);
    }
}
