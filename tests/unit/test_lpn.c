// SPDX-License-Identifier: Apache-2.0
// The sparse code of silent transfer, at every level of processor.
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "mpc/lpn.h"
#include "support/blocks.h"
#include "support/levels.h"
#include "support/test.h"

// Against the words of the header, made one block at a time.
static void check_code(bh_cpu level)
{
    (void)level;
    enum { K = 1000, ROWS = 3200, ITERATION = 7 };
    static const uint8_t seed[BH_SEED_BYTES];
    static uint32_t words[ROWS * BH_LPN_D];
    test_rng rng = test_rng_new("code");
    const uint8_t transcript[32] = {1, 2, 3};
    bh_block *blocks = bh_alloc(K, sizeof *blocks),
             *rows = bh_alloc(ROWS, sizeof *rows);
    bh_stream_key key;
    bh_lpn *code;
    assert_ok(bh_stream_key_derive(&key, seed, "silent code", transcript));
    for (size_t i = 0; i < K; i++) {
        blocks[i] = blocks_random(&rng);
    }
    for (size_t i = 0; i < ROWS * BH_LPN_D / 4; i++) {
        bh_block block = blocks_encrypt(key.bytes, (bh_block){{i, ITERATION}});
        memcpy(words + 4 * i, &block, sizeof block);
    }
    assert_ok(bh_lpn_new(&code, K, transcript));
    memset(rows, 0, ROWS * sizeof *rows);
    bh_lpn_start(code, 1);
    assert_ok(bh_lpn_add(code, rows, blocks, BH_LPN_ROWS));
    memset(rows, 0, ROWS * sizeof *rows);
    bh_lpn_start(code, ITERATION);
    for (size_t at = 0, n; at < ROWS; at += n) { // in pieces
        n = BH_LPN_ROWS * (1 + test_rng_below(&rng, 50));
        n = n < ROWS - at ? n : ROWS - at;
        assert_ok(bh_lpn_add(code, rows + at, blocks, n));
    }
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < BH_LPN_D; i++) {
            size_t place = (size_t)((uint64_t)words[r * BH_LPN_D + i] * K >> 32);
            rows[r] = bh_block_xor(rows[r], blocks[place]);
        }
        assert_true(rows[r].w[0] == 0 && rows[r].w[1] == 0);
    }
    bh_lpn_free(code);
    bh_free(blocks);
    bh_free(rows);
}

static void test_code(void **state)
{
    (void)state;
    levels_each(check_code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
