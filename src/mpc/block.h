// SPDX-License-Identifier: Apache-2.0
// A block of 128 bits, the unit of oblivious transfer: kappa = 128.
#ifndef BH_MPC_BLOCK_H
#define BH_MPC_BLOCK_H

#include <stdint.h>

#include "base/ct.h"

#define BH_KAPPA 128

typedef struct bh_block {
    _Alignas(16) uint64_t w[2]; // little-endian: bit i is bit i % 64 of w[i / 64]
} bh_block;

static inline bh_block bh_block_xor(bh_block a, bh_block b)
{
    return (bh_block){{a.w[0] ^ b.w[0], a.w[1] ^ b.w[1]}};
}

// a where the mask is all ones, 0 where it is zero.
static inline bh_block bh_block_and(bh_block a, uint64_t mask)
{
    return (bh_block){{a.w[0] & mask, a.w[1] & mask}};
}

// All ones if bit i of the block is set, 0 <= i < BH_KAPPA.
static inline uint64_t bh_block_bit_mask(bh_block a, unsigned i)
{
    return bh_ct_mask_negative(a.w[i / 64] << (63 - i % 64));
}

#endif
