// SPDX-License-Identifier: Apache-2.0
// The hash by vector AES instructions: the fast half of mpc/hash.h, whose values it
// gives. Only where bh_cpu_has(BH_CPU_AVX512).
#ifndef BH_MPC_HASH_AVX512_H
#define BH_MPC_HASH_AVX512_H

#include <stddef.h>

#include "mpc/aes_avx512.h"
#include "mpc/block.h"

// As in mpc/hash.h.
void bh_hash_pads_avx512(const bh_aes128 *pi, uint32_t *pads, const bh_block *in,
                         bh_block offset, uint64_t first, size_t n);
void bh_hash_blocks_avx512(const bh_aes128 *pi, bh_block *out, const bh_block *in,
                           bh_block offset, uint64_t first, size_t n);

#endif
