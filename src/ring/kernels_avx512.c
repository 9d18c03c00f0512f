// SPDX-License-Identifier: Apache-2.0
// The kernels for AVX-512 with IFMA: primes of 46 to 50 bits.
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
#define AHEAD 64

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
            _mm_prefetch((const char *)(terms[k].x0 + i + AHEAD), _MM_HINT_T0);
            _mm_prefetch((const char *)(terms[k].x1 + i + AHEAD), _MM_HINT_T0);
            _mm_prefetch((const char *)(terms[k].w + i + AHEAD), _MM_HINT_T0);
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

static size_t accept_vartime(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                             size_t n)
{
    const v8 q = v8_all(m->q), mask = v8_all((UINT64_C(1) << m->bits) - 1);
    size_t kept = 0;
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, 0);
        v8 x = _mm512_and_si512(v8_load_lanes(lanes, in + i), mask);
        __mmask8 good = _mm512_mask_cmplt_epu64_mask(lanes, x, q);
        size_t count = (size_t)__builtin_popcount(good);
        v8_store_lanes(v8_lanes(count, 0), out + kept,
                       _mm512_maskz_compress_epi64(good, x));
        kept += count;
    }
    return kept;
}

// A digit is what 3 x = 2 x + x carries out of 64 bits: once for each addition.
static void ternary(int32_t out[64], const uint64_t words[8])
{
    const __m256i minus_one = _mm256_set1_epi32(-1), one = _mm256_set1_epi32(1);
    v8 x = v8_load(words);
    for (size_t d = 0; d < 8; d++) {
        v8 twice = _mm512_add_epi64(x, x), thrice = _mm512_add_epi64(twice, x);
        __mmask8 first = _mm512_movepi64_mask(x);
        __mmask8 second = _mm512_cmplt_epu64_mask(thrice, twice);
        __m256i digit = _mm256_mask_add_epi32(minus_one, first, minus_one, one);
        digit = _mm256_mask_add_epi32(digit, second, digit, one);
        _mm256_storeu_si256((__m256i *)(void *)(out + 8 * d), digit);
        x = thrice;
    }
}

// The six bytes of each number are spread to a word of its own.
static void binomial(int32_t *out, const uint8_t *bytes, size_t n)
{
    uint8_t from[64];
    for (size_t i = 0; i < 64; i++) {
        from[i] = (uint8_t)(i % 8 < 6 ? 6 * (i / 8) + i % 8 : 63); // byte 63 is zero
    }
    const v8 spread = _mm512_loadu_si512(from);
    const v8 coins = v8_all((UINT64_C(1) << 42) - 1);
    for (size_t i = 0; i < n; i += 8) {
        size_t len = n - i < 8 ? n - i : 8;
        v8 x = _mm512_maskz_loadu_epi8((UINT64_C(1) << (6 * len)) - 1, bytes + 6 * i);
        x = _mm512_popcnt_epi64(
            _mm512_and_si512(_mm512_permutexvar_epi8(spread, x), coins));
        __m256i heads = _mm512_cvtepi64_epi32(x);
        _mm256_mask_storeu_epi32(out + i, v8_lanes(len, 0),
                                 _mm256_sub_epi32(heads, _mm256_set1_epi32(21)));
    }
}

// Eight values of `bits` bits fill `bits` bytes. Value i starts at bit i bits % 8 of
// byte i bits / 8 and ends within the 8 bytes from there on; values of 8 bits and more
// share a byte with their neighbours only, so that even and odd ones go separately.
static void pack(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    if (bits < 8) {
        bh_kernels_portable.pack(out, in, n, bits);
        return;
    }
    uint8_t from[2][64] = {{0}};
    uint64_t shift[8], has[2] = {0};
    for (unsigned i = 0; i < 8; i++) {
        unsigned first = i * bits / 8, last = ((i + 1) * bits - 1) / 8;
        shift[i] = i * bits % 8;
        for (unsigned b = first; b <= last; b++) {
            from[i % 2][b] = (uint8_t)(8 * i + b - first);
            has[i % 2] |= UINT64_C(1) << b;
        }
    }
    const v8 even = _mm512_loadu_si512(from[0]), odd = _mm512_loadu_si512(from[1]);
    const v8 up = v8_load(shift);
    size_t whole = n / 8 * 8;
    for (size_t i = 0; i < whole; i += 8, out += bits) {
        v8 x = _mm512_sllv_epi64(v8_load(in + i), up);
        x = _mm512_or_si512(_mm512_maskz_permutexvar_epi8(has[0], even, x),
                            _mm512_maskz_permutexvar_epi8(has[1], odd, x));
        _mm512_mask_storeu_epi8(out, (UINT64_C(1) << bits) - 1, x);
    }
    bh_kernels_portable.pack(out, in + whole, n - whole, bits);
}

static void unpack(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    uint8_t from[64];
    uint64_t shift[8];
    for (unsigned i = 0; i < 64; i++) {
        from[i] = (uint8_t)(i / 8 * bits / 8 + i % 8); // < 7 * 57 / 8 + 8 < 64
        shift[i / 8] = i / 8 * bits % 8;
    }
    const v8 spread = _mm512_loadu_si512(from), down = v8_load(shift);
    const v8 mask = v8_all((UINT64_C(1) << bits) - 1);
    for (size_t i = 0; i < n; i += 8, in += bits) {
        size_t len = n - i < 8 ? n - i : 8;
        v8 x = _mm512_maskz_loadu_epi8((UINT64_C(1) << ((len * bits + 7) / 8)) - 1, in);
        x = _mm512_srlv_epi64(_mm512_permutexvar_epi8(spread, x), down);
        v8_store_lanes(v8_lanes(len, 0), out + i, _mm512_and_si512(x, mask));
    }
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
    .pack = pack,
    .unpack = unpack,
    .accept_vartime = accept_vartime,
    .ternary = ternary,
    .binomial = binomial,
};
