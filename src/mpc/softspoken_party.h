// SPDX-License-Identifier: Apache-2.0
// What both parties of an extension (mpc/softspoken.h) hold and do alike. Each of the
// BH_KAPPA / k trees gives k rows of a matrix of BH_KAPPA columns, whose transpose is
// the blocks of the correlated transfers, and one sum.
//
// With r_x the stream of leaf x, x numbered by the receiver, the receiver has u = sum
// r_x and v = sum x r_x, that is row b is the sum of those with bit b. The sender
// numbers leaves by x + Delta_j, where + is XOR and Delta_j the tree's bits of Delta,
// so the same sum gives it w = sum (x + Delta_j) r_x = v + Delta_j u, and the leaf that
// it lacks has factor 0.
//
// CT: leaks k and the number of transfers.
#ifndef BH_MPC_SOFTSPOKEN_PARTY_H
#define BH_MPC_SOFTSPOKEN_PARTY_H

#include <stdbool.h>

#include "mpc/hash.h"
#include "mpc/leaf_streams.h"

typedef struct bh_softspoken_party {
    unsigned k, trees;
    bh_hasher *hasher;
    bh_leaf_streams *leaves; // leaf y of tree j is j 2^k + y
    const bh_columns_kernels *kernels;
    uint64_t block;     // of the leaves' streams, where the next chunk begins
    uint64_t transfers; // made so far: the next tweak
    _Alignas(64) uint64_t matrix[BH_KAPPA][BH_COLUMN_WORDS];
    uint64_t u[BH_COLUMN_WORDS];        // of the tree that was summed last
    uint64_t choices[BH_COLUMN_WORDS];  // of a receiver
    uint64_t sums[16][BH_COLUMN_WORDS]; // of 16 leaves each
    bh_block blocks[BH_GROUP];
} bh_softspoken_party;

// Groups that n transfers of a chunk take.
static inline size_t bh_softspoken_party_groups(size_t n)
{
    return (n + BH_GROUP - 1) / BH_GROUP;
}

// An extension without leaves. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_PARAMS.
bh_status bh_softspoken_party_new(bh_softspoken_party **out, unsigned k) BH_MUST_CHECK;
void bh_softspoken_party_free(bh_softspoken_party *p); // wipes
// nodes: as mpc/ggm.h leaves them. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_PARAMS.
bh_status bh_softspoken_party_set_leaves(bh_softspoken_party *p,
                                         const bh_block *nodes) BH_MUST_CHECK;

// Rows of tree j, and u, for the next `groups` of transfers. punctured: leaf 0 is not
// known, and u without meaning. BH_ERR_CRYPTO.
bh_status bh_softspoken_party_sum_tree(bh_softspoken_party *p, unsigned j,
                                       size_t groups, bool punctured) BH_MUST_CHECK;

// Goes behind a chunk of n transfers.
void bh_softspoken_party_advance(bh_softspoken_party *p, size_t n);

#endif
