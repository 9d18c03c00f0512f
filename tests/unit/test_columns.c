// SPDX-License-Identifier: Apache-2.0
// The leaves' streams against OpenSSL block by block, sums and transposes of columns
// against their definitions, at every level of processor.
#include <string.h>

#include "base/hooks.h"
#include "mpc/leaf_streams.h"
#include "support/blocks.h"
#include "support/faults.h"
#include "support/levels.h"
#include "support/test.h"

static void fill(uint64_t *words, size_t n, test_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        words[i] = test_rng_next(rng);
    }
}

enum { LEAVES = 37 };

// parts and sum, where they are to be, from the definition.
static void sum_slowly(uint64_t (*parts)[BH_COLUMN_WORDS], uint64_t *sum,
                       const bh_block *keys, const bh_leaf_streams_range *r)
{
    memset(sum, 0, r->groups * BH_GROUP / 8);
    for (size_t y = r->punctured; y < (size_t)1 << r->bits; y++) {
        for (size_t i = 0; i < r->groups * BH_GROUP_BLOCKS; i++) {
            bh_block x =
                blocks_encrypt(&keys[r->first + y], (bh_block){{r->block + i, 0}});
            for (size_t w = 0; w < 2; w++) {
                sum[2 * i + w] ^= x.w[w];
                for (unsigned b = 0; b < r->bits; b++) {
                    parts[b][2 * i + w] ^= y >> b & 1 ? x.w[w] : 0;
                }
            }
        }
    }
}

static void check_leaf_streams(bh_cpu level)
{
    _Alignas(64) static uint64_t parts[5][BH_COLUMN_WORDS], sum[2][BH_COLUMN_WORDS];
    static uint64_t want[5][BH_COLUMN_WORDS], want_sum[2][BH_COLUMN_WORDS];
    bh_block keys[LEAVES];
    bh_leaf_streams *l;
    test_rng rng = test_rng_new(bh_cpu_name(level));
    for (size_t i = 0; i < LEAVES; i++) {
        keys[i] = blocks_random(&rng);
    }
    assert_ok(bh_leaf_streams_new(&l, keys, LEAVES));
    for (size_t trial = 0; trial < (size_t)4 * BH_CHUNK_GROUPS; trial++) {
        const bh_leaf_streams_range range = {.first = test_rng_below(&rng, LEAVES - 15),
                                             .bits = trial % 2 ? 2 : 4,
                                             .punctured = trial / 2 % 2,
                                             .block = test_rng_next(&rng) >>
                                                      test_rng_below(&rng, 60),
                                             .groups = 1 + trial / 4};
        fill(parts[0], sizeof parts / 8, &rng);
        fill(sum[0], sizeof sum / 8, &rng);
        memcpy(want, parts, sizeof want);
        memcpy(want_sum, sum, sizeof want_sum);
        sum_slowly(want, want_sum[0], keys, &range);
        assert_ok(bh_leaf_streams_sum(l, parts[0], sum[0], &range));
        assert_memory_equal(parts, want, sizeof want);
        assert_memory_equal(sum, want_sum, sizeof want_sum);
    }
    bh_leaf_streams_free(l);
}

static void test_leaf_streams(void **state)
{
    (void)state;
    levels_each(check_leaf_streams);
}

static unsigned bit_of(const uint64_t *column, size_t i)
{
    return (unsigned)(column[i / 64] >> i % 64 & 1);
}

static void check_fold(bh_cpu level)
{
    static uint64_t columns[16 * BH_COLUMN_WORDS], given[16 * BH_COLUMN_WORDS];
    static uint64_t parts[5 * BH_COLUMN_WORDS], before[5 * BH_COLUMN_WORDS];
    uint64_t sum[BH_COLUMN_WORDS];
    const bh_columns_kernels *kernels = bh_columns_get(level);
    test_rng rng = test_rng_new(bh_cpu_name(level));
    for (unsigned trial = 0; trial < 4 * BH_CHUNK_GROUPS; trial++) {
        const unsigned bits = trial % 2 ? 2 : 4;
        const size_t groups = 1 + trial / 4, words = groups * BH_GROUP_WORDS;
        fill(given, 16 * BH_COLUMN_WORDS, &rng);
        fill(before, 5 * BH_COLUMN_WORDS, &rng);
        fill(sum, BH_COLUMN_WORDS, &rng);
        memcpy(columns, given, sizeof columns);
        memcpy(parts, before, sizeof parts);
        kernels->fold(parts, sum, columns, bits, groups);
        for (size_t i = 0; i < BH_COLUMN_WORDS; i++) {
            uint64_t want[6] = {0};
            for (size_t x = 0; x < (size_t)1 << bits && i < words; x++) {
                const uint64_t word = given[x * BH_COLUMN_WORDS + i];
                want[5] ^= word;
                for (unsigned b = 0; b < bits; b++) {
                    want[b] ^= x >> b & 1 ? word : 0;
                }
            }
            for (unsigned b = 0; b < 5; b++) {
                assert_int_equal(parts[b * BH_COLUMN_WORDS + i],
                                 before[b * BH_COLUMN_WORDS + i] ^ want[b]);
            }
            assert_true(i >= words || sum[i] == want[5]);
        }
    }
}

static void check_transpose(bh_cpu level)
{
    static uint64_t columns[BH_KAPPA * BH_COLUMN_WORDS];
    static bh_block out[BH_GROUP + 1];
    const bh_columns_kernels *kernels = bh_columns_get(level);
    test_rng rng = test_rng_new(bh_cpu_name(level));
    fill(columns, BH_KAPPA * BH_COLUMN_WORDS, &rng);
    for (size_t group = 0; group < BH_CHUNK_GROUPS; group++) {
        const uint64_t *at = columns + group * BH_GROUP_WORDS;
        memset(out, 0xa5, sizeof out);
        kernels->transpose(out, at);
        for (size_t i = 0; i < BH_GROUP; i++) {
            for (size_t j = 0; j < BH_KAPPA; j++) {
                assert_int_equal(out[i].w[j / 64] >> j % 64 & 1,
                                 bit_of(at + j * BH_COLUMN_WORDS, i));
            }
        }
        assert_int_equal(out[BH_GROUP].w[0], UINT64_C(0xa5a5a5a5a5a5a5a5));
    }
}

static void test_columns(void **state)
{
    (void)state;
    levels_each(check_fold);
    levels_each(check_transpose);
}

static bh_status make_streams(void *user)
{
    bh_leaf_streams *l = NULL;
    bh_block leaf = {{0}};
    (void)user;
    bh_status status = bh_leaf_streams_new(&l, &leaf, 1);
    assert_true((status == BH_OK) == (l != NULL));
    bh_leaf_streams_free(l);
    return status;
}

static void check_failures(bh_cpu level)
{
    (void)level;
    assert_int_equal(
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, make_streams, NULL), 2);
}

static void test_failures(void **state)
{
    (void)state;
    levels_each(check_failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf_streams),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
