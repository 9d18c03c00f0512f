// SPDX-License-Identifier: Apache-2.0
// The hash and the cipher under it against OpenSSL block by block, at every level of
// processor.
#include <string.h>

#include "base/hooks.h"
#include "mpc/hash.h"
#include "support/blocks.h"
#include "support/faults.h"
#include "support/levels.h"
#include "support/test.h"

enum { MANY = 1300 };

static bh_block hash_slowly(bh_block x, uint64_t tweak)
{
    bh_block once = blocks_encrypt(bh_hash_key, x), twice = once;
    twice.w[0] ^= tweak;
    return bh_block_xor(blocks_encrypt(bh_hash_key, twice), once);
}

// The key is that of the header, and the cipher that of FIPS 197, appendix C.1.
static void test_constants(void **state)
{
    static const uint8_t key[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                    8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t pi[16] = {0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3,
                                   0x13, 0x19, 0x8a, 0x2e, 0x03, 0x70, 0x73, 0x44};
    static const uint8_t want[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                     0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    (void)state;
    bh_block plain = {{UINT64_C(0x7766554433221100), UINT64_C(0xffeeddccbbaa9988)}};
    bh_block got = blocks_encrypt(key, plain);
    assert_memory_equal(&got, want, sizeof want);
    assert_memory_equal(bh_hash_key, pi, sizeof pi);
}

static void check_hash(bh_cpu level)
{
    static bh_block in[MANY], blocks[MANY + 1], want[MANY];
    static uint32_t pads[MANY + 1];
    test_rng rng = test_rng_new(bh_cpu_name(level));
    bh_hasher *h;
    assert_ok(bh_hasher_new(&h));
    for (size_t trial = 0; trial < 12; trial++) {
        const size_t n = trial == 0 ? MANY : test_rng_below(&rng, 200);
        const bh_block offset = trial % 3 == 1 ? (bh_block){{0}} : blocks_random(&rng);
        // across the border of 32 bits, and of all 64
        const uint64_t firsts[] = {0, UINT64_C(0xfffffff0), UINT64_MAX - 20,
                                   test_rng_next(&rng)};
        const uint64_t first = firsts[trial % 4];
        for (size_t i = 0; i < n; i++) {
            in[i] = blocks_random(&rng);
            want[i] = hash_slowly(bh_block_xor(in[i], offset), first + i);
        }
        memset(blocks, 0xa5, sizeof blocks);
        memset(pads, 0xa5, sizeof pads);
        assert_ok(bh_hash_blocks(h, blocks, in, offset, first, n));
        assert_ok(bh_hash_pads(h, pads, in, offset, first, n));
        assert_memory_equal(blocks, want, n * sizeof *want);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(pads[i], (uint32_t)want[i].w[0]);
        }
        assert_int_equal(pads[n], 0xa5a5a5a5);
        assert_int_equal(blocks[n].w[0], UINT64_C(0xa5a5a5a5a5a5a5a5));
        memcpy(blocks, in, n * sizeof *in); // in place
        assert_ok(bh_hash_blocks(h, blocks, blocks, offset, first, n));
        assert_memory_equal(blocks, want, n * sizeof *want);
    }
    bh_hasher_free(h);
}

static void test_hash(void **state)
{
    (void)state;
    levels_each(check_hash);
}

static bh_status make_hasher(void *user)
{
    bh_hasher *h = NULL;
    (void)user;
    bh_status status = bh_hasher_new(&h);
    assert_true((status == BH_OK) == (h != NULL));
    bh_hasher_free(h);
    return status;
}

static void check_failures(bh_cpu level)
{
    (void)level;
    assert_int_equal(
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, make_hasher, NULL), 1);
}

static void test_failures(void **state)
{
    bh_hasher *h;
    (void)state;
    levels_each(check_failures);
    setenv("BH_CPU", "abacus", 1);
    assert_status(bh_hasher_new(&h), BH_ERR_PARAMS);
    unsetenv("BH_CPU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
