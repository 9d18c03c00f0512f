// SPDX-License-Identifier: Apache-2.0
// AES-128 with vector AES instructions, four blocks in a register. The inline functions
// are there for *_avx512.c of this layer. CT: leaks no keys and no blocks.
#ifndef BH_MPC_AES_AVX512_H
#define BH_MPC_AES_AVX512_H

#include <stddef.h>
#include <stdint.h>

#define BH_AES128_ROUNDS 10

// Round keys.
typedef struct bh_aes128 {
    _Alignas(16) uint8_t keys[BH_AES128_ROUNDS + 1][16];
} bh_aes128;

// Those of each of `count` keys of 16 bytes. Only where bh_cpu_has(BH_CPU_AVX512).
void bh_aes_expand_avx512(bh_aes128 *out, const void *keys, size_t count);

#if defined(__VAES__)

#include <immintrin.h>

static inline __m512i aes128_round_key(const bh_aes128 *a, size_t round)
{
    return _mm512_broadcast_i32x4(
        _mm_load_si128((const __m128i *)(const void *)a->keys[round]));
}

// Each of n registers, encrypted; n is a constant. Several in flight hide that VAESENC
// takes several cycles while one can begin in each.
static inline void aes128_encrypt(const bh_aes128 *a, __m512i *x, int n)
{
    __m512i key = aes128_round_key(a, 0);
    for (int i = 0; i < n; i++) {
        x[i] = _mm512_xor_si512(x[i], key);
    }
    for (size_t round = 1; round < BH_AES128_ROUNDS; round++) {
        key = aes128_round_key(a, round);
        for (int i = 0; i < n; i++) {
            x[i] = _mm512_aesenc_epi128(x[i], key);
        }
    }
    key = aes128_round_key(a, BH_AES128_ROUNDS);
    for (int i = 0; i < n; i++) {
        x[i] = _mm512_aesenclast_epi128(x[i], key);
    }
}

// Four counter blocks, (low, high) to (low + 3, high) as numbers of 64 bits.
static inline __m512i aes128_counters(uint64_t low, uint64_t high)
{
    return _mm512_add_epi64(
        _mm512_broadcast_i32x4(_mm_set_epi64x((long long)high, (long long)low)),
        _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
}

static inline __m512i aes128_next_counters(__m512i x)
{
    return _mm512_add_epi64(x, _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4));
}

#endif
#endif
