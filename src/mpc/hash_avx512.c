// SPDX-License-Identifier: Apache-2.0
#include "mpc/hash_avx512.h"

#if defined(__x86_64__)

#include <string.h>

#include "base/memory.h"

enum { LANES = 8, TURN = 4 * LANES }; // registers in flight, blocks at a time

// The hashes of TURN blocks.
static inline void hash_turn(const bh_aes128 *pi, __m512i x[LANES], const bh_block *in,
                             bh_block offset, uint64_t first)
{
    const __m512i offsets = _mm512_broadcast_i32x4(_mm_load_si128((void *)&offset));
    __m512i once[LANES], tweak = aes128_counters(first, 0);
    for (int i = 0; i < LANES; i++) {
        once[i] = _mm512_xor_si512(_mm512_loadu_si512(in + (size_t)4 * i), offsets);
    }
    aes128_encrypt(pi, once, LANES);
    for (int i = 0; i < LANES; i++) {
        x[i] = _mm512_xor_si512(once[i], tweak);
        tweak = aes128_next_counters(tweak);
    }
    aes128_encrypt(pi, x, LANES);
    for (int i = 0; i < LANES; i++) {
        x[i] = _mm512_xor_si512(x[i], once[i]);
    }
}

// The first words of the 16 blocks of four registers.
static inline __m512i first_words(const __m512i x[4])
{
    const __m512i order =
        _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    __m512i low = _mm512_unpacklo_epi32(x[0], x[1]);
    __m512i high = _mm512_unpacklo_epi32(x[2], x[3]);
    return _mm512_permutexvar_epi32(order, _mm512_unpacklo_epi64(low, high));
}

static inline void pads_of_turn(const bh_aes128 *pi, uint32_t *pads, const bh_block *in,
                                bh_block offset, uint64_t first)
{
    __m512i x[LANES];
    hash_turn(pi, x, in, offset, first);
    for (size_t i = 0; i < LANES; i += 4) {
        _mm512_storeu_si512(pads + 4 * i, first_words(x + i));
    }
}

static inline void blocks_of_turn(const bh_aes128 *pi, bh_block *out,
                                  const bh_block *in, bh_block offset, uint64_t first)
{
    __m512i x[LANES];
    hash_turn(pi, x, in, offset, first);
    for (size_t i = 0; i < LANES; i++) {
        _mm512_storeu_si512(out + 4 * i, x[i]);
    }
}

void bh_hash_pads_avx512(const bh_aes128 *pi, uint32_t *pads, const bh_block *in,
                         bh_block offset, uint64_t first, size_t n)
{
    size_t at = 0;
    for (; n - at >= TURN; at += TURN) {
        pads_of_turn(pi, pads + at, in + at, offset, first + at);
    }
    if (at < n) {
        bh_block rest[TURN] = {{{0}}};
        uint32_t words[TURN];
        memcpy(rest, in + at, (n - at) * sizeof *in);
        pads_of_turn(pi, words, rest, offset, first + at);
        memcpy(pads + at, words, (n - at) * sizeof *pads);
        bh_wipe(rest, sizeof rest);
        bh_wipe(words, sizeof words);
    }
}

void bh_hash_blocks_avx512(const bh_aes128 *pi, bh_block *out, const bh_block *in,
                           bh_block offset, uint64_t first, size_t n)
{
    size_t at = 0;
    for (; n - at >= TURN; at += TURN) {
        blocks_of_turn(pi, out + at, in + at, offset, first + at);
    }
    if (at < n) {
        bh_block rest[TURN] = {{{0}}};
        memcpy(rest, in + at, (n - at) * sizeof *in);
        blocks_of_turn(pi, rest, rest, offset, first + at);
        memcpy(out + at, rest, (n - at) * sizeof *out);
        bh_wipe(rest, sizeof rest);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_hash_pads_avx512(const bh_aes128 *pi, uint32_t *pads, const bh_block *in,
                         bh_block offset, uint64_t first, size_t n)
{
    (void)pi, (void)pads, (void)in, (void)offset, (void)first, (void)n;
}

void bh_hash_blocks_avx512(const bh_aes128 *pi, bh_block *out, const bh_block *in,
                           bh_block offset, uint64_t first, size_t n)
{
    (void)pi, (void)out, (void)in, (void)offset, (void)first, (void)n;
}

#endif
