// SPDX-License-Identifier: Apache-2.0
// Vector code for columns (mpc/columns.h). Only where bh_cpu_has() the level.
#ifndef BH_MPC_COLUMNS_SIMD_H
#define BH_MPC_COLUMNS_SIMD_H

#include "mpc/columns.h"

void bh_columns_fold_avx2(uint64_t *parts, uint64_t *sum, uint64_t *columns,
                          unsigned bits, size_t groups);
void bh_columns_transpose_avx2(bh_block *out, const uint64_t *columns);
void bh_columns_transpose_avx512(bh_block *out, const uint64_t *columns);

#endif
