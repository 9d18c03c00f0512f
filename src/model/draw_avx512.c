// SPDX-License-Identifier: Apache-2.0
#include "model/draw_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANES = 16 }; // weights at a time, as two vectors of 64-bit lanes

// E of eight words. Bounds: draw.c. Multiplications read the 32 low bits of each lane
// as a signed number: |N| < 2^17, T < 2^31. The high half of the 104-bit product of N^2
// < 2^33 and 2^16 B < 2^47 is N^2 B >> 36.
static inline __m512i deviates(__m512i words)
{
    const __m512i coins = _mm512_set1_epi64(0x000ffffffffff000);
    const __m512i low = _mm512_set1_epi64(0xfff);
    const __m512i centre = _mm512_set1_epi64((20 << 12) + 4095);
    const __m512i linear = _mm512_set1_epi64(BH_DRAW_LINEAR);
    const __m512i cubic = _mm512_set1_epi64((long long)(BH_DRAW_CUBIC << 16));
    const __m512i half = _mm512_set1_epi64(1 << 24);
    const __m512i most = _mm512_set1_epi64(BH_DRAW_E_MAX);
    const __m512i least = _mm512_set1_epi64(-BH_DRAW_E_MAX);
    __m512i count = _mm512_popcnt_epi64(_mm512_and_si512(words, coins));
    __m512i smooth =
        _mm512_add_epi64(_mm512_and_si512(words, low), _mm512_srli_epi64(words, 52));
    __m512i n = _mm512_add_epi64(_mm512_slli_epi64(count, 12),
                                 _mm512_sub_epi64(smooth, centre));
    __m512i factor = _mm512_madd52hi_epu64(linear, _mm512_mul_epi32(n, n), cubic);
    __m512i e = _mm512_add_epi64(_mm512_mul_epi32(n, factor), half);
    return _mm512_max_epi64(_mm512_min_epi64(_mm512_srai_epi64(e, 25), most), least);
}

// The eight weights before the last clamp, in 64-bit lanes. Both roundings in one,
// which nested floor divisions allow: |dev E + 2^19 mean| < 2^45.6, the sum >> 31 <
// 2^15.
static inline __m512i draw(__m512i words, __m256i mean, __m256i dev)
{
    const __m512i halves = _mm512_set1_epi64((INT64_C(1) << 30) + (1 << 18));
    __m512i offset = _mm512_add_epi64(
        _mm512_slli_epi64(_mm512_cvtepi32_epi64(mean), BH_DRAW_E_BITS), halves);
    __m512i step = _mm512_mul_epi32(_mm512_cvtepi32_epi64(dev), deviates(words));
    return _mm512_srai_epi64(_mm512_add_epi64(offset, step),
                             BH_DRAW_E_BITS + BH_DRAW_FRACTION_BITS);
}

static inline __m512i draw_two(__m512i words_0, __m512i words_1, __m512i mean,
                               __m512i dev, __m512i w_max)
{
    const __m512i low_halves =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    __m512i w_0 =
        draw(words_0, _mm512_castsi512_si256(mean), _mm512_castsi512_si256(dev));
    __m512i w_1 = draw(words_1, _mm512_extracti64x4_epi64(mean, 1),
                       _mm512_extracti64x4_epi64(dev, 1));
    __m512i w = _mm512_permutex2var_epi32(w_0, low_halves, w_1);
    __m512i w_min = _mm512_sub_epi32(_mm512_setzero_si512(), w_max);
    return _mm512_max_epi32(_mm512_min_epi32(w, w_max), w_min);
}

void bh_draw_avx512(int32_t *out, const uint64_t *words, const int32_t *mean,
                    const int32_t *dev, size_t n, uint32_t w_max)
{
    const __m512i max = _mm512_set1_epi32((int)w_max);
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        __mmask16 mask = left < LANES ? (__mmask16)((1u << left) - 1) : 0xffff;
        __m512i w =
            draw_two(_mm512_maskz_loadu_epi64((__mmask8)mask, words + i),
                     _mm512_maskz_loadu_epi64((__mmask8)(mask >> 8), words + i + 8),
                     _mm512_maskz_loadu_epi32(mask, mean + i),
                     _mm512_maskz_loadu_epi32(mask, dev + i), max);
        _mm512_mask_storeu_epi32(out + i, mask, w);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_draw_avx512(int32_t *out, const uint64_t *words, const int32_t *mean,
                    const int32_t *dev, size_t n, uint32_t w_max)
{
    (void)out, (void)words, (void)mean, (void)dev, (void)n, (void)w_max;
}

#endif
