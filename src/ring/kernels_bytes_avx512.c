// SPDX-License-Identifier: Apache-2.0
// The AVX-512 variant: packed values and random words.
#include "ring/avx512.h"
#include "ring/kernels.h"

// ---- packed values ----

// Eight values of `bits` bits fill `bits` bytes. Value i starts at bit i bits % 8 of
// byte i bits / 8 and ends within the 8 bytes from there on; values of 8 bits and more
// share a byte with their neighbours only, so that even and odd ones go separately.
void bh_pack_avx512(uint8_t *out, const uint64_t *in, size_t n, unsigned bits)
{
    if (bits < 8) {
        bh_kernels_portable.pack(out, in, n, bits);
        return;
    }
    uint8_t from[2][64] = {{0}};
    uint64_t shift[8], has[2] = {0};
    for (unsigned i = 0; i < 8; i++) {
        unsigned first = i * bits / 8, last = ((i + 1) * bits - 1) / 8;
        shift[i] = i * bits % 8;
        for (unsigned b = first; b <= last; b++) {
            from[i % 2][b] = (uint8_t)(8 * i + b - first);
            has[i % 2] |= UINT64_C(1) << b;
        }
    }
    const v8 even = _mm512_loadu_si512(from[0]), odd = _mm512_loadu_si512(from[1]);
    const v8 up = v8_load(shift);
    size_t whole = n / 8 * 8;
    for (size_t i = 0; i < whole; i += 8, out += bits) {
        v8 x = _mm512_sllv_epi64(v8_load(in + i), up);
        x = _mm512_or_si512(_mm512_maskz_permutexvar_epi8(has[0], even, x),
                            _mm512_maskz_permutexvar_epi8(has[1], odd, x));
        _mm512_mask_storeu_epi8(out, (UINT64_C(1) << bits) - 1, x);
    }
    bh_kernels_portable.pack(out, in + whole, n - whole, bits);
}

void bh_unpack_avx512(uint64_t *out, const uint8_t *in, size_t n, unsigned bits)
{
    uint8_t from[64];
    uint64_t shift[8];
    for (unsigned i = 0; i < 64; i++) {
        from[i] = (uint8_t)(i / 8 * bits / 8 + i % 8); // < 7 * 57 / 8 + 8 < 64
        shift[i / 8] = i / 8 * bits % 8;
    }
    const v8 spread = _mm512_loadu_si512(from), down = v8_load(shift);
    const v8 mask = v8_all((UINT64_C(1) << bits) - 1);
    for (size_t i = 0; i < n; i += 8, in += bits) {
        size_t len = n - i < 8 ? n - i : 8;
        v8 x = _mm512_maskz_loadu_epi8((UINT64_C(1) << ((len * bits + 7) / 8)) - 1, in);
        x = _mm512_srlv_epi64(_mm512_permutexvar_epi8(spread, x), down);
        v8_store_lanes(v8_lanes(len, 0), out + i, _mm512_and_si512(x, mask));
    }
}

// ---- random words ----

size_t bh_accept_vartime_avx512(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                                size_t n)
{
    const v8 q = v8_all(m->q), mask = v8_all((UINT64_C(1) << m->bits) - 1);
    size_t kept = 0;
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 lanes = v8_lanes(n - i, 0);
        v8 x = _mm512_and_si512(v8_load_lanes(lanes, in + i), mask);
        __mmask8 good = _mm512_mask_cmplt_epu64_mask(lanes, x, q);
        size_t count = (size_t)__builtin_popcount(good);
        v8_store_lanes(v8_lanes(count, 0), out + kept,
                       _mm512_maskz_compress_epi64(good, x));
        kept += count;
    }
    return kept;
}

// A digit is what 3 x = 2 x + x carries out of 64 bits: once for each addition.
void bh_ternary_avx512(int32_t out[64], const uint64_t words[8])
{
    const __m256i minus_one = _mm256_set1_epi32(-1), one = _mm256_set1_epi32(1);
    v8 x = v8_load(words);
    for (size_t d = 0; d < 8; d++) {
        v8 twice = _mm512_add_epi64(x, x), thrice = _mm512_add_epi64(twice, x);
        __mmask8 first = _mm512_movepi64_mask(x);
        __mmask8 second = _mm512_cmplt_epu64_mask(thrice, twice);
        __m256i digit = _mm256_mask_add_epi32(minus_one, first, minus_one, one);
        digit = _mm256_mask_add_epi32(digit, second, digit, one);
        _mm256_storeu_si256((__m256i *)(void *)(out + 8 * d), digit);
        x = thrice;
    }
}

// The six bytes of each number are spread to a word of its own.
void bh_binomial_avx512(int32_t *out, const uint8_t *bytes, size_t n)
{
    uint8_t from[64];
    for (size_t i = 0; i < 64; i++) {
        from[i] = (uint8_t)(i % 8 < 6 ? 6 * (i / 8) + i % 8 : 63); // byte 63 is zero
    }
    const v8 spread = _mm512_loadu_si512(from);
    const v8 coins = v8_all((UINT64_C(1) << 42) - 1);
    for (size_t i = 0; i < n; i += 8) {
        size_t len = n - i < 8 ? n - i : 8;
        v8 x = _mm512_maskz_loadu_epi8((UINT64_C(1) << (6 * len)) - 1, bytes + 6 * i);
        x = _mm512_popcnt_epi64(
            _mm512_and_si512(_mm512_permutexvar_epi8(spread, x), coins));
        __m256i heads = _mm512_cvtepi64_epi32(x);
        _mm256_mask_storeu_epi32(out + i, v8_lanes(len, 0),
                                 _mm256_sub_epi32(heads, _mm256_set1_epi32(21)));
    }
}
