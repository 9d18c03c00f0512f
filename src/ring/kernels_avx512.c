// SPDX-License-Identifier: Apache-2.0
// The AVX-512 variant, with IFMA, for primes of 46 to 50 bits: the kernels that go
// coefficient by coefficient.
#include "ring/kernels.h"

#include "ring/avx512.h"
#include "ring/ntt_avx512.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void reduce_any(const bh_modulus *mod, uint64_t *a, size_t n, int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    const v8 barrett = v8_all(mod->barrett);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 x = v8_reduce_word(&m, v8_load_lanes(lanes, a + i), barrett);
        v8_store_lanes(lanes, a + i, v8_canonical(&m, x));
    }
}

static void reduce(const bh_modulus *mod, uint64_t *a, size_t n)
{
    V8_BY_LENGTH(n, reduce_any(mod, a, n, whole));
}

// A sum of products, split at 2^52. x < q and w < 2^52: each adds less than q to hi
// once it is reduced, and hi takes up what was accumulated before.
typedef struct sum {
    v8 lo, hi;
} sum;

static inline sum sum_add(sum s, v8 x, v8 w)
{
    return (sum){v8_mul_lo(s.lo, x, w), v8_mul_hi(s.hi, x, w)};
}

// Montgomery: (hi 2^52 + lo + k q) / 2^52 with the k < 2^52 that makes it a whole
// number, so one more q at most.
static inline v8 sum_reduce(sum s, v8 q, v8 q_inv_neg)
{
    v8 k = v8_mul_lo(_mm512_setzero_si512(), s.lo, q_inv_neg);
    v8 carry = _mm512_srli_epi64(v8_mul_lo(s.lo, k, q), 52);
    return _mm512_add_epi64(v8_mul_hi(s.hi, k, q), carry);
}

INLINE void mul_acc_any(const bh_modulus *m, uint64_t *acc, const uint64_t *x,
                        const uint64_t *w, size_t n, int whole)
{
    const v8 q = v8_all(m->q), q_inv_neg = v8_all(m->q_inv_neg);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        sum s = {_mm512_setzero_si512(), v8_load_lanes(lanes, acc + i)};
        s = sum_add(s, v8_load_lanes(lanes, x + i), v8_load_lanes(lanes, w + i));
        v8_store_lanes(lanes, acc + i, sum_reduce(s, q, q_inv_neg));
    }
}

static void mul_acc(const bh_modulus *m, uint64_t *acc, const uint64_t *x,
                    const uint64_t *w, size_t n)
{
    V8_BY_LENGTH(n, mul_acc_any(m, acc, x, w, n, whole));
}

// Words between a product and the operands that are fetched for a later one: so many
// rows at a time are more than the processor foresees by itself.
#define AHEAD 128

// A number, not a pointer: it may be behind the end of its array.
INLINE void prefetch(const uint64_t *at)
{
    uintptr_t ahead = (uintptr_t)at + AHEAD * sizeof *at;
    _mm_prefetch((const char *)ahead, _MM_HINT_T0);
}

INLINE void mul_acc2_any(const bh_modulus *m, uint64_t *acc0, uint64_t *acc1,
                         const bh_term *terms, size_t n_terms, bool first, size_t n,
                         int whole)
{
    const v8 q = v8_all(m->q), q_inv_neg = v8_all(m->q_inv_neg);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        __mmask8 old = first ? 0 : lanes;
        sum s0 = {_mm512_setzero_si512(), v8_load_lanes(old, acc0 + i)};
        sum s1 = {_mm512_setzero_si512(), v8_load_lanes(old, acc1 + i)};
        for (size_t k = 0; k < n_terms; k++) {
            prefetch(terms[k].w + i);
            v8 w = v8_load_lanes(lanes, terms[k].w + i);
            s0 = sum_add(s0, v8_load_lanes(lanes, terms[k].x0 + i), w);
            s1 = sum_add(s1, v8_load_lanes(lanes, terms[k].x1 + i), w);
        }
        v8_store_lanes(lanes, acc0 + i, sum_reduce(s0, q, q_inv_neg));
        v8_store_lanes(lanes, acc1 + i, sum_reduce(s1, q, q_inv_neg));
    }
}

static void mul_acc2(const bh_modulus *m, uint64_t *acc0, uint64_t *acc1,
                     const bh_term *terms, size_t n_terms, bool first, size_t n)
{
    V8_BY_LENGTH(n, mul_acc2_any(m, acc0, acc1, terms, n_terms, first, n, whole));
}

static inline v8 add_if_negative(v8 x, v8 q)
{
    return _mm512_mask_add_epi64(x, _mm512_movepi64_mask(x), x, q);
}

INLINE void add_small_any(const bh_modulus *mod, uint64_t *a, const int32_t *small,
                          size_t n, int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 s = _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(lanes, small + i));
        v8 x = _mm512_add_epi64(v8_load_lanes(lanes, a + i), add_if_negative(s, m.q));
        v8_store_lanes(lanes, a + i, v8_reduce_once(x, m.q));
    }
}

static void add_small(const bh_modulus *mod, uint64_t *a, const int32_t *small,
                      size_t n)
{
    V8_BY_LENGTH(n, add_small_any(mod, a, small, n, whole));
}

static v8 quotient_of(const bh_modulus *m, uint64_t factor)
{
    return v8_all(bh_mod_shoup_quotient(m, factor) >> 12);
}

INLINE void add_scaled_any(const bh_modulus *mod, uint64_t *a, const int64_t *small,
                           uint64_t factor, size_t n, int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    const v8 w = v8_all(factor), quotient = quotient_of(mod, factor);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 v = v8_load_lanes(lanes, (const uint64_t *)small + i);
        v = v8_shoup(&m, add_if_negative(v, m.q), w, quotient);
        v8 x = _mm512_add_epi64(v8_load_lanes(lanes, a + i), v8_tidy(&m, v)); // < 3q
        v8_store_lanes(lanes, a + i, v8_canonical(&m, x));
    }
}

static void add_scaled(const bh_modulus *mod, uint64_t *a, const int64_t *small,
                       uint64_t factor, size_t n)
{
    V8_BY_LENGTH(n, add_scaled_any(mod, a, small, factor, n, whole));
}

// a < q, the Shoup product < 2q, lo < 2^46 < 2q, q - minus <= q: together below 6q.
INLINE void add_wide_any(const bh_modulus *mod, uint64_t *a, const uint64_t *lo,
                         const uint64_t *hi, unsigned hi_bits, uint64_t minus, size_t n,
                         int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    const uint64_t two_46 = (UINT64_C(1) << 46) % mod->q; // public: q
    const v8 w = v8_all(two_46), quotient = quotient_of(mod, two_46);
    const v8 lo_mask = v8_all((UINT64_C(1) << 46) - 1);
    const v8 hi_mask = v8_all((UINT64_C(1) << hi_bits) - 1);
    const v8 offset = v8_all(mod->q - minus), four_q = v8_all(4 * mod->q);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 high = _mm512_and_si512(v8_load_lanes(lanes, hi + i), hi_mask);
        v8 low = _mm512_and_si512(v8_load_lanes(lanes, lo + i), lo_mask);
        v8 x = _mm512_add_epi64(v8_load_lanes(lanes, a + i), offset);
        x = _mm512_add_epi64(x, v8_tidy(&m, v8_shoup(&m, high, w, quotient)));
        x = v8_reduce_once(_mm512_add_epi64(x, low), four_q);
        v8_store_lanes(lanes, a + i, v8_canonical(&m, x));
    }
}

static void add_wide(const bh_modulus *mod, uint64_t *a, const uint64_t *lo,
                     const uint64_t *hi, unsigned hi_bits, uint64_t minus, size_t n)
{
    V8_BY_LENGTH(n, add_wide_any(mod, a, lo, hi, hi_bits, minus, n, whole));
}

INLINE void divide_any(const bh_modulus *mod, uint64_t *a, const uint64_t *a0,
                       uint64_t inverse, size_t n, int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    const v8 w = v8_all(inverse), quotient = quotient_of(mod, inverse);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 x = _mm512_add_epi64(v8_load_lanes(lanes, a + i), m.two_q);
        x = _mm512_sub_epi64(x, v8_load_lanes(lanes, a0 + i)); // 1 to 3q - 1
        x = v8_tidy(&m, v8_shoup(&m, x, w, quotient));
        v8_store_lanes(lanes, a + i, v8_reduce_once(x, m.q));
    }
}

static void divide(const bh_modulus *mod, uint64_t *a, const uint64_t *a0,
                   uint64_t inverse, size_t n)
{
    V8_BY_LENGTH(n, divide_any(mod, a, a0, inverse, n, whole));
}

// Both factors of the product have 52 bits: a is shifted up to them.
INLINE void round_bits_any(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits,
                           int whole)
{
    const v8 fraction = v8_all(m->fraction), half = v8_all(UINT64_C(1) << (50 - bits));
    const v8 mask = v8_all((UINT64_C(1) << bits) - 1);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 x = _mm512_slli_epi64(v8_load_lanes(lanes, a + i), 52 - m->bits);
        x = v8_mul_hi(half, x, fraction);
        x = _mm512_and_si512(_mm512_srli_epi64(x, 51 - bits), mask);
        v8_store_lanes(lanes, a + i, x);
    }
}

static void round_bits(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits)
{
    V8_BY_LENGTH(n, round_bits_any(m, a, n, bits, whole));
}

// a q 2^(52 - bits) = hi 2^52 + lo, to be rounded at 2^52: the top bit of lo says how.
INLINE void lift_any(const bh_modulus *mod, uint64_t *a, size_t n, unsigned bits,
                     int whole)
{
    const v8_modulus m = v8_modulus_of(mod);
    const v8 zero = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, whole);
        v8 x = _mm512_slli_epi64(v8_load_lanes(lanes, a + i), 52 - bits);
        v8 up = _mm512_srli_epi64(v8_mul_lo(zero, x, m.q), 51);
        v8_store_lanes(lanes, a + i, v8_reduce_once(v8_mul_hi(up, x, m.q), m.q));
    }
}

static void lift(const bh_modulus *mod, uint64_t *a, size_t n, unsigned bits)
{
    V8_BY_LENGTH(n, lift_any(mod, a, n, bits, whole));
}

const bh_kernels bh_kernels_avx512 = {
    .name = "avx512",
    .factor_log2 = 52,
    .fill_forward = bh_ntt_fill_forward_avx512,
    .fill_inverse = bh_ntt_fill_inverse_avx512,
    .ntt_forward = bh_ntt_forward_avx512,
    .ntt_forward_small = bh_ntt_forward_small_avx512,
    .ntt_inverse = bh_ntt_inverse_avx512,
    .reduce = reduce,
    .mul_acc = mul_acc,
    .mul_acc2 = mul_acc2,
    .add_small = add_small,
    .add_scaled = add_scaled,
    .add_wide = add_wide,
    .divide = divide,
    .round = round_bits,
    .lift = lift,
    .pack = bh_pack_avx512,
    .unpack = bh_unpack_avx512,
    .accept_vartime = bh_accept_vartime_avx512,
    .ternary = bh_ternary_avx512,
    .binomial = bh_binomial_avx512,
};
