// SPDX-License-Identifier: Apache-2.0
// Columns of bits, one bit for each transfer of a chunk, and what is done with many of
// them: sums, and turning BH_KAPPA columns into blocks. Work goes by groups of
// transfers; a chunk has at most BH_CHUNK.
//
// Bit i of a column is bit i % 64 of word i / 64.
#ifndef BH_MPC_COLUMNS_H
#define BH_MPC_COLUMNS_H

#include <stddef.h>

#include "base/cpu.h"
#include "mpc/block.h"

#define BH_GROUP        512 // bits
#define BH_GROUP_WORDS  (BH_GROUP / 64)
#define BH_GROUP_BLOCKS (BH_GROUP / 128)
#define BH_CHUNK_GROUPS 16
#define BH_CHUNK        (BH_CHUNK_GROUPS * BH_GROUP)
// From a column to the next.
#define BH_COLUMN_WORDS (BH_CHUNK / 64)

// CT: neither leaks bits.
typedef struct bh_columns_kernels {
    // sum = the sum of the 2^bits columns, parts[b] += the sum of those whose number
    // has bit b, bits 2 or 4. Additions of whole groups, which are XOR. Overwrites
    // columns.
    void (*fold)(uint64_t *parts, uint64_t *sum, uint64_t *columns, unsigned bits,
                 size_t groups);
    // Blocks 0 .. BH_GROUP - 1: bit j of block i is bit i of column j, where the first
    // of BH_KAPPA columns begins at `columns`.
    void (*transpose)(bh_block *out, const uint64_t *columns);
} bh_columns_kernels;

// Only where bh_cpu_has(level).
const bh_columns_kernels *bh_columns_get(bh_cpu level);

#endif
