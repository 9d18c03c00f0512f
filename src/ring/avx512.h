// SPDX-License-Identifier: Apache-2.0
// What the AVX-512 kernels share: eight residues in a register, and products of 52
// bits.
//
// IFMA multiplies the low 52 bits of its operands and adds the low or the high 52 bits
// of the product to a 64-bit word. So a number is determined modulo 2^52, whatever its
// upper 12 bits hold; `tidy` clears them where a comparison follows.
#ifndef BH_RING_AVX512_H
#define BH_RING_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/modulus.h"

typedef __m512i v8;

typedef struct v8_modulus {
    v8 q, two_q;
    v8 minus_q; // 2^52 - q: adding a product with it subtracts one with q
    v8 low;     // 2^52 - 1
} v8_modulus;

static inline v8 v8_all(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

static inline v8 v8_load(const uint64_t *a)
{
    return _mm512_loadu_si512(a);
}

static inline void v8_store(uint64_t *a, v8 x)
{
    _mm512_storeu_si512(a, x);
}

// Loops over n words go eight at a time: the lanes that a turn with `left` words before
// it works on. Other lanes read as zero and are not written. `whole`, a constant, says
// that n is a multiple of 8 and spares the masks.
static inline __mmask8 v8_lanes(size_t left, int whole)
{
    return (__mmask8)(!whole && left < 8 ? (1u << left) - 1 : 0xff);
}

// Compiles a call with a last argument `whole` twice, for either kind of length.
#define V8_BY_LENGTH(n, call)                                                          \
    do {                                                                               \
        if ((n) % 8 == 0) {                                                            \
            const int whole = 1;                                                       \
            call;                                                                      \
        } else {                                                                       \
            const int whole = 0;                                                       \
            call;                                                                      \
        }                                                                              \
    } while (0)

static inline v8 v8_load_lanes(__mmask8 lanes, const uint64_t *a)
{
    return _mm512_maskz_loadu_epi64(lanes, a);
}

static inline void v8_store_lanes(__mmask8 lanes, uint64_t *a, v8 x)
{
    _mm512_mask_storeu_epi64(a, lanes, x);
}

static inline v8_modulus v8_modulus_of(const bh_modulus *m)
{
    const uint64_t low = (UINT64_C(1) << 52) - 1;
    return (v8_modulus){v8_all(m->q), v8_all(2 * m->q), v8_all(low + 1 - m->q),
                        v8_all(low)};
}

static inline v8 v8_mul_lo(v8 acc, v8 a, v8 b)
{
    return _mm512_madd52lo_epu64(acc, a, b);
}

static inline v8 v8_mul_hi(v8 acc, v8 a, v8 b)
{
    return _mm512_madd52hi_epu64(acc, a, b);
}

static inline v8 v8_tidy(const v8_modulus *m, v8 x)
{
    return _mm512_and_si512(x, m->low);
}

// x - bound if that is not negative. In: tidy.
static inline v8 v8_reduce_once(v8 x, v8 bound)
{
    return _mm512_min_epu64(x, _mm512_sub_epi64(x, bound));
}

// Shoup: y w mod q for a constant w with its quotient floor(w 2^52 / q). In: any y.
// Out: < 2q, not tidy.
static inline v8 v8_shoup(const v8_modulus *m, v8 y, v8 w, v8 quotient)
{
    v8 zero = _mm512_setzero_si512();
    v8 product = v8_mul_lo(zero, y, w);
    return v8_mul_lo(product, v8_mul_hi(zero, y, quotient), m->minus_q);
}

// Any 64-bit x. Out: < 3q, tidy. With b = floor(2^64 / q) < 2^19 (q > 2^45), the
// quotient floor((x >> 12) b / 2^52) misses x / q by less than 1 for b, 1 for the
// rounding, and 2^12 / q.
static inline v8 v8_reduce_word(const v8_modulus *m, v8 x, v8 barrett)
{
    v8 quotient = v8_mul_hi(_mm512_setzero_si512(), _mm512_srli_epi64(x, 12), barrett);
    return v8_tidy(m, v8_mul_lo(x, quotient, m->minus_q));
}

// In: < 4q, tidy. Out: canonical.
static inline v8 v8_canonical(const v8_modulus *m, v8 x)
{
    return v8_reduce_once(v8_reduce_once(x, m->two_q), m->q);
}

// ---- bytes and random words (kernels_bytes_avx512.c) ----

void bh_pack_avx512(uint8_t *out, const uint64_t *in, size_t n, unsigned bits);
void bh_unpack_avx512(uint64_t *out, const uint8_t *in, size_t n, unsigned bits);
size_t bh_accept_vartime_avx512(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                                size_t n);
void bh_ternary_avx512(int32_t out[64], const uint64_t words[8]);
void bh_binomial_avx512(int32_t *out, const uint8_t *bytes, size_t n);

#endif
