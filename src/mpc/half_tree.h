// SPDX-License-Identifier: Apache-2.0
// Point functions under a correlation, from puncturable trees (Goldreich, Goldwasser,
// Micali) that are correlated themselves: half-trees (Guo, Yang, Wang, Zhang, Xie, Liu,
// Zhao, EUROCRYPT 2023). One tree gives 2^h pairs (v, w) of blocks with w = v but at
// one place, its point, where w = v ^ Delta. The sender knows Delta and every v, the
// receiver every w and the point. They are Ferret's (mpc/ferret.h); SoftSpoken's trees,
// which are not correlated, are in mpc/ggm.h.
//
// A tree begins with two nodes that differ by Delta; a node x has the children H(x) and
// H(x) ^ x. So the nodes of each level add up to Delta, and the receiver, who knows all
// of a level but one node, needs the sum of one side of the next level to go on. It is
// masked by a correlated transfer of which the receiver chose that side, and since
// transfers have random choices, these choices make the point: the path turns to the
// side that was not chosen, and the receiver sends nothing. The first transfer is the
// first level itself. H(x) = pi(s(x)) ^ s(x) with s(x1, x0) = (x1 ^ x0, x1) (Guo, Katz,
// Wang, Yu, IEEE S&P 2020), pi = AES-128 under a public key that is another one for
// every eight trees. A receiver knows pairs x, H(x ^ Delta), about half of the h - 1
// levels of each tree one: whoever has N of them under ONE key finds Delta with 2^(127
// - log2 N) guesses, each looked up among all. Eight trees give N = 8 (h - 1) at most.
//
// Eight trees grow side by side, for vectors and pipelines. Arrays hold theirs next to
// each other: node y of tree j is nodes[8 y + j], the transfer of level i (from 0)
// q[8 i + j], and so on. Bit h - 1 - i of the point is the complement of choice i.
//
// The lowest bit of a block says whether the block has Delta in it, everywhere in
// silent transfer (mpc/ferret.h): Delta has it set, q and v have it clear, t has the
// choice, and w has it set at the point and clear elsewhere.
//
// CT: leaks h, never blocks or points: every node is read and written, and what belongs
// at the point is put there under masks (R6).
#ifndef BH_MPC_HALF_TREE_H
#define BH_MPC_HALF_TREE_H

#include "base/cpu.h"
#include "mpc/block.h"

#define BH_HALF_TREES      8U
#define BH_HALF_TREE_H_MIN 2U
#define BH_HALF_TREE_H_MAX 16U

typedef struct bh_half_tree bh_half_tree; // belongs to one thread

// At the level that bh_cpu_pick gives. transcript: 32 bytes that keys are bound to, so
// that nothing can be computed from them in advance, or NULL. Errors: BH_ERR_NOMEM,
// BH_ERR_CRYPTO, BH_ERR_RNG, BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_half_tree_new(bh_half_tree **out, const uint8_t *transcript) BH_MUST_CHECK;
void bh_half_tree_free(bh_half_tree *g); // wipes

// Begins the keys of an iteration, each of which serves the next eight trees, here and
// below: 16 bytes of the stream "silent trees" with the iteration's number.
bh_status bh_half_tree_start(bh_half_tree *g, uint64_t iteration) BH_MUST_CHECK;

// leaves: 8 * 2^h blocks, v. sums: 8 (h - 1) blocks, the message; sums[8 (i - 1) + j]
// is of level i. q: 8 h blocks. All are aligned to BH_ALIGNMENT where a vector variant
// is to be as fast as it can, to 16 bytes in any case. Errors: BH_ERR_CRYPTO, and
// BH_ERR_STATE before a start, with zeroes for outputs.
bh_status bh_half_tree_send(bh_half_tree *g, bh_block *leaves, bh_block *sums,
                            const bh_block *q, bh_block delta,
                            unsigned h) BH_MUST_CHECK;
// leaves: w. t: 8 h blocks. Other sums make other leaves. Errors: as above.
bh_status bh_half_tree_receive(bh_half_tree *g, bh_block *leaves, const bh_block *t,
                               const bh_block *sums, unsigned h) BH_MUST_CHECK;

#endif
