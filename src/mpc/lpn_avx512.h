// SPDX-License-Identifier: Apache-2.0
// The fast half of mpc/lpn.h.
#ifndef BH_MPC_LPN_AVX512_H
#define BH_MPC_LPN_AVX512_H

#include "mpc/aes.h"
#include "mpc/block.h"

// The code of one iteration.
typedef struct bh_lpn_code {
    bh_aes cipher;
    uint64_t iteration;
    uint32_t k;
} bh_lpn_code;

// Only where bh_cpu_has(BH_CPU_AVX512). CT: as in mpc/lpn.h.
// Adds rows first .. first + n - 1 to out, both multiples of BH_LPN_ROWS.
void bh_lpn_add_avx512(const bh_lpn_code *code, bh_block *out, const bh_block *blocks,
                       size_t first, size_t n);

#endif
