// SPDX-License-Identifier: Apache-2.0
#include "mpc/hash.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/aes.h"
#include "mpc/hash_avx512.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "blocks are encrypted in place as little-endian words");

const uint8_t bh_hash_key[16] = {0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3,
                                 0x13, 0x19, 0x8a, 0x2e, 0x03, 0x70, 0x73, 0x44};

enum { TURN = 512 }; // blocks at a time: 16 KiB of buffers

struct bh_hasher {
    bh_aes pi;
    bh_block once[TURN];  // pi(x)
    bh_block twice[TURN]; // the hash
};

bh_status bh_hasher_new(bh_hasher **out)
{
    bh_hasher *h = bh_alloc(1, sizeof *h);
    *out = NULL;
    if (h == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = bh_aes_init(&h->pi, bh_hash_key);
    if (status != BH_OK) {
        bh_hasher_free(h);
        return status;
    }
    *out = h;
    return BH_OK;
}

void bh_hasher_free(bh_hasher *h)
{
    if (h != NULL) {
        bh_aes_clear(&h->pi);
        bh_free(h);
    }
}

// h->twice = the hashes of n <= TURN blocks.
static bh_status hash_turn(bh_hasher *h, const bh_block *in, bh_block offset,
                           uint64_t first, size_t n)
{
    const size_t len = n * sizeof *in;
    for (size_t i = 0; i < n; i++) {
        h->twice[i] = bh_block_xor(in[i], offset);
    }
    bh_status status = bh_aes_encrypt(&h->pi, h->once, h->twice, len);
    BH_SECRET_FROM(h->once, len, in, len, &offset, sizeof offset);
    for (size_t i = 0; i < n; i++) {
        h->twice[i] = bh_block_xor(h->once[i], (bh_block){{first + i, 0}});
    }
    if (status == BH_OK) {
        status = bh_aes_encrypt(&h->pi, h->twice, h->twice, len);
    }
    BH_SECRET_FROM(h->twice, len, h->once, len, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        h->twice[i] = bh_block_xor(h->twice[i], h->once[i]);
    }
    return status;
}

bh_status bh_hash_pads(bh_hasher *h, uint32_t *pads, const bh_block *in,
                       bh_block offset, uint64_t first, size_t n)
{
    bh_status status = BH_OK;
    if (bh_aes_is_fast(&h->pi)) {
        bh_hash_pads_avx512(&h->pi.fast, pads, in, offset, first, n);
        return BH_OK;
    }
    for (size_t at = 0, turn; at < n && status == BH_OK; at += turn) {
        turn = n - at < TURN ? n - at : TURN;
        status = hash_turn(h, in + at, offset, first + at, turn);
        for (size_t i = 0; i < turn; i++) {
            pads[at + i] = (uint32_t)h->twice[i].w[0];
        }
    }
    if (status != BH_OK) {
        memset(pads, 0, n * sizeof *pads);
    }
    return status;
}

bh_status bh_hash_blocks(bh_hasher *h, bh_block *out, const bh_block *in,
                         bh_block offset, uint64_t first, size_t n)
{
    bh_status status = BH_OK;
    if (bh_aes_is_fast(&h->pi)) {
        bh_hash_blocks_avx512(&h->pi.fast, out, in, offset, first, n);
        return BH_OK;
    }
    for (size_t at = 0, turn; at < n && status == BH_OK; at += turn) {
        turn = n - at < TURN ? n - at : TURN;
        status = hash_turn(h, in + at, offset, first + at, turn);
        memcpy(out + at, h->twice, turn * sizeof *out);
    }
    if (status != BH_OK) {
        memset(out, 0, n * sizeof *out);
    }
    return status;
}
