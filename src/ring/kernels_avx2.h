// SPDX-License-Identifier: Apache-2.0
// Inside the AVX2 variant: four residues at a time, as integers in doubles.
//
// Numbers are exact integers below 2^53 in magnitude, and signed: a residue is any of
// its representatives. Only quotients are rounded. No value is a denormal: they are
// integers, 1 / q > 2^-50, and the two only meet inside a fused multiply-add whose
// third operand is MAGIC. The rounding mode is to nearest, the default of a process.
// CT: nothing here leaks numbers; no instruction used depends on them in its time.
#ifndef BH_RING_KERNELS_AVX2_H
#define BH_RING_KERNELS_AVX2_H

#include <immintrin.h>

#include "ring/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 4 };

// x + MAGIC is rounded to an integer while |x| <= 2^51.
#define MAGIC 6755399441055744.0 // 3 * 2^51
// The bits of TWO52 + x end in those of x, for integers 0 <= x < 2^52.
#define TWO52 4503599627370496.0

typedef struct avx2_modulus {
    __m256d q, q_inverse; // q_inverse: 1/q to the nearest double
} avx2_modulus;

INLINE avx2_modulus avx2_of(const bh_modulus *m)
{
    double q = (double)m->q;
    return (avx2_modulus){_mm256_set1_pd(q), _mm256_set1_pd(1 / q)};
}

// ---- words in memory; len >= LANES is all lanes, else the others are 0 and kept ----

INLINE __m256i avx2_lanes(size_t len)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)len),
                              _mm256_setr_epi64x(0, 1, 2, 3));
}

INLINE __m256i avx2_load(const uint64_t *p, size_t len)
{
    return len >= LANES ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                        : _mm256_maskload_epi64((const long long *)(const void *)p,
                                                avx2_lanes(len));
}

INLINE void avx2_store(uint64_t *p, __m256i x, size_t len)
{
    if (len >= LANES) {
        _mm256_storeu_si256((__m256i *)(void *)p, x);
    } else {
        _mm256_maskstore_epi64((long long *)(void *)p, avx2_lanes(len), x);
    }
}

// ---- words to numbers and back ----

// TWO52 + x. In: x < 2^52.
INLINE __m256d avx2_raise(__m256i x)
{
    return _mm256_or_pd(_mm256_castsi256_pd(x), _mm256_set1_pd(TWO52));
}

INLINE __m256d avx2_number(__m256i x)
{
    return _mm256_sub_pd(avx2_raise(x), _mm256_set1_pd(TWO52));
}

// x + add as a word. In: 0 <= x + add < 2^52.
INLINE __m256i avx2_word(__m256d x, double add)
{
    __m256d raised = _mm256_add_pd(x, _mm256_set1_pd(TWO52 + add));
    return _mm256_xor_si256(_mm256_castpd_si256(raised),
                            _mm256_castpd_si256(_mm256_set1_pd(TWO52)));
}

INLINE __m256d avx2_small(const int32_t *p, size_t len)
{
    __m128i lanes =
        _mm_cmpgt_epi32(_mm_set1_epi32((int)len), _mm_setr_epi32(0, 1, 2, 3));
    return _mm256_cvtepi32_pd(len >= LANES
                                  ? _mm_loadu_si128((const __m128i *)(const void *)p)
                                  : _mm_maskload_epi32(p, lanes));
}

// ---- arithmetic modulo q ----

// The integer nearest to x / q. In: |x| < 2^51 q. It misses x / q by at most
// 1/2 + |x / q| 2^-53, besides what x itself was rounded by: q_inverse is off by one
// part in 2^53, and the fused sum is rounded once.
INLINE __m256d avx2_quotient(avx2_modulus m, __m256d x)
{
    __m256d magic = _mm256_set1_pd(MAGIC);
    return _mm256_sub_pd(_mm256_fmadd_pd(x, m.q_inverse, magic), magic);
}

// In: |x| < 2^53. Out: x mod q, |out| <= q/2 + |x| 2^-53, exact.
INLINE __m256d avx2_reduce(avx2_modulus m, __m256d x)
{
    return _mm256_fnmadd_pd(avx2_quotient(m, x), m.q, x);
}

// x w mod q. In: |x w| < 2^51 q. Out: |out| <= q/2 + |x w| 2^-52, exact.
//
// x w = h + l exactly, h the rounded product. h - b q, b the quotient, is an integer
// (x w is one, and where it was rounded the last place of h is at least 1) and at most
// |out| + |l| < 2^53: both subtraction and sum are exact.
INLINE __m256d avx2_mul(avx2_modulus m, __m256d x, __m256d w)
{
    __m256d h = _mm256_mul_pd(x, w);
    __m256d l = _mm256_fmsub_pd(x, w, h);
    return _mm256_add_pd(_mm256_fnmadd_pd(avx2_quotient(m, h), m.q, h), l);
}

// (x w + c) mod q, likewise. In: |x w + c| < 2^51 q, |l| + |c| < 2^52.
// Out: |out| <= q/2 + (|x w| + |c|) 2^-51.
INLINE __m256d avx2_mul_add(avx2_modulus m, __m256d x, __m256d w, __m256d c)
{
    __m256d h = _mm256_mul_pd(x, w);
    __m256d l = _mm256_fmsub_pd(x, w, h);
    __m256d b = avx2_quotient(m, _mm256_add_pd(h, c));
    return _mm256_add_pd(_mm256_add_pd(_mm256_fnmadd_pd(b, m.q, h), l), c);
}

// x mod q. In: any word, q > 2^15. Out: |out| <= q/2 + x 2^-52 <= 5/8 q, exact.
//
// x = (h + TWO52) + (l - TWO52), the upper half above 2^32 and the lower one below,
// each raised out of its bits. Their sum is rounded for the quotient only: h - b q is
// below TWO52 + 2^32 + q < 2^53 in magnitude.
INLINE __m256d avx2_reduce_word(avx2_modulus m, __m256i x)
{
    const double two84 = 0x1p84; // its last place is 2^32
    const __m256i two52 = _mm256_castpd_si256(_mm256_set1_pd(TWO52));
    __m256d upper = _mm256_castsi256_pd(_mm256_srli_epi64(x, 32));
    upper = _mm256_or_pd(upper, _mm256_set1_pd(two84));
    __m256d h = _mm256_sub_pd(upper, _mm256_set1_pd(two84 + TWO52));
    __m256d l = _mm256_castsi256_pd(_mm256_blend_epi32(x, two52, 0xaa));
    __m256d b = avx2_quotient(m, _mm256_add_pd(h, l));
    return _mm256_add_pd(_mm256_fnmadd_pd(b, m.q, h), l);
}

// In: -q <= x < q. Out: canonical.
INLINE __m256d avx2_canonical(avx2_modulus m, __m256d x)
{
    __m256d negative = _mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_LT_OQ);
    return _mm256_add_pd(x, _mm256_and_pd(negative, m.q));
}

// A canonical number as the representative of least magnitude, |out| < q/2.
static inline double avx2_centred_vartime(const bh_modulus *m, uint64_t x)
{
    return x > m->q / 2 ? -(double)(m->q - x) : (double)x;
}

// ---- the transforms (ntt_avx2.c) ----

void bh_ntt_fill_avx2(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                      size_t n);
void bh_ntt_forward_avx2(const bh_ntt *t, uint64_t *a);
void bh_ntt_forward_small_avx2(const bh_ntt *t, uint64_t *out, const int32_t *in);
void bh_ntt_inverse_avx2(const bh_ntt *t, uint64_t *a);

// ---- bytes and random words (kernels_bytes_avx2.c) ----

void bh_pack_avx2(uint8_t *out, const uint64_t *in, size_t n, unsigned bits);
void bh_unpack_avx2(uint64_t *out, const uint8_t *in, size_t n, unsigned bits);
size_t bh_accept_vartime_avx2(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                              size_t n);
void bh_ternary_avx2(int32_t out[64], const uint64_t words[8]);
void bh_binomial_avx2(int32_t *out, const uint8_t *bytes, size_t n);

#endif
