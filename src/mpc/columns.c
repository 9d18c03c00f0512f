// SPDX-License-Identifier: Apache-2.0
#include "mpc/columns.h"

#include <string.h>

#include "mpc/columns_simd.h"

// Adds neighbours, again and again: the odd ones of a round are those whose number has
// the round's bit. 2^(bits + 1) additions of columns in all.
static void fold(uint64_t *parts, uint64_t *sum, uint64_t *columns, unsigned bits,
                 size_t groups)
{
    const size_t words = groups * BH_GROUP_WORDS;
    for (unsigned b = 0; b < bits; b++, parts += BH_COLUMN_WORDS) {
        for (size_t y = 0; y < (size_t)1 << (bits - b - 1); y++) {
            const uint64_t *even = columns + 2 * y * BH_COLUMN_WORDS;
            const uint64_t *odd = even + BH_COLUMN_WORDS;
            uint64_t *to = columns + y * BH_COLUMN_WORDS;
            for (size_t i = 0; i < words; i++) {
                parts[i] ^= odd[i];
                to[i] = even[i] ^ odd[i];
            }
        }
    }
    memcpy(sum, columns, words * sizeof *sum);
}

// Of 8 x 8 bits, bit 8 i + j and bit 8 j + i change places.
static uint64_t transpose_bits(uint64_t x)
{
    uint64_t t = (x ^ (x >> 7)) & UINT64_C(0x00aa00aa00aa00aa);
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & UINT64_C(0x0000cccc0000cccc);
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & UINT64_C(0x00000000f0f0f0f0);
    return x ^ t ^ (t << 28);
}

// Eight transfers' bits of eight columns become byte `byte` of eight words.
static void transpose(bh_block *out, const uint64_t *columns)
{
    for (size_t i = 0; i < BH_GROUP; i++) {
        out[i] = (bh_block){{0}};
    }
    for (size_t j = 0; j < BH_KAPPA; j += 8) {
        const size_t word = j / 64, shift = j % 64;
        for (size_t i = 0; i < BH_GROUP; i += 8) {
            uint64_t square = 0;
            for (size_t r = 0; r < 8; r++) {
                uint64_t bits = columns[(j + r) * BH_COLUMN_WORDS + i / 64];
                square |= (bits >> i % 64 & 0xff) << 8 * r;
            }
            square = transpose_bits(square);
            for (size_t r = 0; r < 8; r++) {
                out[i + r].w[word] |= (square >> 8 * r & 0xff) << shift;
            }
        }
    }
}

const bh_columns_kernels *bh_columns_get(bh_cpu level)
{
    static const bh_columns_kernels kernels[] = {
        [BH_CPU_PORTABLE] = {fold, transpose},
        [BH_CPU_AVX2] = {bh_columns_fold_avx2, bh_columns_transpose_avx2},
        // sums of leaves are made elsewhere (mpc/leaf_streams_avx512.h)
        [BH_CPU_AVX512] = {bh_columns_fold_avx2, bh_columns_transpose_avx512}};
    return &kernels[level];
}
