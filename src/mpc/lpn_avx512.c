// SPDX-License-Identifier: Apache-2.0
#include "mpc/lpn_avx512.h"

#include "mpc/lpn.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { D = BH_LPN_D };

// The places of BH_LPN_ROWS rows: 16 D words are D vectors.
static inline void make_places(uint32_t *places, const bh_lpn_code *code, size_t row)
{
    const __m512i factor = _mm512_set1_epi64((long long)code->k);
    __m512i x[D];
    x[0] = aes128_counters(row * D / 4, code->iteration);
    for (int i = 1; i < D; i++) {
        x[i] = aes128_next_counters(x[i - 1]);
    }
    aes128_encrypt(&code->cipher.fast, x, D);
    for (int i = 0; i < D; i++) {
        __m512i low = _mm512_srli_epi64(_mm512_mul_epu32(x[i], factor), 32);
        __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(x[i], 32), factor);
        _mm512_store_si512(places + (size_t)16 * (size_t)i,
                           _mm512_mask_blend_epi32(0xaaaa, low, high));
    }
}

static inline __m128i block_at(const bh_block *blocks, size_t i)
{
    return _mm_load_si128((const __m128i *)(const void *)(blocks + i));
}

static inline void add_rows(bh_block *out, const bh_block *blocks,
                            const uint32_t *places)
{
    for (size_t r = 0; r < BH_LPN_ROWS; r++) {
        __m128i sum = block_at(out, r);
        for (int i = 0; i < D; i++) {
            sum = _mm_xor_si128(sum, block_at(blocks, places[r * D + (size_t)i]));
        }
        _mm_store_si128((__m128i *)(void *)(out + r), sum);
    }
}

// The next rows' places are made while blocks of these rows are on their way from the
// second cache.
void bh_lpn_add_avx512(const bh_lpn_code *code, bh_block *out, const bh_block *blocks,
                       size_t first, size_t n)
{
    _Alignas(64) uint32_t places[2][BH_LPN_ROWS * D];
    make_places(places[0], code, first);
    for (size_t at = 0, turn = 0; at < n; at += BH_LPN_ROWS, turn ^= 1) {
        make_places(places[turn ^ 1], code, first + at + BH_LPN_ROWS);
        add_rows(out + at, blocks, places[turn]);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_lpn_add_avx512(const bh_lpn_code *code, bh_block *out, const bh_block *blocks,
                       size_t first, size_t n)
{
    (void)code, (void)out, (void)blocks, (void)first, (void)n;
}

#endif
