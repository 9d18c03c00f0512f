// SPDX-License-Identifier: Apache-2.0
// The AVX2 variant: packed values and random words. What is left over from full vectors
// goes to the portable kernels; they define the same values.
#include <string.h>

#include "ring/kernels_avx2.h"

// Values are packed in blocks of eight, which begin at a byte.
enum { BLOCK = 8 };

typedef struct vectors {
    __m256i first, second;
} vectors;

INLINE __m256i load_words(const uint64_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE void store_words(uint64_t *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

// 16 bytes from either address.
INLINE __m256i load_pair(const uint8_t *low, const uint8_t *high)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)low);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)high);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

// ---- packed values ----

// Value j of a block starts at bit j bits: in byte j bits / 8, at bit offset j bits
// % 8.
INLINE __m256i bit_positions(size_t first, unsigned bits)
{
    long long f = (long long)first, b = bits;
    return _mm256_setr_epi64x(f * b, (f + 1) * b, (f + 2) * b, (f + 3) * b);
}

INLINE __m256i bit_offsets(size_t first, unsigned bits)
{
    return _mm256_and_si256(bit_positions(first, bits), _mm256_set1_epi64x(7));
}

// One half of v, anywhere.
INLINE void store_half(uint8_t *out, __m128d v, int half)
{
    double bytes = v[half];
    memcpy(out, &bytes, sizeof bytes);
}

// Eight bytes at out + first bits / 8 and so on, in this order.
INLINE void scatter(uint8_t *out, size_t first, unsigned bits, __m256i v)
{
    __m128d low = _mm_castsi128_pd(_mm256_castsi256_si128(v));
    __m128d high = _mm_castsi128_pd(_mm256_extracti128_si256(v, 1));
    store_half(out + first * bits / 8, low, 0);
    store_half(out + (first + 1) * bits / 8, low, 1);
    store_half(out + (first + 2) * bits / 8, high, 0);
    store_half(out + (first + 3) * bits / 8, high, 1);
}

// A value is stored with what its first byte holds of the value before: 8 bytes, of
// which those behind the value are overwritten by the next one.
INLINE size_t pack_blocks(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    size_t bytes = (n * bits + 7) / 8, done = 0;
    size_t reach = (BLOCK - 1) * bits / 8 + 8;
    __m256i all = _mm256_set1_epi64x(bits);
    __m256i left0 = bit_offsets(0, bits), left1 = bit_offsets(LANES, bits);
    __m256i right0 = _mm256_sub_epi64(all, left0),
            right1 = _mm256_sub_epi64(all, left1);
    for (; done * bits / 8 + reach <= bytes; done += BLOCK) {
        uint8_t *block = out + done * bits / 8;
        __m256i v = load_words(in + done);
        __m256i before = _mm256_permute4x64_epi64(v, 0x90); // none before the first
        v = _mm256_or_si256(_mm256_sllv_epi64(v, left0),
                            _mm256_srlv_epi64(before, right0));
        scatter(block, 0, bits, v);
        v = load_words(in + done + LANES);
        before = load_words(in + done + LANES - 1);
        v = _mm256_or_si256(_mm256_sllv_epi64(v, left1),
                            _mm256_srlv_epi64(before, right1));
        scatter(block, LANES, bits, v);
    }
    return done;
}

void bh_pack_avx2(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    // of narrower values several may lie in a byte
    size_t done = bits >= 8 ? pack_blocks(out, in, n, bits) : 0;
    bh_kernels_portable.pack(out + done * bits / 8, in + done, n - done, bits);
}

// For each value of a vector the 8 bytes that it starts in: two values from the 16
// bytes at the first one's, of which they take at most 7 + 2 * 57 bits.
INLINE __m256i byte_indices(size_t first, unsigned bits)
{
    _Alignas(32) uint8_t index[32];
    for (size_t i = 0; i < sizeof index; i++) {
        size_t value = first + i / 8, pair = value - value % 2;
        index[i] = (uint8_t)(value * bits / 8 - pair * bits / 8 + i % 8);
    }
    return _mm256_load_si256((const __m256i *)(const void *)index);
}

INLINE size_t unpack_blocks(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    size_t bytes = (n * bits + 7) / 8, done = 0;
    size_t at2 = 2 * bits / 8, at4 = 4 * bits / 8, at6 = 6 * bits / 8;
    __m256i mask = _mm256_set1_epi64x((INT64_C(1) << bits) - 1);
    __m256i index0 = byte_indices(0, bits), index1 = byte_indices(LANES, bits);
    __m256i right0 = bit_offsets(0, bits), right1 = bit_offsets(LANES, bits);
    for (; done + BLOCK <= n && done * bits / 8 + at6 + 16 <= bytes; done += BLOCK) {
        const uint8_t *block = in + done * bits / 8;
        __m256i v = _mm256_shuffle_epi8(load_pair(block, block + at2), index0);
        __m256i w = _mm256_shuffle_epi8(load_pair(block + at4, block + at6), index1);
        v = _mm256_and_si256(_mm256_srlv_epi64(v, right0), mask);
        w = _mm256_and_si256(_mm256_srlv_epi64(w, right1), mask);
        store_words(out + done, v);
        store_words(out + done + LANES, w);
    }
    return done;
}

void bh_unpack_avx2(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    size_t done = unpack_blocks(out, in, n, bits);
    bh_kernels_portable.unpack(out + done, in + done * bits / 8, n - done, bits);
}

// ---- random words ----

// For every set of lanes, their halves with those of its members first.
static const uint8_t members_first[16][8] = {
    {0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {2, 3, 0, 1, 4, 5, 6, 7},
    {0, 1, 2, 3, 4, 5, 6, 7}, {4, 5, 0, 1, 2, 3, 6, 7}, {0, 1, 4, 5, 2, 3, 6, 7},
    {2, 3, 4, 5, 0, 1, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {6, 7, 0, 1, 2, 3, 4, 5},
    {0, 1, 6, 7, 2, 3, 4, 5}, {2, 3, 6, 7, 0, 1, 4, 5}, {0, 1, 2, 3, 6, 7, 4, 5},
    {4, 5, 6, 7, 0, 1, 2, 3}, {0, 1, 4, 5, 6, 7, 2, 3}, {2, 3, 4, 5, 6, 7, 0, 1},
    {0, 1, 2, 3, 4, 5, 6, 7},
};
static const uint8_t n_members[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

// Stores reach no further than what was read: kept + 4 <= i + 4.
size_t bh_accept_vartime_avx2(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                              size_t n)
{
    __m256i mask = _mm256_set1_epi64x((INT64_C(1) << m->bits) - 1);
    __m256i q = _mm256_set1_epi64x((int64_t)m->q);
    size_t kept = 0, i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i v = _mm256_and_si256(load_words(in + i), mask);
        __m256d below = _mm256_castsi256_pd(_mm256_cmpgt_epi64(q, v));
        int set = _mm256_movemask_pd(below);
        __m256i order = _mm256_cvtepu8_epi32(
            _mm_loadl_epi64((const __m128i *)(const void *)members_first[set]));
        store_words(out + kept, _mm256_permutevar8x32_epi32(v, order));
        kept += n_members[set];
    }
    return kept + bh_kernels_portable.accept_vartime(m, out + kept, in + i, n - i);
}

// Fractions with 64 bits, in halves: the upper half of 3 (upper + lower / 2^32) carries
// the digit above its 32 bits.
typedef struct fractions {
    __m256i upper, lower;
} fractions;

INLINE fractions split(__m256i words)
{
    return (fractions){_mm256_srli_epi64(words, 32),
                       _mm256_and_si256(words, _mm256_set1_epi64x(0xffffffff))};
}

// Returns the digits in the upper halves of the lanes.
INLINE __m256i next_digit(fractions *f)
{
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i l = _mm256_add_epi64(f->lower, _mm256_slli_epi64(f->lower, 1));
    __m256i u = _mm256_add_epi64(f->upper, _mm256_slli_epi64(f->upper, 1));
    u = _mm256_add_epi64(u, _mm256_srli_epi64(l, 32));
    *f = (fractions){_mm256_and_si256(u, low), _mm256_and_si256(l, low)};
    return u;
}

// Words 0 1 4 5 and 2 3 6 7, so that taking the upper halves of both puts them in
// order.
void bh_ternary_avx2(int32_t out[64], const uint64_t words[8])
{
    const uint8_t *bytes = (const uint8_t *)(const void *)words;
    fractions a = split(load_pair(bytes, bytes + 32));
    fractions b = split(load_pair(bytes + 16, bytes + 48));
    for (size_t d = 0; d < 8; d++) {
        __m256 x = _mm256_castsi256_ps(next_digit(&a));
        __m256 y = _mm256_castsi256_ps(next_digit(&b));
        __m256i digits = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xdd));
        digits = _mm256_sub_epi32(digits, _mm256_set1_epi32(1));
        _mm256_storeu_si256((__m256i *)(void *)(out + 8 * d), digits);
    }
}

// Set bits in either half of 128.
INLINE __m256i count_bits(__m256i x)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i counts =
        _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1,
                         2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    __m256i low = _mm256_and_si256(x, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi64(x, 4), nibble);
    __m256i sum = _mm256_add_epi8(_mm256_shuffle_epi8(counts, low),
                                  _mm256_shuffle_epi8(counts, high));
    return _mm256_sad_epu8(sum, _mm256_setzero_si256());
}

// Eight numbers from 48 bytes: 0 1 4 5 and 2 3 6 7, each pair in the first or the last
// 12 of 16 bytes.
void bh_binomial_avx2(int32_t *out, const uint8_t *bytes, size_t n)
{
    const __m256i first12 =
        _mm256_setr_epi8(0, 1, 2, 3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1, 0, 1, 2,
                         3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1);
    const __m256i last12 =
        _mm256_setr_epi8(4, 5, 6, 7, 8, 9, -1, -1, 10, 11, 12, 13, 14, 15, -1, -1, 4, 5,
                         6, 7, 8, 9, -1, -1, 10, 11, 12, 13, 14, 15, -1, -1);
    const __m256i mask = _mm256_set1_epi64x((INT64_C(1) << 42) - 1);
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        const uint8_t *p = bytes + 6 * i;
        __m256i a = _mm256_shuffle_epi8(load_pair(p, p + 24), first12);
        __m256i b = _mm256_shuffle_epi8(load_pair(p + 8, p + 32), last12);
        __m256 x = _mm256_castsi256_ps(count_bits(_mm256_and_si256(a, mask)));
        __m256 y = _mm256_castsi256_ps(count_bits(_mm256_and_si256(b, mask)));
        __m256i counts = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88));
        counts = _mm256_sub_epi32(counts, _mm256_set1_epi32(21));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), counts);
    }
    bh_kernels_portable.binomial(out + i, bytes + 6 * i, n - i);
}
