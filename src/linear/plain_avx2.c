// SPDX-License-Identifier: Apache-2.0
#include "linear/plain_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8, ROWS = 4 };

_Static_assert(BH_PLAIN_COLUMNS == 2 * LANES, "two vectors to a row of pixels");

INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE __m256i mul_add(__m256i sum, __m256i a, __m256i b)
{
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(a, b));
}

// The first `count` of eight lanes.
INLINE __m256i lanes(size_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE void add_to(uint32_t *y, __m256i sum, __m256i mask)
{
    int *at = (int *)y;
    _mm256_maskstore_epi32(at, mask,
                           _mm256_add_epi32(_mm256_maskload_epi32(at, mask), sum));
}

// n is a constant where this is called, so that the sums are registers.
INLINE void tile_rows(const bh_plain_rows *rows, size_t first, size_t n,
                      const uint32_t *x, size_t len, size_t columns)
{
    const int32_t *w = rows->w + first * rows->w_stride;
    uint32_t *y = rows->y + first * rows->y_stride;
    __m256i sum[ROWS][2];
    for (size_t r = 0; r < n; r++) {
        sum[r][0] = sum[r][1] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < len; k++, w++, x += BH_PLAIN_COLUMNS) {
        __m256i low = load(x), high = load(x + LANES);
        for (size_t r = 0; r < n; r++) {
            __m256i weight = _mm256_set1_epi32(w[r * rows->w_stride]);
            sum[r][0] = mul_add(sum[r][0], weight, low);
            sum[r][1] = mul_add(sum[r][1], weight, high);
        }
    }
    __m256i mask_low = lanes(columns);
    __m256i mask_high = lanes(columns > LANES ? columns - LANES : 0);
    for (size_t r = 0; r < n; r++, y += rows->y_stride) {
        add_to(y, sum[r][0], mask_low);
        if (columns > LANES) {
            add_to(y + LANES, sum[r][1], mask_high);
        }
    }
}

void bh_plain_tile_avx2(const bh_plain_rows *rows, const uint32_t *x, size_t len,
                        size_t columns)
{
    size_t r = 0;
    for (; r + ROWS <= rows->count; r += ROWS) {
        tile_rows(rows, r, ROWS, x, len, columns);
    }
    for (; r < rows->count; r++) {
        tile_rows(rows, r, 1, x, len, columns);
    }
}

INLINE uint32_t total(__m256i sum)
{
    __m128i s =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

INLINE void dots_rows(const bh_plain_rows *rows, size_t first, size_t n,
                      const uint32_t *x, size_t len)
{
    const int32_t *w = rows->w + first * rows->w_stride;
    __m256i sum[ROWS];
    size_t k = 0;
    for (size_t r = 0; r < n; r++) {
        sum[r] = _mm256_setzero_si256();
    }
    for (; k + LANES <= len; k += LANES) {
        __m256i pixels = load(x + k);
        for (size_t r = 0; r < n; r++) {
            sum[r] = mul_add(sum[r], load(w + r * rows->w_stride + k), pixels);
        }
    }
    if (k < len) {
        __m256i mask = lanes(len - k);
        __m256i pixels = _mm256_maskload_epi32((const int *)(x + k), mask);
        for (size_t r = 0; r < n; r++) {
            const int32_t *row = w + r * rows->w_stride + k;
            sum[r] = mul_add(sum[r], _mm256_maskload_epi32(row, mask), pixels);
        }
    }
    for (size_t r = 0; r < n; r++) {
        rows->y[(first + r) * rows->y_stride] = total(sum[r]);
    }
}

void bh_plain_dots_avx2(const bh_plain_rows *rows, const uint32_t *x, size_t len)
{
    size_t r = 0;
    for (; r + ROWS <= rows->count; r += ROWS) {
        dots_rows(rows, r, ROWS, x, len);
    }
    for (; r < rows->count; r++) {
        dots_rows(rows, r, 1, x, len);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX2) is false here.
void bh_plain_tile_avx2(const bh_plain_rows *rows, const uint32_t *x, size_t len,
                        size_t columns)
{
    (void)rows, (void)x, (void)len, (void)columns;
}

void bh_plain_dots_avx2(const bh_plain_rows *rows, const uint32_t *x, size_t len)
{
    (void)rows, (void)x, (void)len;
}

#endif
