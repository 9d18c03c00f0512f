// SPDX-License-Identifier: Apache-2.0
#include "mpc/aes_avx512.h"

#if defined(__x86_64__)

// Word i of a round key is the sum of words 0 .. i of the key before it, and of that
// key's last word, rotated, through the S-box and with a constant (FIPS 197). The last
// round of the cipher does the latter to four equal words, in which ShiftRows moves
// nothing.
static inline __m128i next_key(__m128i key, int constant)
{
    const __m128i rotated = _mm_set1_epi32(0x0c0f0e0d); // bytes of word 3
    __m128i sums = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    sums = _mm_xor_si128(sums, _mm_slli_si128(sums, 8));
    return _mm_xor_si128(sums, _mm_aesenclast_si128(_mm_shuffle_epi8(key, rotated),
                                                    _mm_set1_epi32(constant)));
}

static inline void expand(bh_aes128 *out, const uint8_t key[16])
{
    static const uint8_t constants[BH_AES128_ROUNDS] = {1,    2,    4,    8,    0x10,
                                                        0x20, 0x40, 0x80, 0x1b, 0x36};
    __m128i next = _mm_loadu_si128((const __m128i *)(const void *)key);
    _mm_store_si128((__m128i *)(void *)out->keys[0], next);
    for (size_t i = 0; i < BH_AES128_ROUNDS; i++) {
        next = next_key(next, constants[i]);
        _mm_store_si128((__m128i *)(void *)out->keys[i + 1], next);
    }
}

void bh_aes_expand_avx512(bh_aes128 *out, const void *keys, size_t count)
{
    const uint8_t *key = keys;
    for (size_t i = 0; i < count; i++) {
        expand(&out[i], key + 16 * i);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_aes_expand_avx512(bh_aes128 *out, const void *keys, size_t count)
{
    (void)out, (void)keys, (void)count;
}

#endif
