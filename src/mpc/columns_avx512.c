// SPDX-License-Identifier: Apache-2.0
#include "mpc/columns_simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "base/memory.h"

// Between two registers: bits of a for which m is clear change places with bits of b
// for which it is set, `shift` places below.
static inline void swap_bits(__m512i *a, __m512i *b, unsigned shift, __m512i m)
{
    __m512i low = _mm512_or_si512(_mm512_and_si512(*a, m),
                                  _mm512_andnot_si512(m, _mm512_slli_epi64(*b, shift)));
    *b = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi64(*a, shift), m),
                         _mm512_andnot_si512(m, *b));
    *a = low;
}

// Eight columns of 512 bits. Bit i of byte n of register j changes places with bit j of
// byte n of register i.
static inline void transpose_bits(__m512i x[8])
{
    const __m512i nibbles = _mm512_set1_epi8(0x0f), pairs = _mm512_set1_epi8(0x33),
                  singles = _mm512_set1_epi8(0x55);
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

// In each lane of 16 bytes: byte n of register j changes places with byte j of register
// n. Seen as one number, register and byte, each round turns it left by one bit.
static inline void transpose_bytes(__m512i x[16])
{
    for (int round = 0; round < 4; round++) {
        __m512i y[16];
        for (int i = 0; i < 8; i++) {
            y[2 * i] = _mm512_unpacklo_epi8(x[i], x[i + 8]);
            y[2 * i + 1] = _mm512_unpackhi_epi8(x[i], x[i + 8]);
        }
        for (int i = 0; i < 16; i++) {
            x[i] = y[i];
        }
    }
}

// Byte n of register i, of lane l: transfers 8 (16 l + i) + bit.
static inline void write_blocks(bh_block *out, const __m512i x[16])
{
    for (size_t i = 0; i < 16; i++) {
        __m128i *to = (__m128i *)(void *)(out + 8 * i);
        _mm_store_si128(to, _mm512_castsi512_si128(x[i]));
        _mm_store_si128(to + 128, _mm512_extracti32x4_epi32(x[i], 1));
        _mm_store_si128(to + 256, _mm512_extracti32x4_epi32(x[i], 2));
        _mm_store_si128(to + 384, _mm512_extracti32x4_epi32(x[i], 3));
    }
}

void bh_columns_transpose_avx512(bh_block *out, const uint64_t *columns)
{
    __m512i bits[8][16]; // of a transfer's place in its eight, then of eight columns
    for (size_t j = 0; j < 16; j++, columns += 8 * BH_COLUMN_WORDS) {
        __m512i x[8];
        for (size_t i = 0; i < 8; i++) {
            x[i] = _mm512_loadu_si512(columns + i * BH_COLUMN_WORDS);
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

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_columns_transpose_avx512(bh_block *out, const uint64_t *columns)
{
    (void)out, (void)columns;
}

#endif
