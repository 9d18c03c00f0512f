// SPDX-License-Identifier: Apache-2.0
// The AVX2 variant: the kernels that go coefficient by coefficient. Each is a step on
// up to four lanes, and a walk over full vectors and the rest.
#include <string.h>

#include "ring/kernels_avx2.h"

// ---- residues ----

INLINE void reduce_step(avx2_modulus m, uint64_t *a, size_t len)
{
    __m256d r = avx2_reduce_word(m, avx2_load(a, len));
    avx2_store(a, avx2_word(avx2_canonical(m, r), 0), len);
}

static void reduce(const bh_modulus *mod, uint64_t *a, size_t n)
{
    avx2_modulus m = avx2_of(mod);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        reduce_step(m, a + i, LANES);
    }
    reduce_step(m, a + i, n - i);
}

// A lazy factor, reduced: |out| <= q/2 + 1.
INLINE __m256d load_factor(avx2_modulus m, const uint64_t *w, size_t len)
{
    return avx2_reduce(m, avx2_number(avx2_load(w, len)));
}

// acc += x w, the product taken to (0, 2q): |x w| < 2^50 q/2, so it is at most 5/8 q
// off zero.
INLINE void mul_acc_step(avx2_modulus m, double q, uint64_t *acc, const uint64_t *x,
                         __m256d w, size_t len)
{
    __m256d r = avx2_mul(m, avx2_number(avx2_load(x, len)), w);
    avx2_store(acc, _mm256_add_epi64(avx2_load(acc, len), avx2_word(r, q)), len);
}

static void mul_acc(const bh_modulus *mod, uint64_t *acc, const uint64_t *x,
                    const uint64_t *w, size_t n)
{
    avx2_modulus m = avx2_of(mod);
    double q = (double)mod->q;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        mul_acc_step(m, q, acc + i, x + i, load_factor(m, w + i, LANES), LANES);
    }
    mul_acc_step(m, q, acc + i, x + i, load_factor(m, w + i, n - i), n - i);
}

static void mul_acc2(const bh_modulus *mod, uint64_t *acc0, uint64_t *acc1,
                     const bh_term *terms, size_t n_terms, bool first, size_t n)
{
    if (first) {
        memset(acc0, 0, n * sizeof *acc0);
        memset(acc1, 0, n * sizeof *acc1);
    }
    avx2_modulus m = avx2_of(mod);
    double q = (double)mod->q;
    for (size_t k = 0; k < n_terms; k++) {
        const bh_term *t = &terms[k];
        size_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            __m256d factor = load_factor(m, t->w + i, LANES);
            mul_acc_step(m, q, acc0 + i, t->x0 + i, factor, LANES);
            mul_acc_step(m, q, acc1 + i, t->x1 + i, factor, LANES);
        }
        __m256d factor = load_factor(m, t->w + i, n - i);
        mul_acc_step(m, q, acc0 + i, t->x0 + i, factor, n - i);
        mul_acc_step(m, q, acc1 + i, t->x1 + i, factor, n - i);
    }
}

// small taken to [0, q), less q, and a: in [-q, q).
INLINE void add_small_step(avx2_modulus m, uint64_t *a, const int32_t *small,
                           size_t len)
{
    __m256d s = avx2_canonical(m, avx2_small(small, len));
    __m256d x = _mm256_sub_pd(avx2_number(avx2_load(a, len)), m.q);
    __m256d r = avx2_canonical(m, _mm256_add_pd(x, s));
    avx2_store(a, avx2_word(r, 0), len);
}

static void add_small(const bh_modulus *mod, uint64_t *a, const int32_t *small,
                      size_t n)
{
    avx2_modulus m = avx2_of(mod);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        add_small_step(m, a + i, small + i, LANES);
    }
    add_small_step(m, a + i, small + i, n - i);
}

// small + 2^40 is a number below 2^52; |small factor| < 2^40 q/2.
INLINE void add_scaled_step(avx2_modulus m, uint64_t *a, const int64_t *small,
                            __m256d factor, size_t len)
{
    __m256i raised = _mm256_add_epi64(avx2_load((const uint64_t *)small, len),
                                      _mm256_set1_epi64x(INT64_C(1) << 40));
    __m256d s = _mm256_sub_pd(avx2_number(raised), _mm256_set1_pd(0x1p40));
    __m256d r = avx2_mul_add(m, s, factor, avx2_number(avx2_load(a, len)));
    avx2_store(a, avx2_word(avx2_canonical(m, r), 0), len);
}

static void add_scaled(const bh_modulus *mod, uint64_t *a, const int64_t *small,
                       uint64_t factor, size_t n)
{
    avx2_modulus m = avx2_of(mod);
    __m256d w = _mm256_set1_pd(avx2_centred_vartime(mod, factor));
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        add_scaled_step(m, a + i, small + i, w, LANES);
    }
    add_scaled_step(m, a + i, small + i, w, n - i);
}

typedef struct wide_terms {
    __m256i lo_mask, hi_mask;
    __m256d factor, minus; // 2^46 mod q
} wide_terms;

// |hi factor| < 2^46 q/2, and a + lo - minus is below 2^51.
INLINE void add_wide_step(avx2_modulus m, uint64_t *a, const uint64_t *lo,
                          const uint64_t *hi, wide_terms t, size_t len)
{
    __m256i low = _mm256_and_si256(avx2_load(lo, len), t.lo_mask);
    __m256i high = _mm256_and_si256(avx2_load(hi, len), t.hi_mask);
    __m256d c = _mm256_add_pd(avx2_number(avx2_load(a, len)),
                              _mm256_sub_pd(avx2_number(low), t.minus));
    __m256d r = avx2_mul_add(m, avx2_number(high), t.factor, c);
    avx2_store(a, avx2_word(avx2_canonical(m, r), 0), len);
}

static void add_wide(const bh_modulus *mod, uint64_t *a, const uint64_t *lo,
                     const uint64_t *hi, unsigned hi_bits, uint64_t minus, size_t n)
{
    avx2_modulus m = avx2_of(mod);
    uint64_t factor = bh_mod_reduce(mod, UINT64_C(1) << 46);
    wide_terms t = {_mm256_set1_epi64x((INT64_C(1) << 46) - 1),
                    _mm256_set1_epi64x((INT64_C(1) << hi_bits) - 1),
                    _mm256_set1_pd(avx2_centred_vartime(mod, factor)),
                    _mm256_set1_pd((double)minus)};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        add_wide_step(m, a + i, lo + i, hi + i, t, LANES);
    }
    add_wide_step(m, a + i, lo + i, hi + i, t, n - i);
}

// |(a - a0) inverse| < 2q q/2 <= 2^50 q.
INLINE void divide_step(avx2_modulus m, uint64_t *a, const uint64_t *a0,
                        __m256d inverse, size_t len)
{
    __m256d d =
        _mm256_sub_pd(avx2_raise(avx2_load(a, len)), avx2_raise(avx2_load(a0, len)));
    __m256d r = avx2_canonical(m, avx2_mul(m, d, inverse));
    avx2_store(a, avx2_word(r, 0), len);
}

static void divide(const bh_modulus *mod, uint64_t *a, const uint64_t *a0,
                   uint64_t inverse, size_t n)
{
    avx2_modulus m = avx2_of(mod);
    __m256d w = _mm256_set1_pd(avx2_centred_vartime(mod, inverse));
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        divide_step(m, a + i, a0 + i, w, LANES);
    }
    divide_step(m, a + i, a0 + i, w, n - i);
}

// ---- fractions ----

// floor(a fraction / 2^bits) is below 2^51. The fused sum rounds the exact product to
// an integer, and says by the sign of what is left whether that was upwards. The bits
// of MAGIC lie above those that are kept.
typedef struct round_terms {
    __m256d fraction;
    __m256i half, mask;
    __m128i shift;
} round_terms;

INLINE void round_step(uint64_t *a, round_terms t, size_t len)
{
    const __m256d magic = _mm256_set1_pd(MAGIC), zero = _mm256_setzero_pd();
    __m256d x = avx2_number(avx2_load(a, len));
    __m256d raised = _mm256_fmadd_pd(x, t.fraction, magic);
    __m256d left = _mm256_fmsub_pd(x, t.fraction, _mm256_sub_pd(raised, magic));
    __m256i up = _mm256_castpd_si256(_mm256_cmp_pd(left, zero, _CMP_LT_OQ)); // -1
    __m256i v = _mm256_add_epi64(_mm256_castpd_si256(raised), up);
    v = _mm256_srl_epi64(_mm256_add_epi64(v, t.half), t.shift);
    avx2_store(a, _mm256_and_si256(v, t.mask), len);
}

static void round_bits(const bh_modulus *mod, uint64_t *a, size_t n, unsigned bits)
{
    double unit = (double)(UINT64_C(1) << mod->bits);
    round_terms t = {_mm256_set1_pd((double)mod->fraction / unit),
                     _mm256_set1_epi64x(INT64_C(1) << (50 - bits)),
                     _mm256_set1_epi64x((INT64_C(1) << bits) - 1),
                     _mm_cvtsi32_si128((int)(51 - bits))};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        round_step(a + i, t, LANES);
    }
    round_step(a + i, t, n - i);
}

// a q / 2^bits < q, rounded to an integer by the fused sum, to the even one if it is
// half way: then 1/2 is left where it has to be one more.
INLINE void lift_step(avx2_modulus m, uint64_t *a, __m256d factor, size_t len)
{
    const __m256d magic = _mm256_set1_pd(MAGIC), half = _mm256_set1_pd(0.5);
    __m256d x = avx2_number(avx2_load(a, len));
    __m256d y = _mm256_sub_pd(_mm256_fmadd_pd(x, factor, magic), magic);
    __m256d left = _mm256_fmsub_pd(x, factor, y);
    __m256d up = _mm256_cmp_pd(left, half, _CMP_EQ_OQ);
    y = _mm256_add_pd(y, _mm256_and_pd(up, _mm256_set1_pd(1)));
    __m256d is_q = _mm256_cmp_pd(y, m.q, _CMP_EQ_OQ);
    avx2_store(a, avx2_word(_mm256_andnot_pd(is_q, y), 0), len);
}

static void lift(const bh_modulus *mod, uint64_t *a, size_t n, unsigned bits)
{
    avx2_modulus m = avx2_of(mod);
    __m256d factor = _mm256_set1_pd((double)mod->q / (double)(UINT64_C(1) << bits));
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lift_step(m, a + i, factor, LANES);
    }
    lift_step(m, a + i, factor, n - i);
}

const bh_kernels bh_kernels_avx2 = {
    .name = "avx2",
    .factor_log2 = 0,
    .fill_forward = bh_ntt_fill_avx2,
    .fill_inverse = bh_ntt_fill_avx2,
    .ntt_forward = bh_ntt_forward_avx2,
    .ntt_forward_small = bh_ntt_forward_small_avx2,
    .ntt_inverse = bh_ntt_inverse_avx2,
    .reduce = reduce,
    .mul_acc = mul_acc,
    .mul_acc2 = mul_acc2,
    .add_small = add_small,
    .add_scaled = add_scaled,
    .add_wide = add_wide,
    .divide = divide,
    .round = round_bits,
    .lift = lift,
    .pack = bh_pack_avx2,
    .unpack = bh_unpack_avx2,
    .accept_vartime = bh_accept_vartime_avx2,
    .ternary = bh_ternary_avx2,
    .binomial = bh_binomial_avx2,
};
