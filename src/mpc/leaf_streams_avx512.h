// SPDX-License-Identifier: Apache-2.0
// Leaves' streams by vector AES instructions: the fast half of mpc/leaf_streams.h,
// whose values it gives. Only where bh_cpu_has(BH_CPU_AVX512).
#ifndef BH_MPC_LEAF_STREAMS_AVX512_H
#define BH_MPC_LEAF_STREAMS_AVX512_H

#include "mpc/aes_avx512.h"
#include "mpc/leaf_streams.h"

// leaves: from the first of the range on; its bits are 2 or 4.
void bh_leaf_streams_sum_avx512(uint64_t *parts, uint64_t *sum, const bh_aes128 *leaves,
                                const bh_leaf_streams_range *range);

#endif
