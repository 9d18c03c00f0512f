// SPDX-License-Identifier: Apache-2.0
// The hash that turns correlated transfers into random ones: tweakable and correlation
// robust, H(x, i) = pi(pi(x) ^ i) ^ pi(x) with pi = AES-128 under a fixed public key
// (TMMO of Guo, Katz, Wang, Yu, IEEE S&P 2020); the tweak i is the low word of a block.
// By VAES at BH_CPU_AVX512, by OpenSSL below; the values are the same.
// CT: leaks n and the tweaks, never blocks.
#ifndef BH_MPC_HASH_H
#define BH_MPC_HASH_H

#include <stddef.h>

#include "base/cpu.h"
#include "mpc/block.h"

// Tweaks from here on are those of trees (mpc/ggm.h), those below of transfers.
#define BH_HASH_TREES (UINT64_C(1) << 63)

// The key of pi: the first 128 bits of the fraction of the number pi.
extern const uint8_t bh_hash_key[16];

typedef struct bh_hasher bh_hasher; // belongs to one thread

// At the level that bh_cpu_pick gives. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO,
// BH_ERR_PARAMS (bh_cpu_pick). CT: the key of pi is public.
bh_status bh_hasher_new(bh_hasher **out) BH_MUST_CHECK;
void bh_hasher_free(bh_hasher *h);

// Errors: BH_ERR_CRYPTO, with zeroes for outputs.
// pads[i] = the low 32 bits of H(in[i] ^ offset, first + i).
bh_status bh_hash_pads(bh_hasher *h, uint32_t *pads, const bh_block *in,
                       bh_block offset, uint64_t first, size_t n) BH_MUST_CHECK;
// All 128 bits. out may be in.
bh_status bh_hash_blocks(bh_hasher *h, bh_block *out, const bh_block *in,
                         bh_block offset, uint64_t first, size_t n) BH_MUST_CHECK;

#endif
