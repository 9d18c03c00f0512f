// SPDX-License-Identifier: Apache-2.0
// Half-trees: their correlation at every point, and nodes grown one by one.
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "mpc/half_tree.h"
#include "support/blocks.h"
#include "support/levels.h"
#include "support/test.h"

enum { TREES = BH_HALF_TREES };

// Every point of every height.
static void check_tree(bh_half_tree *g, test_rng *rng, unsigned h, size_t first)
{
    const size_t n = (size_t)1 << h;
    bh_block delta = blocks_random(rng), q[TREES * 8], t[TREES * 8], sums[TREES * 8];
    bh_block *v = bh_alloc(TREES * n, sizeof *v), *w = bh_alloc(TREES * n, sizeof *w);
    delta.w[0] |= 1;
    for (unsigned i = 0; i < h; i++) {
        for (size_t j = 0; j < TREES; j++) {
            const uint64_t turn = (first + j) >> (h - 1 - i) & 1; // of the path
            q[i * TREES + j] = blocks_random(rng);
            q[i * TREES + j].w[0] &= ~UINT64_C(1);
            t[i * TREES + j] =
                bh_block_xor(q[i * TREES + j], bh_block_and(delta, turn - 1));
        }
    }
    // A key of its own, for both of these alone.
    assert_ok(bh_half_tree_start(g, first));
    assert_ok(bh_half_tree_send(g, v, sums, q, delta, h));
    assert_ok(bh_half_tree_start(g, first));
    assert_ok(bh_half_tree_receive(g, w, t, sums, h));
    for (size_t y = 0; y < n; y++) {
        for (size_t j = 0; j < TREES; j++) {
            bool point = y == (first + j) % n;
            bh_block want = v[y * TREES + j];
            assert_int_equal(want.w[0] & 1, 0);
            want = bh_block_xor(want, bh_block_and(delta, 0 - (uint64_t)point));
            assert_memory_equal(&w[y * TREES + j], &want, sizeof want);
        }
    }
    bh_free(v);
    bh_free(w);
}

static void check_trees(bh_cpu level)
{
    (void)level;
    test_rng rng = test_rng_new("trees");
    bh_half_tree *g;
    assert_ok(bh_half_tree_new(&g, NULL));
    for (unsigned h = BH_HALF_TREE_H_MIN; h <= 8; h++) {
        for (size_t first = 0; first < (size_t)1 << h; first += TREES) {
            check_tree(g, &rng, h, first);
        }
    }
    bh_half_tree_free(g);
}

static void test_trees(void **state)
{
    (void)state;
    levels_each(check_trees);
}

// H of the header.
static bh_block hash(const uint8_t key[16], bh_block x)
{
    bh_block turned = {{x.w[1], x.w[0] ^ x.w[1]}};
    return bh_block_xor(blocks_encrypt(key, turned), turned);
}

// The key of the i-th eight trees of an iteration, by the header's words.
static void read_key(uint8_t key[16], const uint8_t *transcript, uint64_t iteration,
                     uint64_t i)
{
    static const uint8_t seed[BH_SEED_BYTES] = {0};
    bh_stream_key stream_key;
    bh_stream *stream;
    assert_ok(bh_stream_key_derive(&stream_key, seed, "silent trees", transcript));
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_stream_start(stream, &stream_key, iteration));
    assert_ok(bh_stream_seek(stream, 16 * i));
    assert_ok(bh_stream_read(stream, key, 16));
    bh_stream_free(stream);
}

// Leaves and sums are those of the header: trees grown node by node.
static void check_tree_by_hand(bh_cpu level)
{
    (void)level;
    enum { H = 5, LEAVES = 1 << H };
    test_rng rng = test_rng_new("by hand");
    bh_half_tree *g;
    bh_block q[TREES * H], sums[TREES * (H - 1)], v[TREES << H];
    bh_block delta = blocks_random(&rng);
    for (size_t i = 0; i < TREES * H; i++) {
        q[i] = blocks_random(&rng);
    }
    const uint8_t transcript[32] = {1, 2, 3};
    uint8_t key[16];
    assert_ok(bh_half_tree_new(&g, transcript));
    assert_status(bh_half_tree_send(g, v, sums, q, delta, H), BH_ERR_STATE);
    assert_ok(bh_half_tree_start(g, 7));
    assert_ok(bh_half_tree_send(g, v, sums, q, delta, H));
    assert_ok(bh_half_tree_send(g, v, sums, q, delta, H)); // the next key
    read_key(key, transcript, 7, 1);
    for (size_t j = 0; j < TREES; j++) {
        bh_block nodes[2 * LEAVES]; // of level i from 2^i on, the root being 1
        nodes[2] = q[j];
        nodes[3] = bh_block_xor(q[j], delta);
        for (size_t i = 2; i < LEAVES; i++) {
            nodes[2 * i] = hash(key, nodes[i]);
            nodes[2 * i + 1] = bh_block_xor(nodes[2 * i], nodes[i]);
        }
        for (size_t i = 1; i < H; i++) {
            bh_block sum = q[i * TREES + j];
            for (size_t y = (size_t)2 << i; y < (size_t)4 << i; y += 2) {
                sum = bh_block_xor(sum, nodes[y]);
            }
            assert_memory_equal(&sum, &sums[(i - 1) * TREES + j], sizeof sum);
        }
        for (size_t y = 0; y < LEAVES; y++) {
            nodes[LEAVES + y].w[0] &= ~UINT64_C(1);
            assert_memory_equal(&v[y * TREES + j], &nodes[LEAVES + y], sizeof v[0]);
        }
    }
    bh_half_tree_free(g);
}

static void test_tree_by_hand(void **state)
{
    (void)state;
    levels_each(check_tree_by_hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_tree_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
