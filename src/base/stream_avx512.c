// SPDX-License-Identifier: Apache-2.0
#include "base/stream_avx512.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "base/memory.h"

// Vectors in flight, of four blocks each: VAESENC takes three cycles and one can begin
// in each.
enum { LANES = 8, CHUNK = 64 * LANES };

// Word i of a round key is word i of the key two before it, plus words 0 .. i - 1 of
// that key, plus SubWord of the last word of the key before it, rotated and with a
// constant added every second time (FIPS 197). The last round of the cipher applied to
// four equal words is SubWord and the addition of the constant: ShiftRows moves
// nothing.
static inline __m128i next_key(__m128i two_before, __m128i before, int last_word,
                               __m128i constant)
{
    __m128i words = _mm_shuffle_epi8(before, _mm_set1_epi32(last_word));
    __m128i sums = _mm_xor_si128(two_before, _mm_slli_si128(two_before, 4));
    sums = _mm_xor_si128(sums, _mm_slli_si128(sums, 8));
    return _mm_xor_si128(sums, _mm_aesenclast_si128(words, constant));
}

void bh_vaes_start(bh_vaes *v, const uint8_t key[32], uint64_t number)
{
    enum { PLAIN = 0x0f0e0d0c, ROTATED = 0x0c0f0e0d }; // bytes of word 3
    __m128i constant = _mm_set1_epi32(1);
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)key);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(key + 16));
    _mm_storeu_si128((__m128i *)(void *)v->keys[0], a);
    _mm_storeu_si128((__m128i *)(void *)v->keys[1], b);
    for (int i = 2; i <= BH_AES_ROUNDS; i++) {
        __m128i next = i % 2 == 0 ? next_key(a, b, ROTATED, constant)
                                  : next_key(a, b, PLAIN, _mm_setzero_si128());
        constant = i % 2 == 0 ? _mm_slli_epi32(constant, 1) : constant;
        _mm_storeu_si128((__m128i *)(void *)v->keys[i], next);
        a = b;
        b = next;
    }
    v->number = number;
    v->position = 0;
}

static inline __m512i round_key(const bh_vaes *v, int round)
{
    return _mm512_broadcast_i32x4(
        _mm_loadu_si128((const __m128i *)(const void *)v->keys[round]));
}

// The CHUNK bytes from block `block` on.
static inline void encrypt(const bh_vaes *v, __m512i x[LANES], uint64_t block)
{
    const __m512i big_endian =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607));
    const __m512i step = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
    const long long number = (long long)v->number, first = (long long)block;
    __m512i counter =
        _mm512_add_epi64(_mm512_broadcast_i32x4(_mm_set_epi64x(first, number)),
                         _mm512_set_epi64(3, 0, 2, 0, 1, 0, 0, 0));
    __m512i key = round_key(v, 0);
    for (int i = 0; i < LANES; i++) {
        x[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, big_endian), key);
        counter = _mm512_add_epi64(counter, step);
    }
    for (int round = 1; round < BH_AES_ROUNDS; round++) {
        key = round_key(v, round);
        for (int i = 0; i < LANES; i++) {
            x[i] = _mm512_aesenc_epi128(x[i], key);
        }
    }
    key = round_key(v, BH_AES_ROUNDS);
    for (int i = 0; i < LANES; i++) {
        x[i] = _mm512_aesenclast_epi128(x[i], key);
    }
}

// n < CHUNK bytes; the vectors' other bytes are not written.
static void write_some(const bh_vaes *v, uint8_t *out, uint64_t block, size_t n)
{
    __m512i x[LANES];
    encrypt(v, x, block);
    for (size_t i = 0; 64 * i < n; i++) {
        size_t len = n - 64 * i;
        __mmask64 mask = len < 64 ? (UINT64_C(1) << len) - 1 : UINT64_MAX;
        _mm512_mask_storeu_epi8(out + 64 * i, mask, x[i]);
    }
    bh_wipe(x, sizeof x);
}

static void write_chunk(const bh_vaes *v, uint8_t *out, uint64_t block)
{
    __m512i x[LANES];
    encrypt(v, x, block);
    for (int i = 0; i < LANES; i++) {
        _mm512_storeu_si512(out + 64 * i, x[i]);
    }
}

void bh_vaes_read(bh_vaes *v, uint8_t *out, size_t len)
{
    const size_t used = v->position % 16; // bytes of a block that was begun
    uint64_t block = v->position / 16;
    v->position += len;
    if (used != 0 && len != 0) {
        uint8_t begun[16];
        size_t n = len < 16 - used ? len : 16 - used;
        write_some(v, begun, block++, sizeof begun);
        memcpy(out, begun + used, n);
        bh_wipe(begun, sizeof begun);
        out += n;
        len -= n;
    }
    for (; len >= CHUNK; len -= CHUNK, out += CHUNK, block += CHUNK / 16) {
        write_chunk(v, out, block);
    }
    if (len != 0) {
        write_some(v, out, block, len);
    }
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_vaes_start(bh_vaes *v, const uint8_t key[32], uint64_t number)
{
    (void)v, (void)key, (void)number;
}

void bh_vaes_read(bh_vaes *v, uint8_t *out, size_t len)
{
    (void)v, (void)out, (void)len;
}

#endif
