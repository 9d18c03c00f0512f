// SPDX-License-Identifier: Apache-2.0
// Transforms of 64 or more coefficients, eight at a time.
//
// Stages whose butterflies lie at least 8 places apart work on whole registers, three
// stages to a pass over memory. The last pass of the forward transform takes 64
// neighbours into eight registers and does the remaining six stages: three on whole
// registers, then three on the transposed 8 x 8 square, which is transposed back. The
// inverse begins with that pass and runs the others backwards.
//
// Table, 2n words: place i < n/8 holds a factor and its quotient floor(w 2^52 / q); the
// factors of the last three stages follow in the order of the squares, as 14 registers
// each: a factor for half = 4, two for half = 2, four for half = 1, each followed by
// its quotients; lane v belongs to the square's register v.
#include "ring/ntt_avx512.h"

#include "ring/avx512.h"

#define INLINE static inline __attribute__((always_inline))
// Loops over registers must disappear: an array that is indexed is kept in memory.
#define UNROLL _Pragma("GCC unroll 8")
#define COPY(x, y)                                                                     \
    UNROLL                                                                             \
    for (int copied_ = 0; copied_ < 8; copied_++) {                                    \
        (x)[copied_] = (y)[copied_];                                                   \
    }
// Up to here the forward transform reduces nothing between stages.
#define LAZY_BITS_Q  47
#define SQUARE       64 // coefficients of an 8 x 8 square
#define SQUARE_WORDS (14 * 8)

static uint64_t quotient52(const bh_modulus *m, uint64_t w)
{
    return bh_mod_shoup_quotient(m, w) >> 12;
}

void bh_ntt_fill_table_avx512(const bh_modulus *m, uint64_t *table,
                              const uint64_t *factors, size_t n)
{
    for (size_t i = 0; i < n / 8; i++) {
        table[2 * i] = factors[i];
        table[2 * i + 1] = quotient52(m, factors[i]);
    }
    uint64_t *out = table + n / 4;
    for (size_t square = 0; square < n / SQUARE; square++) {
        for (size_t of = 1; of <= 4; of *= 2) { // factors of a register in this stage
            for (size_t k = 0; k < of; k++, out += 16) {
                for (size_t v = 0; v < 8; v++) {
                    out[v] = factors[n / 8 * of + (8 * square + v) * of + k];
                    out[8 + v] = quotient52(m, out[v]);
                }
            }
        }
    }
}

typedef struct factor {
    v8 w, quotient;
} factor;

INLINE factor factor_at(const uint64_t *table, size_t i)
{
    return (factor){v8_all(table[2 * i]), v8_all(table[2 * i + 1])};
}

INLINE factor factor_of_square(const uint64_t *square, size_t k)
{
    return (factor){v8_load(square + 16 * k), v8_load(square + 16 * k + 8)};
}

// x[r] lane v <-> x[v] lane r.
INLINE void transpose(v8 x[8])
{
    v8 a[8], b[8];
    UNROLL
    for (int i = 0; i < 4; i++) { // pairs of lanes
        a[2 * i] = _mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
    }
    const v8 even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const v8 odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    UNROLL
    for (int i = 0; i < 2; i++) { // quadruples
        UNROLL
        for (int k = 0; k < 2; k++) {
            b[4 * i + k] =
                _mm512_permutex2var_epi64(a[4 * i + k], even, a[4 * i + k + 2]);
            b[4 * i + k + 2] =
                _mm512_permutex2var_epi64(a[4 * i + k], odd, a[4 * i + k + 2]);
        }
    }
    UNROLL
    for (int k = 0; k < 4; k++) { // halves
        x[k] = _mm512_shuffle_i64x2(b[k], b[k + 4], 0x44);
        x[k + 4] = _mm512_shuffle_i64x2(b[k], b[k + 4], 0xee);
    }
}

// ---- forward ----

// (x, y) -> (x + w y, x - w y). With `lazy`, q < 2^47: the quotient counts one too
// many, so that the product u lies in [-q, q), and x +- u moves both bounds of x by q,
// in no more than 13 stages; what is added to the input at first, log2 n + 1 times q,
// keeps every number positive and below (2 log2 n + 2) q <= 28q < 2^52. Otherwise x,
// below 4q <= 2^52, is brought below 2q first and the product lies in [0, 2q).
INLINE void forward_butterfly(const v8_modulus *m, v8 *x, v8 *y, factor f, int lazy)
{
    if (lazy) {
        v8 quotient = v8_mul_hi(v8_all(1), f.quotient, *y);
        v8 twice = _mm512_add_epi64(*x, *x);
        v8 sum = v8_mul_lo(v8_mul_lo(*x, f.w, *y), quotient, m->minus_q);
        *y = _mm512_sub_epi64(twice, sum);
        *x = sum;
        return;
    }
    v8 product = v8_tidy(m, v8_shoup(m, *y, f.w, f.quotient));
    v8 reduced = v8_reduce_once(*x, m->two_q);
    *y = _mm512_add_epi64(_mm512_sub_epi64(reduced, product), m->two_q);
    *x = _mm512_add_epi64(reduced, product);
}

// One stage on `count` registers: blocks of 2 half registers, each with its factor.
INLINE void forward_stage(const v8_modulus *m, v8 *x, int count, int half,
                          const factor *f, int lazy)
{
    UNROLL
    for (int i = 0; i < count / 2; i++) {
        int block = i / half, at = 2 * half * block + i % half;
        forward_butterfly(m, &x[at], &x[at + half], f[block], lazy);
    }
}

// f: 1 factor for the first stage, 2 for the second, 4 for the third.
INLINE void forward_stages(const v8_modulus *m, v8 *x, const factor *f, int stages,
                           int lazy)
{
    int count = 1 << stages;
    forward_stage(m, x, count, count / 2, f, lazy);
    if (stages > 1) {
        forward_stage(m, x, count, count / 4, f + 1, lazy);
    }
    if (stages > 2) {
        forward_stage(m, x, count, count / 8, f + 3, lazy);
    }
}

// The factors of those stages, the first one's block being number `first`.
INLINE void load_factors(factor *f, const uint64_t *table, size_t first, int stages)
{
    UNROLL
    for (size_t k = 1; k < (size_t)1 << stages; k++) {
        size_t stage = k < 2 ? 0 : k < 4 ? 1 : 2;
        f[k - 1] = factor_at(table, (first << stage) + k - ((size_t)1 << stage));
    }
}

// Where the first pass takes its input from: the words of a, or small numbers.
typedef struct source {
    const int32_t *small; // or NULL
    v8 offset;            // a multiple of q, added to it
} source;

INLINE v8 take(const source *from, const uint64_t *a, size_t i)
{
    v8 x = from->small == NULL ? v8_load(a + i)
                               : _mm512_cvtepi32_epi64(_mm256_loadu_si256(
                                     (const __m256i *)(const void *)(from->small + i)));
    return _mm512_add_epi64(x, from->offset);
}

// Stages from that of `blocks` blocks on; `from` is NULL for all but the first pass.
INLINE void forward_pass(const bh_ntt *t, uint64_t *a, const source *from,
                         size_t blocks, int stages, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    size_t len = t->n / blocks, stride = len >> stages;
    for (size_t i = 0; i < blocks; i++) {
        factor f[7];
        load_factors(f, t->forward, blocks + i, stages);
        for (size_t j = i * len; j < i * len + stride; j += 8) {
            v8 x[8];
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                size_t at = j + (size_t)k * stride;
                x[k] = from != NULL ? take(from, a, at) : v8_load(a + at);
            }
            forward_stages(&m, x, f, stages, lazy);
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                v8_store(a + j + (size_t)k * stride, x[k]);
            }
        }
    }
}

// The first half of the last six stages: on the 64 coefficients from a[at] on.
INLINE void forward_square_in(const v8_modulus *m, const bh_ntt *t, const uint64_t *a,
                              const source *from, size_t square, v8 *x, int lazy)
{
    factor f[7];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        size_t at = SQUARE * square + 8 * k;
        x[k] = from != NULL ? take(from, a, at) : v8_load(a + at);
    }
    load_factors(f, t->forward, t->n / SQUARE + square, 3);
    forward_stages(m, x, f, 3, lazy);
}

// The second half, on the transposed square; transposed back and tidy.
INLINE void forward_square_out(const v8_modulus *m, uint64_t *a, const uint64_t *table,
                               v8 *x, int lazy)
{
    factor f[7];
    UNROLL
    for (size_t k = 0; k < 7; k++) {
        f[k] = factor_of_square(table, k);
    }
    forward_stages(m, x, f, 3, lazy);
    transpose(x);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8_store(a + 8 * k, v8_tidy(m, x[k]));
    }
}

// The last six stages. Out: lazy. A transposition keeps one port of the processor busy
// and the other one idle, so the next square is begun while the last one is finished.
INLINE void forward_squares(const bh_ntt *t, uint64_t *a, const source *from, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const uint64_t *table = t->forward + t->n / 4;
    size_t count = t->n / SQUARE;
    v8 x[8], next[8];
    forward_square_in(&m, t, a, from, 0, next, lazy);
    for (size_t i = 0; i < count; i++, table += SQUARE_WORDS) {
        COPY(x, next);
        transpose(x);
        if (i + 1 < count) {
            forward_square_in(&m, t, a, from, i + 1, next, lazy);
        }
        forward_square_out(&m, a + SQUARE * i, table, x, lazy);
    }
}

INLINE void forward(const bh_ntt *t, uint64_t *a, const source *from, int lazy)
{
    size_t blocks = 1;
    for (size_t left = t->log2_n - 6; left > 0; from = NULL) {
        if (left >= 3) {
            forward_pass(t, a, from, blocks, 3, lazy);
        } else if (left == 2) {
            forward_pass(t, a, from, blocks, 2, lazy);
        } else {
            forward_pass(t, a, from, blocks, 1, lazy);
        }
        size_t done = left < 3 ? left : 3;
        blocks <<= done;
        left -= done;
    }
    forward_squares(t, a, from, lazy);
}

static void forward_from(const bh_ntt *t, uint64_t *a, const int32_t *small)
{
    source from = {.small = small};
    if (t->mod.bits <= LAZY_BITS_Q) {
        from.offset = v8_all((t->log2_n + 1) * t->mod.q);
        forward(t, a, &from, 1);
    } else {
        from.offset = v8_all(small != NULL ? t->mod.q : 0);
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

// ---- inverse ----

// (x, y) -> (x + y, (x - y) w). In: < bound, a multiple of q that makes the difference
// positive. Out: the sum, < 2 bound, and the product, < 2q.
INLINE void inverse_butterfly(const v8_modulus *m, v8 *x, v8 *y, factor f, v8 bound)
{
    v8 difference = _mm512_add_epi64(_mm512_sub_epi64(*x, *y), bound);
    *x = _mm512_add_epi64(*x, *y);
    *y = v8_shoup(m, difference, f.w, f.quotient);
}

INLINE void inverse_stage(const v8_modulus *m, v8 *x, int count, int half,
                          const factor *f, int lazy)
{
    v8 bound = m->two_q;
    if (lazy) {
        bound = half == 1 ? bound : _mm512_slli_epi64(bound, half == 2 ? 1 : 2);
    }
    UNROLL
    for (int i = 0; i < count / 2; i++) {
        int block = i / half, at = 2 * half * block + i % half;
        inverse_butterfly(m, &x[at], &x[at + half], f[block], bound);
        if (!lazy) {
            x[at] = v8_reduce_once(x[at], m->two_q);
            x[at + half] = v8_tidy(m, x[at + half]);
        }
    }
}

// At most 3 stages on 2^stages registers. In and out: < 2q, tidy. With `lazy`, q <
// 2^47, sums grow to 2^stages 2q <= 16q < 2^51 before they are reduced: a register that
// is but a sum in the last s stages is below 2^(s+1) q. Otherwise sums, below 4q <=
// 2^52, are reduced at once.
INLINE void inverse_stages(const v8_modulus *m, v8 *x, const factor *f, int stages,
                           int lazy)
{
    int count = 1 << stages;
    inverse_stage(m, x, count, 1, f + count / 2 - 1, lazy);
    if (stages > 1) {
        inverse_stage(m, x, count, 2, f + count / 4 - 1, lazy);
    }
    if (stages > 2) {
        inverse_stage(m, x, count, 4, f + count / 8 - 1, lazy);
    }
}

// Brings what inverse_stages left below 2q, tidy; or, with `scale`, behind the last of
// all stages, to canonical coefficients.
INLINE void inverse_finish(const v8_modulus *m, v8 *x, int stages, const factor *scale,
                           int lazy)
{
    UNROLL
    for (int i = 0; i < 1 << stages; i++) {
        // Register i was last multiplied in the stage of its highest bit.
        int sums = i >= 4 ? stages - 3 : i >= 2 ? stages - 2 : stages - i;
        if (scale != NULL) {
            x[i] = v8_tidy(m, v8_shoup(m, x[i], scale->w, scale->quotient));
            x[i] = v8_reduce_once(x[i], m->q);
        } else if (lazy) {
            x[i] = v8_tidy(m, x[i]);
            for (int k = sums; k > 0; k--) {
                x[i] = v8_reduce_once(x[i], _mm512_slli_epi64(m->q, (unsigned)k));
            }
        }
    }
}

// The last three stages undone, on a square of any words.
INLINE void inverse_square_in(const v8_modulus *m, const bh_ntt *t, const uint64_t *a,
                              const uint64_t *table, v8 *x, int lazy)
{
    const v8 barrett = v8_all(t->mod.barrett);
    factor f[7];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        x[k] = v8_reduce_word(m, v8_load(a + 8 * k), barrett);
        x[k] = v8_reduce_once(x[k], m->two_q);
    }
    transpose(x);
    UNROLL
    for (size_t k = 0; k < 7; k++) {
        f[k] = factor_of_square(table, k);
    }
    inverse_stages(m, x, f, 3, lazy);
    inverse_finish(m, x, 3, NULL, lazy);
}

// The three before them, on the square that was transposed back.
INLINE void inverse_square_out(const v8_modulus *m, const bh_ntt *t, uint64_t *a,
                               size_t square, v8 *x, const factor *scale, int lazy)
{
    factor f[7];
    load_factors(f, t->inverse, t->n / SQUARE + square, 3);
    inverse_stages(m, x, f, 3, lazy);
    inverse_finish(m, x, 3, scale, lazy);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8_store(a + SQUARE * square + 8 * k, x[k]);
    }
}

// The last six stages undone; squares overlap as in forward_squares.
INLINE void inverse_squares(const bh_ntt *t, uint64_t *a, const factor *scale, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const uint64_t *table = t->inverse + t->n / 4;
    size_t count = t->n / SQUARE;
    v8 x[8], next[8];
    inverse_square_in(&m, t, a, table, next, lazy);
    for (size_t i = 0; i < count; i++) {
        COPY(x, next);
        transpose(x);
        table += SQUARE_WORDS;
        if (i + 1 < count) {
            inverse_square_in(&m, t, a + SQUARE * (i + 1), table, next, lazy);
        }
        inverse_square_out(&m, t, a, i, x, scale, lazy);
    }
}

INLINE void inverse_pass(const bh_ntt *t, uint64_t *a, size_t blocks, int stages,
                         const factor *scale, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    size_t len = t->n / blocks, stride = len >> stages;
    for (size_t i = 0; i < blocks; i++) {
        factor f[7];
        load_factors(f, t->inverse, blocks + i, stages);
        for (size_t j = i * len; j < i * len + stride; j += 8) {
            v8 x[8];
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                x[k] = v8_load(a + j + (size_t)k * stride);
            }
            inverse_stages(&m, x, f, stages, lazy);
            inverse_finish(&m, x, stages, scale, lazy);
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                v8_store(a + j + (size_t)k * stride, x[k]);
            }
        }
    }
}

// One or two passes of fewer stages come first, so that the last one, of one block and
// with the scaling, has the most stages in registers.
INLINE void inverse(const bh_ntt *t, uint64_t *a, int lazy)
{
    const factor scale = factor_at(t->inverse, 0);
    size_t left = t->log2_n - 6;
    if (left == 0) {
        inverse_squares(t, a, &scale, lazy);
        return;
    }
    inverse_squares(t, a, NULL, lazy);
    for (; left > 3; left -= left % 3 == 0 ? 3 : left % 3) {
        if (left % 3 == 0) {
            inverse_pass(t, a, (size_t)1 << (left - 3), 3, NULL, lazy);
        } else if (left % 3 == 2) {
            inverse_pass(t, a, (size_t)1 << (left - 2), 2, NULL, lazy);
        } else {
            inverse_pass(t, a, (size_t)1 << (left - 1), 1, NULL, lazy);
        }
    }
    if (left == 3) {
        inverse_pass(t, a, 1, 3, &scale, lazy);
    } else if (left == 2) {
        inverse_pass(t, a, 1, 2, &scale, lazy);
    } else {
        inverse_pass(t, a, 1, 1, &scale, lazy);
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
