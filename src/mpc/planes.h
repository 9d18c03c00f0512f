// SPDX-License-Identifier: Apache-2.0
// Bit planes: one bit of each of many values, 64 values to a word. What the values'
// numbers have in 32-bit words or bytes is gathered into planes and spread from them a
// block of 64 values at a time.
//
// On the wire a plane has whole bytes, low bits first; bits behind the last value are
// zero when sent, and taken for zero when received.
// CT: everything here leaks counts and places, never bits.
#ifndef BH_MPC_PLANES_H
#define BH_MPC_PLANES_H

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

#define BH_PLANE_BITS 64 // of a word

static inline size_t bh_plane_words(size_t count)
{
    return count / BH_PLANE_BITS + (count % BH_PLANE_BITS != 0);
}

static inline size_t bh_plane_bytes(size_t count)
{
    return count / 8 + (count % 8 != 0);
}

// Values of the block that begins at `at`, which is below count.
static inline size_t bh_plane_len(size_t count, size_t at)
{
    return count - at < BH_PLANE_BITS ? count - at : BH_PLANE_BITS;
}

// Compilers make one access of these.
static inline uint32_t bh_load_le32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
           (uint32_t)in[3] << 24;
}

static inline void bh_store_le32(uint8_t *out, uint32_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
    out[2] = (uint8_t)(v >> 16);
    out[3] = (uint8_t)(v >> 24);
}

static inline uint64_t bh_load_le64(const uint8_t *in)
{
    return bh_load_le32(in) | (uint64_t)bh_load_le32(in + 4) << 32;
}

static inline void bh_store_le64(uint8_t *out, uint64_t v)
{
    bh_store_le32(out, (uint32_t)v);
    bh_store_le32(out + 4, (uint32_t)(v >> 32));
}

// Bit `bit` of each byte.
static inline uint64_t bh_gather(const uint8_t bytes[BH_PLANE_BITS], unsigned bit)
{
    // Byte i of eight, 0 or 1, is bit 8i; the product has it at bit 56 + i, and no two
    // of its terms at one place.
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t to_top = UINT64_C(0x0102040810204080);
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t low = (bh_load_le64(bytes + (size_t)8 * i) >> bit) & ones;
        word |= ((low * to_top) >> 56) << (8 * i);
    }
    // MemorySanitizer loses marks of single bytes in the product.
    BH_SECRET_FROM(&word, sizeof word, bytes, BH_PLANE_BITS, NULL, 0);
    return word;
}

// Bytes 0 or 1.
static inline void bh_spread(uint8_t out[BH_PLANE_BITS], uint64_t word)
{
    // Byte i of eight keeps bit i, which is then carried to its top.
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t places = UINT64_C(0x8040201008040201);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t kept = (((word >> (8 * i)) & 0xff) * ones) & places;
        bh_store_le64(out + (size_t)8 * i, ((kept + 0x7f * ones) >> 7) & ones);
    }
    // MemorySanitizer has no model of the vectors that clang makes of this.
    BH_SECRET_FROM(out, BH_PLANE_BITS, &word, sizeof word, NULL, 0);
}

// Bit 0 of each of count bytes; bytes 0 or 1.
void bh_plane_gather(uint64_t *plane, const uint8_t *bytes, size_t count);
void bh_plane_spread(uint8_t *bytes, const uint64_t *plane, size_t count);

// bh_plane_bytes(count) of them.
void bh_plane_store(uint8_t *out, const uint64_t *plane, size_t count);
void bh_plane_load(uint64_t *plane, const uint8_t *in, size_t count);

#endif
