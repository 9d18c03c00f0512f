// SPDX-License-Identifier: Apache-2.0
// AES-256 in counter mode with vector AES instructions: the fast half of base/random.h.
#ifndef BH_BASE_STREAM_AVX512_H
#define BH_BASE_STREAM_AVX512_H

#include <stddef.h>
#include <stdint.h>

#define BH_AES_ROUNDS 14

// A stream under way. Only where bh_cpu_has(BH_CPU_AVX512).
typedef struct bh_vaes {
    uint8_t keys[BH_AES_ROUNDS + 1][16];
    uint64_t number;
    uint64_t position; // bytes from the stream's start; a read begins there
} bh_vaes;

// The counter block is the number, then the block's index, both big-endian.
// CT: leaks number and len, not the key.
void bh_vaes_start(bh_vaes *v, const uint8_t key[32], uint64_t number);
void bh_vaes_read(bh_vaes *v, uint8_t *out, size_t len);

#endif
