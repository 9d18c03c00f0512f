// SPDX-License-Identifier: Apache-2.0
// Numbers of a few bits, packed back to back, low bits first: how shares and
// corrections travel. CT: leaks count and bits, not the numbers.
#ifndef BH_MPC_BITS_H
#define BH_MPC_BITS_H

#include <stddef.h>
#include <stdint.h>

// Bytes of `count` numbers of `bits` bits, 0 <= bits <= 32.
static inline size_t bh_bits_bytes(size_t count, unsigned bits)
{
    return (size_t)(((uint64_t)count * bits + 7) / 8);
}

// The low `bits` bits of each number; the last byte is filled up with zero bits.
void bh_bits_pack(uint8_t *out, const uint32_t *in, size_t count, unsigned bits);
void bh_bits_unpack(uint32_t *out, const uint8_t *in, size_t count, unsigned bits);

// All ones in the low `bits` bits, 0 <= bits <= 32.
static inline uint32_t bh_bits_mask(unsigned bits)
{
    return (uint32_t)((UINT64_C(1) << bits) - 1);
}

#endif
