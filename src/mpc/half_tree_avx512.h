// SPDX-License-Identifier: Apache-2.0
// Half-trees with vector AES instructions: the fast half of mpc/half_tree.h.
#ifndef BH_MPC_HALF_TREE_AVX512_H
#define BH_MPC_HALF_TREE_AVX512_H

#include "mpc/aes_avx512.h"
#include "mpc/block.h"

// Only where bh_cpu_has(BH_CPU_AVX512). CT: as in mpc/half_tree.h.
void bh_half_tree_send_avx512(const bh_aes128 *pi, bh_block *leaves, bh_block *sums,
                              const bh_block *q, bh_block delta, unsigned h);
void bh_half_tree_receive_avx512(const bh_aes128 *pi, bh_block *leaves,
                                 const bh_block *t, const bh_block *sums, unsigned h);

#endif
