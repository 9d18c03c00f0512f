// SPDX-License-Identifier: Apache-2.0
#include "mpc/leaf_streams_avx512.h"

#if defined(__x86_64__)

// A register is a group's bits of one stream: sixteen of them in flight hide that
// VAESENC takes several cycles, and are summed where they are.
enum { LANES = 16 };

_Static_assert(BH_GROUP == 512, "a group fills a register");

// Whether stream i is of a leaf that is missing: known when this is compiled.
static inline bool is_missing(size_t i, unsigned bits, bool punctured)
{
    return punctured && i % ((size_t)1 << bits) == 0;
}

// x[i] = the i / 2^bits-th group of leaf i % 2^bits; zero for a leaf that is missing.
static inline void encrypt(__m512i x[LANES], const bh_aes128 *leaves, uint64_t block,
                           unsigned bits, bool punctured)
{
    const size_t mask = ((size_t)1 << bits) - 1;
    for (size_t i = 0; i < LANES; i++) {
        x[i] =
            _mm512_xor_si512(aes128_counters(block + (i >> bits) * BH_GROUP_BLOCKS, 0),
                             aes128_round_key(&leaves[i & mask], 0));
    }
    for (size_t round = 1; round < BH_AES128_ROUNDS; round++) {
        for (size_t i = 0; i < LANES; i++) {
            if (!is_missing(i, bits, punctured)) {
                x[i] = _mm512_aesenc_epi128(x[i],
                                            aes128_round_key(&leaves[i & mask], round));
            }
        }
    }
    for (size_t i = 0; i < LANES; i++) {
        x[i] = is_missing(i, bits, punctured)
                   ? _mm512_setzero_si512()
                   : _mm512_aesenclast_epi128(
                         x[i], aes128_round_key(&leaves[i & mask], BH_AES128_ROUNDS));
    }
}

// Adds neighbours, again and again (mpc/columns.c); to the n-th group of the columns.
static inline void fold(uint64_t *parts, uint64_t *sum, __m512i *x, unsigned bits,
                        size_t n)
{
    parts += n * BH_GROUP_WORDS;
    for (unsigned b = 0; b < bits; b++, parts += BH_COLUMN_WORDS) {
        __m512i odd = _mm512_loadu_si512(parts);
        for (size_t y = 0; y < (size_t)1 << (bits - b - 1); y++) {
            odd = _mm512_xor_si512(odd, x[2 * y + 1]);
            x[y] = _mm512_xor_si512(x[2 * y], x[2 * y + 1]);
        }
        _mm512_storeu_si512(parts, odd);
    }
    _mm512_storeu_si512(sum + n * BH_GROUP_WORDS, x[0]);
}

// At once LANES streams: several groups where there are fewer leaves; groups behind the
// last are left out.
static inline void sum_all(uint64_t *parts, uint64_t *sum, const bh_aes128 *leaves,
                           const bh_leaf_streams_range *range, unsigned bits,
                           bool punctured)
{
    const size_t at_once = (size_t)LANES >> bits;
    for (size_t n = 0; n < range->groups; n += at_once) {
        __m512i x[LANES];
        encrypt(x, leaves, range->block + n * BH_GROUP_BLOCKS, bits, punctured);
        for (size_t i = 0; i < at_once && n + i < range->groups; i++) {
            fold(parts, sum, x + (i << bits), bits, n + i);
        }
    }
}

void bh_leaf_streams_sum_avx512(uint64_t *parts, uint64_t *sum, const bh_aes128 *leaves,
                                const bh_leaf_streams_range *range)
{
    if (range->bits == 2 && range->punctured) {
        sum_all(parts, sum, leaves, range, 2, true);
    } else if (range->bits == 2) {
        sum_all(parts, sum, leaves, range, 2, false);
    } else if (range->punctured) {
        sum_all(parts, sum, leaves, range, 4, true);
    } else {
        sum_all(parts, sum, leaves, range, 4, false);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_leaf_streams_sum_avx512(uint64_t *parts, uint64_t *sum, const bh_aes128 *leaves,
                                const bh_leaf_streams_range *range)
{
    (void)parts, (void)sum, (void)leaves, (void)range;
}

#endif
