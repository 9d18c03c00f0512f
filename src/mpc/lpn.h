// SPDX-License-Identifier: Apache-2.0
// A public sparse linear code, the one of the LPN assumption behind silent transfer
// (mpc/ferret.h): row r adds up d = BH_LPN_D of k blocks. The d places of a row are
// drawn with repetition, place = floor(k w / 2^32) of a 32-bit word w; row r has the
// words d r .. d r + d - 1 of AES-128 in counter mode under a public key, where block i
// is the cipher of (i, iteration), two little-endian numbers of 64 bits, and gives the
// words 4 i .. 4 i + 3. Both parties and every level of processor have the same code.
//
// CT: places are public; leaks k and the numbers of rows, never blocks.
#ifndef BH_MPC_LPN_H
#define BH_MPC_LPN_H

#include <stddef.h>

#include "base/cpu.h"
#include "mpc/block.h"

#define BH_LPN_D    10U
#define BH_LPN_ROWS 16U // rows come in multiples of this

typedef struct bh_lpn bh_lpn; // belongs to one thread

// A code for k blocks; transcript: the 32-byte hash of a session that the code is bound
// to, so that nothing can be computed from it in advance, or NULL. Errors:
// BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG, BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_lpn_new(bh_lpn **out, uint32_t k, const uint8_t *transcript) BH_MUST_CHECK;
void bh_lpn_free(bh_lpn *code);

// Begins the code of an iteration, at its first row.
void bh_lpn_start(bh_lpn *code, uint64_t iteration);
// Adds the next n rows to out, n a multiple of BH_LPN_ROWS. out and blocks are aligned
// to 16 bytes. Errors: BH_ERR_CRYPTO; some of out may have its row then.
bh_status bh_lpn_add(bh_lpn *code, bh_block *out, const bh_block *blocks,
                     size_t n) BH_MUST_CHECK;

#endif
