// SPDX-License-Identifier: Apache-2.0
// Puncturable trees (Goldreich, Goldwasser, Micali) of SoftSpoken: of BH_KAPPA / k
// trees of 2^k leaves each, one party knows all leaves, the other all but one of each.
// The correlated ones of Ferret are in mpc/half_tree.h.
//
// Both children of a node are hashes of it, with a tweak of the tree, the level and the
// side alone. The child on side s of node y at level l is node y + 2^l s, so bit l of a
// leaf's number is the side that was taken at level l. The other party numbers nodes by
// their difference (XOR) to the punctured path, which is then node 0 at every level,
// whatever Delta is; no address depends on it.
//
// Node y of tree j is nodes[y * trees + j].
#ifndef BH_MPC_GGM_H
#define BH_MPC_GGM_H

#include "mpc/hash.h"

// Both sums of a level, encrypted: per base transfer.
#define BH_GGM_SETUP_BYTES (BH_KAPPA * 2 * sizeof(bh_block))

// All leaves, 2^k * BH_KAPPA / k. keys: level l of tree j takes those of transfer j k +
// l. CT: leaks k. Errors: BH_ERR_RNG, BH_ERR_CRYPTO.
bh_status bh_ggm_grow(bh_block *nodes, unsigned k, uint8_t *setup,
                      const bh_block (*keys)[2], bh_hasher *h) BH_MUST_CHECK;

// All leaves but those whose number is that of delta's bits j k .. j k + k - 1, in the
// other numbering; zero in their place. keys: those of delta's choices. Another setup
// makes other leaves. CT: leaks k.
bh_status bh_ggm_grow_punctured(bh_block *nodes, unsigned k, const uint8_t *setup,
                                const bh_block *keys, bh_block delta,
                                bh_hasher *h) BH_MUST_CHECK;

#endif
