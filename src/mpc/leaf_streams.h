// SPDX-License-Identifier: Apache-2.0
// The streams of trees' leaves: AES-128 in counter mode, the leaf as key, the index of
// the block as the low word of the counter block. By VAES at BH_CPU_AVX512, by OpenSSL
// below; the streams are the same.
// CT: leaks numbers and indexes, never leaves.
#ifndef BH_MPC_LEAF_STREAMS_H
#define BH_MPC_LEAF_STREAMS_H

#include <stdbool.h>

#include "mpc/columns.h"

typedef struct bh_leaf_streams bh_leaf_streams; // belongs to one thread

// At the level that bh_cpu_pick gives. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO,
// BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_leaf_streams_new(bh_leaf_streams **out, const bh_block *leaves,
                              size_t count) BH_MUST_CHECK;
void bh_leaf_streams_free(bh_leaf_streams *l); // wipes

// Leaves to sum: 2^bits in a row from `first`, bits 2 or 4, numbered from 0; the
// streams' next `groups` of bits from block `block` on, up to BH_CHUNK_GROUPS.
typedef struct bh_leaf_streams_range {
    size_t first;
    unsigned bits;
    bool punctured; // leaf 0 is not known: nothing in its place
    uint64_t block;
    size_t groups;
} bh_leaf_streams_range;

// sum = the sum of the streams, parts[b] += the sum of those whose number has bit b, b
// < bits. The bits are the first of columns. BH_ERR_CRYPTO.
bh_status bh_leaf_streams_sum(bh_leaf_streams *l, uint64_t *parts, uint64_t *sum,
                              const bh_leaf_streams_range *range) BH_MUST_CHECK;

#endif
