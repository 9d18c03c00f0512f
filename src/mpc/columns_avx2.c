// SPDX-License-Identifier: Apache-2.0
#include "mpc/columns_simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "base/memory.h"

// As in columns_avx512.c, of half a register.
static inline void swap_bits(__m256i *a, __m256i *b, int shift, __m256i m)
{
    __m256i change =
        _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(*a, shift), *b), m);
    *b = _mm256_xor_si256(*b, change);
    *a = _mm256_xor_si256(*a, _mm256_slli_epi64(change, shift));
}

static inline void transpose_bits(__m256i x[8])
{
    const __m256i nibbles = _mm256_set1_epi8(0x0f), pairs = _mm256_set1_epi8(0x33),
                  singles = _mm256_set1_epi8(0x55);
    for (int i = 0; i < 4; i++) {
        swap_bits(&x[i], &x[i + 4], 4, nibbles);
    }
    for (int i = 0; i < 2; i++) {
        swap_bits(&x[i], &x[i + 2], 2, pairs);
        swap_bits(&x[i + 4], &x[i + 6], 2, pairs);
    }
    for (int i = 0; i < 8; i += 2) {
        swap_bits(&x[i], &x[i + 1], 1, singles);
    }
}

static inline void transpose_bytes(__m256i x[16])
{
    for (int round = 0; round < 4; round++) {
        __m256i y[16];
        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm256_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm256_unpackhi_epi8(x[i], x[i + 8]);
        }
        for (int i = 0; i < 16; i++) {
            x[i] = y[i];
        }
    }
}

static inline void write_blocks(bh_block *out, const __m256i x[16])
{
    for (size_t i = 0; i < 16; i++) {
        __m128i *to = (__m128i *)(void *)(out + 8 * i);
        _mm_store_si128(to, _mm256_castsi256_si128(x[i]));
        _mm_store_si128(to + 128, _mm256_extracti128_si256(x[i], 1));
    }
}

// 256 transfers.
static void transpose_half(bh_block *out, const uint64_t *columns)
{
    __m256i bits[8][16];
    for (size_t j = 0; j < 16; j++, columns += 8 * BH_COLUMN_WORDS) {
        __m256i x[8];
        for (size_t i = 0; i < 8; i++) {
            x[i] = _mm256_loadu_si256(
                (const __m256i *)(const void *)(columns + i * BH_COLUMN_WORDS));
        }
        transpose_bits(x);
        for (size_t i = 0; i < 8; i++) {
            bits[i][j] = x[i];
        }
    }
    for (size_t i = 0; i < 8; i++) {
        transpose_bytes(bits[i]);
        write_blocks(out + i, bits[i]);
    }
    bh_wipe(bits, sizeof bits);
}

void bh_columns_transpose_avx2(bh_block *out, const uint64_t *columns)
{
    transpose_half(out, columns);
    transpose_half(out + BH_GROUP / 2, columns + BH_GROUP_WORDS / 2);
}

// A register of every column at a time, as mpc/columns.c does it in memory.
static inline void fold_one(uint64_t *parts, uint64_t *sum, const uint64_t *columns,
                            unsigned bits)
{
    __m256i x[16];
    for (size_t y = 0; y < (size_t)1 << bits; y++) {
        x[y] = _mm256_loadu_si256(
            (const __m256i *)(const void *)(columns + y * BH_COLUMN_WORDS));
    }
    for (unsigned b = 0; b < bits; b++) {
        __m256i *to = (__m256i *)(void *)(parts + (size_t)b * BH_COLUMN_WORDS);
        __m256i odd = _mm256_loadu_si256(to);
        for (size_t y = 0; y < (size_t)1 << (bits - b - 1); y++) {
            odd = _mm256_xor_si256(odd, x[2 * y + 1]);
            x[y] = _mm256_xor_si256(x[2 * y], x[2 * y + 1]);
        }
        _mm256_storeu_si256(to, odd);
    }
    _mm256_storeu_si256((__m256i *)(void *)sum, x[0]);
}

void bh_columns_fold_avx2(uint64_t *parts, uint64_t *sum, uint64_t *columns,
                          unsigned bits, size_t groups)
{
    for (size_t i = 0; i < groups * BH_GROUP_WORDS; i += 4) {
        if (bits == 4) {
            fold_one(parts + i, sum + i, columns + i, 4);
        } else {
            fold_one(parts + i, sum + i, columns + i, 2);
        }
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX2) is false here.
void bh_columns_transpose_avx2(bh_block *out, const uint64_t *columns)
{
    (void)out, (void)columns;
}

void bh_columns_fold_avx2(uint64_t *parts, uint64_t *sum, uint64_t *columns,
                          unsigned bits, size_t groups)
{
    (void)parts, (void)sum, (void)columns, (void)bits, (void)groups;
}

#endif
