// SPDX-License-Identifier: Apache-2.0
#include "mpc/lpn.h"

#include "base/memory.h"
#include "base/random.h"
#include "mpc/lpn_avx512.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "words are read from blocks as they stand");

// Rows at a time: their words stay in the first cache.
enum { D = BH_LPN_D, TURN = 256 };

struct bh_lpn {
    bh_lpn_code code;
    size_t row; // the next
    union {
        bh_block blocks[TURN * D / 4];
        uint32_t words[TURN * D];
    } of; // the rows of a turn
};

// The key is public.
static bh_status set_key(bh_aes *cipher, const uint8_t *transcript)
{
    static const uint8_t seed[BH_SEED_BYTES] = {0};
    bh_stream_key key;
    bh_status status = bh_stream_key_derive(&key, seed, "silent code", transcript);
    return status == BH_OK ? bh_aes_init(cipher, key.bytes) : status;
}

bh_status bh_lpn_new(bh_lpn **out, uint32_t k, const uint8_t *transcript)
{
    *out = NULL;
    bh_lpn *code = bh_alloc(1, sizeof *code);
    if (code == NULL) {
        return BH_ERR_NOMEM;
    }
    code->code.k = k;
    bh_status status = set_key(&code->code.cipher, transcript);
    if (status != BH_OK) {
        bh_lpn_free(code);
        return status;
    }
    *out = code;
    return BH_OK;
}

void bh_lpn_free(bh_lpn *code)
{
    if (code != NULL) {
        bh_aes_clear(&code->code.cipher);
        bh_free(code);
    }
}

void bh_lpn_start(bh_lpn *code, uint64_t iteration)
{
    code->code.iteration = iteration;
    code->row = 0;
}

// n <= TURN rows.
static bh_status add_turn(bh_lpn *code, bh_block *out, const bh_block *blocks, size_t n)
{
    const size_t first = code->row * D / 4, count = n * D / 4;
    for (size_t i = 0; i < count; i++) {
        code->of.blocks[i] = (bh_block){{first + i, code->code.iteration}};
    }
    bh_status status = bh_aes_encrypt(&code->code.cipher, code->of.blocks,
                                      code->of.blocks, count * sizeof(bh_block));
    const uint32_t *word = code->of.words;
    for (size_t r = 0; r < n; r++) {
        bh_block sum = out[r];
        for (int i = 0; i < D; i++, word++) {
            sum = bh_block_xor(sum, blocks[(uint64_t)*word * code->code.k >> 32]);
        }
        out[r] = sum;
    }
    return status;
}

bh_status bh_lpn_add(bh_lpn *code, bh_block *out, const bh_block *blocks, size_t n)
{
    bh_status status = BH_OK;
    if (bh_aes_is_fast(&code->code.cipher)) {
        bh_lpn_add_avx512(&code->code, out, blocks, code->row, n);
        code->row += n;
        return BH_OK;
    }
    for (size_t at = 0, turn; at < n && status == BH_OK; at += turn) {
        turn = n - at < TURN ? n - at : TURN;
        status = add_turn(code, out + at, blocks, turn);
        code->row += turn;
    }
    return status;
}
