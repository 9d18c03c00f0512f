// SPDX-License-Identifier: Apache-2.0
// Blocks of 128 bits (mpc/block.h): random ones, and AES by a second way.
#ifndef BH_TESTS_SUPPORT_BLOCKS_H
#define BH_TESTS_SUPPORT_BLOCKS_H

#include "mpc/block.h"
#include "support/test.h"

bh_block blocks_random(test_rng *rng);

// AES-128 of one block under a key of 16 bytes, by OpenSSL with a context of its own.
bh_block blocks_encrypt(const void *key, bh_block in);

#endif
