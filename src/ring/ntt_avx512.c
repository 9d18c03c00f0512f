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
#define LAZY_BITS_Q  46
#define SQUARE       64 // coefficients of an 8 x 8 square
#define SQUARE_WORDS (14 * 8)
// Where the 2^bits factors and quotients of a pair of registers begin in a square's.
#define PAIR_TABLE(bits, pair) (128 - (16u << (bits)) + ((pair) << ((bits) + 1)))

static uint64_t quotient52(const bh_modulus *m, uint64_t w)
{
    return bh_mod_shoup_quotient(m, w) >> 12;
}

void bh_ntt_fill_forward_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n)
{
    for (size_t i = 0; i < n / 8; i++) {
        table[2 * i] = factors[i];
        table[2 * i + 1] = quotient52(m, factors[i]);
    }
    for (size_t pair = 0; pair < n / 16; pair++) {
        uint64_t *square = table + n / 4 + SQUARE_WORDS * (pair / 4);
        for (size_t bits = 1; bits <= 3; bits++) { // of the number of a factor
            const size_t count = (size_t)1 << bits;
            uint64_t *out = square + PAIR_TABLE(bits, pair % 4);
            for (size_t k = 0; k < count; k++) {
                size_t block = count * pair + (k % 2) * (count / 2) + k / 2;
                out[k] = factors[n / 16 * count + block];
                out[count + k] = quotient52(m, out[k]);
            }
        }
    }
}

// count factors first, first w, first w^2, ... for the places of registers, which are
// `registers` registers apart.
static void fill_places(const bh_modulus *m, uint64_t *table, uint64_t first, uint64_t w,
                        size_t count, size_t registers)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t *out = table + 16 * registers * (i / 8) + i % 8;
        out[0] = first;
        out[8] = quotient52(m, first);
        first = bh_mod_mul(m, first, w);
    }
}

// Stages of the last pass of the inverse.
static unsigned last_stages(unsigned log2_n)
{
    return log2_n - 6 < 3 ? log2_n - 6 : 3;
}

void bh_ntt_fill_inverse_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n)
{
    unsigned log2_n = 6;
    while ((size_t)1 << log2_n < n) {
        log2_n++;
    }
    const size_t blocks = (size_t)1 << last_stages(log2_n);
    // psi^(-n/half) stands in place half / 2, the reverse of 1 among half's bits
    fill_places(m, table, 1, factors[4], 8, 1);
    for (size_t half = 8; half < n / blocks; half *= 2) {
        fill_places(m, table + 2 * half, 1, factors[half / 2], half, 1);
    }
    for (size_t k = 0; k < blocks; k++) {
        uint64_t w = factors[n / 2 + k * (n / 2 / blocks)]; // psi^-(2 brv(k) + 1)
        fill_places(m, table + 2 * n + 16 * k, factors[0], w, n / blocks, blocks);
    }
}

typedef struct factor {
    v8 w, quotient;
} factor;

INLINE factor factor_at(const uint64_t *table, size_t i)
{
    return (factor){v8_all(table[2 * i]), v8_all(table[2 * i + 1])};
}

// ---- forward ----

// (x, y) -> (x + w y, x - w y). With `lazy`, q < 2^47: the quotient counts one too
// many, so that the product u lies in [-q, q), and x +- u moves both bounds of x by q,
// in no more than 13 stages; what is added to the input at first, log2 n + 1 times q,
// keeps every number positive and below (2 log2 n + 2) q <= 28q < 2^52. Otherwise x,
// below 4q <= 2^52, is brought below 2q first and the product lies in [0, 2q).
INLINE void butterfly(const v8_modulus *m, v8 *x, v8 *y, factor f, int lazy)
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

// The butterfly without a factor.
INLINE void trivial_butterfly(const v8_modulus *m, v8 *x, v8 *y, int lazy)
{
    if (!lazy) {
        *x = v8_reduce_once(*x, m->two_q);
        *y = v8_reduce_once(*y, m->two_q);
    }
    v8 sum = _mm512_add_epi64(*x, *y);
    *y = _mm512_sub_epi64(*x, *y);
    if (!lazy) {
        *y = _mm512_add_epi64(*y, m->two_q);
    }
    *x = sum;
}

// One stage on `count` registers: blocks of 2 half registers, each with its factor.
INLINE void forward_stage(const v8_modulus *m, v8 *x, int count, int half,
                          const factor *f, int lazy)
{
    UNROLL
    for (int i = 0; i < count / 2; i++) {
        int block = i / half, at = 2 * half * block + i % half;
        butterfly(m, &x[at], &x[at + half], f[block], lazy);
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
    v8 quotient, offset;  // a multiple of q to be added: 1 less so many, and twice it
} source;

INLINE v8 take(const v8_modulus *m, const source *from, const uint64_t *a, size_t i, int positive)
{
    if (from == NULL || from->small == NULL) {
        return v8_load(a + i);
    }
    const void *small = from->small + i;
    v8 x = _mm512_cvtepi32_epi64(_mm256_loadu_si256(small));
    return positive ? _mm512_add_epi64(x, m->q) : x;
}

// The first stage of all.
INLINE void first_stage(const v8_modulus *m, const source *from, v8 *x, int half, factor f,
                        int lazy)
{
    UNROLL
    for (int i = 0; i < half; i++) {
        v8 *y = x + half;
        if (!lazy) {
            butterfly(m, &x[i], &y[i], f, lazy);
            continue;
        }
        v8 quotient = v8_mul_hi(from->quotient, f.quotient, y[i]);
        v8 twice = v8_mul_lo(from->offset, v8_all(2), x[i]);
        x[i] = v8_mul_lo(v8_mul_lo(x[i], f.w, y[i]), quotient, m->minus_q);
        y[i] = _mm512_sub_epi64(twice, x[i]);
    }
}

// Stages from that of `blocks` blocks on; `from` is NULL for all but the first pass.
INLINE void forward_pass(const bh_ntt *t, uint64_t *a, const source *from,
                         size_t blocks, int stages, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    size_t len = t->n / blocks, stride = len >> stages;
    const int count = 1 << stages;
    for (size_t i = 0; i < blocks; i++) {
        factor f[7];
        load_factors(f, t->forward, blocks + i, stages);
        for (size_t j = i * len; j < i * len + stride; j += 8) {
            v8 x[8];
            UNROLL
            for (int k = 0; k < count; k++) {
                x[k] = take(&m, from, a, j + (size_t)k * stride, !lazy || k >= count / 2);
            }
            if (from != NULL) {
                first_stage(&m, from, x, count / 2, f[0], lazy);
            } else {
                forward_stage(&m, x, count, count / 2, f, lazy);
            }
            if (stages > 1) {
                forward_stage(&m, x, count, count / 4, f + 1, lazy);
            }
            if (stages > 2) {
                forward_stage(&m, x, count, count / 8, f + 3, lazy);
            }
            UNROLL
            for (int k = 0; k < count; k++) {
                v8_store(a + j + (size_t)k * stride, x[k]);
            }
        }
    }
}

INLINE v8 load_two(const uint64_t *a)
{
    return _mm512_broadcast_i64x2(_mm_loadu_si128((const void *)a));
}

INLINE v8 load_four(const uint64_t *a)
{
    return _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)a));
}

typedef struct forward_lanes {
    v8 low, high;   // of two registers: 0, 8, 1, 9, ... and 4, 12, ...
    v8 low2, high2; // the same with pairs of lanes
} forward_lanes;

INLINE void exchange(v8 *x, v8 *y, v8 low, v8 high)
{
    v8 a = *x, b = *y;
    *x = _mm512_permutex2var_epi64(a, low, b);
    *y = _mm512_permutex2var_epi64(a, high, b);
}

// The last three stages on 16 neighbours.
INLINE void forward_pair_out(const v8_modulus *m, const forward_lanes *l, uint64_t *a,
                             const uint64_t *table, size_t pair, v8 x, v8 y, int lazy)
{
    const uint64_t *p = table + PAIR_TABLE(1, pair);
    factor f = {load_two(p), load_two(p + 2)};
    exchange(&x, &y, l->low, l->high);
    butterfly(m, &x, &y, f, lazy);
    p = table + PAIR_TABLE(2, pair);
    f = (factor){load_four(p), load_four(p + 4)};
    exchange(&x, &y, l->low2, l->high2);
    butterfly(m, &x, &y, f, lazy);
    p = table + PAIR_TABLE(3, pair);
    f = (factor){v8_load(p), v8_load(p + 8)};
    exchange(&x, &y, l->low2, l->high2);
    if (lazy) {
        v8 quotient = v8_mul_hi(v8_all(1), f.quotient, y);
        v8 twice = v8_mul_lo(v8_all(0), v8_all(2), x);
        x = v8_tidy(m, v8_mul_lo(v8_mul_lo(x, f.w, y), quotient, m->minus_q));
        y = _mm512_sub_epi64(twice, x);
    } else {
        butterfly(m, &x, &y, f, lazy);
    }
    v8_store(a + 16 * pair, _mm512_unpacklo_epi64(x, y));
    v8_store(a + 16 * pair + 8, _mm512_unpackhi_epi64(x, y));
}

INLINE void forward_square(const v8_modulus *m, const bh_ntt *t, const forward_lanes *l,
                           uint64_t *a, size_t square, v8 *x, int more, int lazy)
{
    v8 y[8];
    factor f[7];
    uint64_t *now = a + SQUARE * square;
    const uint64_t *next = now + SQUARE, *table = t->forward + t->n / 4 + SQUARE_WORDS * square;
    if (more) {
        UNROLL
        for (size_t k = 0; k < 8; k++) {
            y[k] = v8_load(next + 8 * k);
        }
        load_factors(f, t->forward, t->n / SQUARE + square + 1, 3);
    }
    UNROLL
    for (int k = 0; k < 4; k++) {
        forward_pair_out(m, l, now, table, (size_t)k, x[2 * k], x[2 * k + 1], lazy);
        if (more && k < 3) {
            forward_stage(m, y, 8, 4 >> k, f + (1 << k) - 1, lazy);
        }
    }
    if (more) {
        COPY(x, y);
    }
}

// The last six stages. Out: lazy.
INLINE void forward_squares(const bh_ntt *t, uint64_t *a, const source *from, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const forward_lanes l = {
        _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
        _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15),
        _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
        _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15),
    };
    v8 x[8];
    factor f[7];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        x[k] = take(&m, from, a, 8 * k, !lazy || k >= 4);
    }
    load_factors(f, t->forward, t->n / SQUARE, 3);
    if (from != NULL) {
        first_stage(&m, from, x, 4, f[0], lazy);
    } else {
        forward_stage(&m, x, 8, 4, f, lazy);
    }
    forward_stage(&m, x, 8, 2, f + 1, lazy);
    forward_stage(&m, x, 8, 1, f + 3, lazy);
    size_t i = 0;
    for (; i < t->n / SQUARE - 1; i++) {
        forward_square(&m, t, &l, a, i, x, 1, lazy);
    }
    forward_square(&m, t, &l, a, i, x, 0, lazy);
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
    source from = {small, v8_all(1 - (uint64_t)t->log2_n),
                   v8_all(2 * t->log2_n * t->mod.q)};
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

// ---- inverse ----
//
// Decimation in time, with the butterfly of the forward transform: place i of the input
// holds the value at psi^(2 brv(i) + 1), so that coefficient j is psi^-j / n times the
// sum of value i times psi^(-2 brv(i) j). The stage of blocks of 2 half places has the
// factor psi^(-n/half j) for place j of every block, and needs none for half = 1;
// behind the last stage place j is multiplied by psi^-j R / n.
//
// Ranges: sums of products are below 2^13 q < 2^63 and are brought below 2q, after
// which the stage of half = 1 adds and subtracts. With `lazy`, where q < 2^47, (log2 n
// + 1) q is added to every x of that stage, which leaves numbers between (log2 n - 1) q
// and (log2 n + 5) q; the remaining log2 n - 1 stages move both bounds by q and keep
// every number positive and below (2 log2 n + 4) q <= 30q < 2^52. Otherwise that stage
// leaves numbers below 4q, tidy, as the butterfly wants them.

// A factor for each place of a register.
INLINE factor factor_of_places(const uint64_t *table, size_t place)
{
    return (factor){v8_load(table + 2 * place), v8_load(table + 2 * place + 8)};
}

// The factors of the stages from blocks of 2 half places on, for the registers `half`
// apart of which the first one begins at place j of its block.
INLINE void load_places(factor *f, const uint64_t *table, size_t half, size_t j,
                        int stages)
{
    UNROLL
    for (size_t k = 1; k < (size_t)1 << stages; k++) {
        size_t stage = k < 2 ? 0 : k < 4 ? 1 : 2, first = (size_t)1 << stage;
        f[k - 1] = factor_of_places(table, (half << stage) + j + (k - first) * half);
    }
}

// One stage on `count` registers: blocks of 2 half registers, factors by place.
INLINE void inverse_stage(const v8_modulus *m, v8 *x, int count, int half,
                          const factor *f, int lazy)
{
    UNROLL
    for (int i = 0; i < count / 2; i++) {
        int j = i % half, at = 2 * (i - j) + j;
        butterfly(m, &x[at], &x[at + half], f[j], lazy);
    }
}

// At most 3 stages on 2^stages registers; f: 1 factor for the first stage, 2 for the
// second, 4 for the third.
INLINE void inverse_stages(const v8_modulus *m, v8 *x, const factor *f, int stages,
                           int lazy)
{
    int count = 1 << stages;
    inverse_stage(m, x, count, 1, f, lazy);
    if (stages > 1) {
        inverse_stage(m, x, count, 2, f + 1, lazy);
    }
    if (stages > 2) {
        inverse_stage(m, x, count, 4, f + 3, lazy);
    }
}

// What the first three stages need.
typedef struct inverse_start {
    v8 barrett;
    v8 quotient;      // multiples of q that are to be added: minus so many
    factor two, four; // the factors of half = 2 and 4, in the order of the lanes there
    v8 even, odd;
} inverse_start;

INLINE inverse_start inverse_start_of(const bh_ntt *t, int lazy)
{
    // lanes by the last bits of the place: half = 2 goes by bit 0 in lane bit 2, half =
    // 4 by bits 1 and 0 in lane bits 2 and 1
    const v8 of_two = _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4);
    const v8 of_four = _mm512_setr_epi64(0, 0, 2, 2, 4, 4, 6, 6);
    const factor f = factor_of_places(t->inverse, 0);
    long long more = lazy ? -(long long)(t->log2_n + 1) : 0;
    return (inverse_start){
        .barrett = v8_all(t->mod.barrett),
        .quotient = _mm512_setr_epi64(more, 0, more, 0, more, 0, more, 0),
        .two = {_mm512_permutexvar_epi64(of_two, f.w),
                _mm512_permutexvar_epi64(of_two, f.quotient)},
        .four = {_mm512_permutexvar_epi64(of_four, f.w),
                 _mm512_permutexvar_epi64(of_four, f.quotient)},
        .even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
        .odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15),
    };
}

// The first three stages on 16 neighbours. A stage works on two registers, of which it
// wants its own bit of the place to be the number; lane bits are r, the bit that was
// the number at first, and 2, 1, 0 of the lane: (2 1 0), then (2 1 r), (0 2 r), (1 0
// r).
INLINE void inverse_pair_in(const v8_modulus *m, const inverse_start *s,
                            const uint64_t *a, v8 *x, int lazy)
{
    v8 a0 = v8_load(a), a1 = v8_load(a + 8);
    a0 = v8_mul_lo(a0, v8_mul_hi(s->quotient, _mm512_srli_epi64(a0, 12), s->barrett),
                   m->minus_q);
    a1 = v8_mul_lo(a1, v8_mul_hi(s->quotient, _mm512_srli_epi64(a1, 12), s->barrett),
                   m->minus_q);
    v8 b0 = _mm512_unpacklo_epi64(a0, a1), b1 = _mm512_unpackhi_epi64(a0, a1);
    if (!lazy) {
        b0 = v8_tidy(m, b0), b1 = v8_tidy(m, b1);
    }
    trivial_butterfly(m, &b0, &b1, lazy);
    v8 d0 = _mm512_shuffle_i64x2(b0, b1, 0x88), d1 = _mm512_shuffle_i64x2(b0, b1, 0xdd);
    butterfly(m, &d0, &d1, s->two, lazy);
    v8 e0 = _mm512_shuffle_i64x2(d0, d1, 0x88), e1 = _mm512_shuffle_i64x2(d0, d1, 0xdd);
    butterfly(m, &e0, &e1, s->four, lazy);
    x[0] = _mm512_permutex2var_epi64(e0, s->even, e1);
    x[1] = _mm512_permutex2var_epi64(e0, s->odd, e1);
}

// The stages of half = 8, 16 and 32 on a square that has the first three behind it. The
// first three of the next one, from `next` on if it is not NULL, go in between: by
// themselves, either half would leave the processor waiting for results.
INLINE void inverse_square(const v8_modulus *m, const bh_ntt *t, const inverse_start *s,
                           uint64_t *a, const uint64_t *next,
                           v8 *x, int lazy)
{
    v8 y[8];
    UNROLL
    for (int stage = 0; stage < 3; stage++) {
        factor f[4];
        UNROLL
        for (size_t k = 0; k < 4; k++) {
            f[k] = factor_of_places(t->inverse, (size_t)8 * ((1 << stage) + (k & ((1<<stage)-1))));
        }
        inverse_stage(m, x, 8, 1 << stage, f, lazy);
        if (next != NULL) {
            inverse_pair_in(m, s, next + 16 * stage, &y[2 * stage], lazy);
        }
    }
    if (next != NULL) {
        inverse_pair_in(m, s, next + 48, &y[6], lazy);
    }
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8_store(a + 8 * k, x[k]);
    }
    if (next != NULL) {
        COPY(x, y);
    }
}

// The first six stages.
INLINE void inverse_squares(const bh_ntt *t, uint64_t *a, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    const inverse_start s = inverse_start_of(t, lazy);
    v8 x[8];
    UNROLL
    for (size_t k = 0; k < 4; k++) {
        inverse_pair_in(&m, &s, a + 16 * k, &x[2 * k], lazy);
    }
    size_t i = 0;
    for (; i < t->n - SQUARE; i += SQUARE) {
        inverse_square(&m, t, &s, a + i, a + i + SQUARE, x, lazy);
    }
    inverse_square(&m, t, &s, a + i, NULL, x, lazy);
}

// Stages from blocks of 2 half places on.
INLINE void inverse_pass(const bh_ntt *t, uint64_t *a, size_t half, int stages, int lazy)
{
    const v8_modulus m = v8_modulus_of(&t->mod);
    for (size_t i = 0; i < t->n; i += half << stages) {
        for (size_t j = 0; j < half; j += 8) {
            v8 x[8];
            factor f[7];
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                x[k] = v8_load(a + i + j + (size_t)k * half);
            }
            load_places(f, t->inverse, half, j, stages);
            inverse_stages(&m, x, f, stages, lazy);
            UNROLL
            for (int k = 0; k < 1 << stages; k++) {
                v8_store(a + i + j + (size_t)k * half, x[k]);
            }
        }
    }
}

// The last stages
INLINE void inverse_last(const bh_ntt *t, uint64_t *a, int stages, int lazy)
{
    static const int offsets[8] = {14, 0, 2, 0, 6, 0, 2, 0};
    const v8_modulus m = v8_modulus_of(&t->mod);
    const size_t half = t->n >> stages;
    const uint64_t *table = t->inverse + 2 * t->n;
    factor f[8];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        f[k] = (factor){v8_all(t->inverse[k]), v8_all(t->inverse[8 + k])};
    }
    for (size_t j = 0; j < half; j += 8) {
        v8 x[8];
        UNROLL
        for (int k = 0; k < 1 << stages; k++, table += 16) {
            factor w = factor_of_places(table, 0);
            v8 y = v8_load(a + j + (size_t)k * half);
            v8 quotient = v8_mul_hi(v8_all(lazy ? -(uint64_t)offsets[k] : 0), y, w.quotient);
            x[k] = v8_mul_lo(v8_mul_lo(v8_all(0), y, w.w), quotient, m.minus_q);
            if (!lazy) {
                x[k] = v8_tidy(&m, x[k]);
            }
        }
        UNROLL
        for (int s = 0; s < stages; s++) {
            int h = 1 << s;
            UNROLL
            for (int i = 0; i < 1 << (stages - 1); i++) {
                int p = i % h, at = 2 * (i - p) + p;
                if (p == 0) {
                    trivial_butterfly(&m, &x[at], &x[at + h], lazy);
                } else {
                    butterfly(&m, &x[at], &x[at + h], f[8 / h * p], lazy);
                }
            }
        }
        UNROLL
        for (int k = 0; k < 1 << stages; k++) {
            factor w = f[(8 >> stages) * k];
            v8 y = v8_tidy(&m, v8_shoup(&m, x[k], w.w, w.quotient));
            v8_store(a + j + (size_t)k * half, v8_reduce_once(y, m.q));
        }
    }
}

INLINE void inverse(const bh_ntt *t, uint64_t *a, int lazy)
{
    size_t left = t->log2_n - 6, half = SQUARE;
    inverse_squares(t, a, lazy);
    while (left > 3) {
        size_t now = left % 3 == 0 ? 3 : left % 3;
        if (now == 3) {
            inverse_pass(t, a, half, 3, lazy);
        } else if (now == 2) {
            inverse_pass(t, a, half, 2, lazy);
        } else {
            inverse_pass(t, a, half, 1, lazy);
        }
        left -= now;
        half <<= now;
    }
    if (left == 3) {
        inverse_last(t, a, 3, lazy);
    } else if (left == 2) {
        inverse_last(t, a, 2, lazy);
    } else if (left == 1) {
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
