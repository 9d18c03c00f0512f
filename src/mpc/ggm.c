// SPDX-License-Identifier: Apache-2.0
#include "mpc/ggm.h"

#include <string.h>

#include "base/random.h"
#include "base/secret.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "blocks travel as they lie in memory");

// The children of the 2^level nodes of every tree, in place of their parents and behind
// them.
static bh_status add_level(bh_block *nodes, size_t trees, unsigned level, bh_hasher *h)
{
    const bh_block zero = {{0}};
    const size_t row = (size_t)1 << level;
    const uint64_t left = BH_HASH_TREES + ((uint64_t)(2 * level) << 32);
    const uint64_t right = BH_HASH_TREES + ((uint64_t)(2 * level + 1) << 32);
    bh_status status = BH_OK;
    for (size_t y = 0; y < row && status == BH_OK; y++) {
        bh_block *parents = nodes + y * trees;
        status = bh_hash_blocks(h, parents + row * trees, parents, zero, right, trees);
        if (status == BH_OK) {
            status = bh_hash_blocks(h, parents, parents, zero, left, trees);
        }
    }
    return status;
}

// The sum of one tree's nodes first .. end - 1.
static bh_block sum_nodes(const bh_block *nodes, size_t trees, size_t first, size_t end)
{
    bh_block sum = {{0}};
    for (size_t y = first; y < end; y++) {
        sum = bh_block_xor(sum, nodes[y * trees]);
    }
    return sum;
}

// The sum of the children on a side goes to who chose the other side.
static void write_sums(uint8_t *setup, const bh_block *nodes, size_t trees,
                       unsigned level, const bh_block keys[2])
{
    const size_t row = (size_t)1 << level;
    const bh_block sums[2] = {
        bh_block_xor(sum_nodes(nodes, trees, row, 2 * row), keys[0]),
        bh_block_xor(sum_nodes(nodes, trees, 0, row), keys[1])};
    memcpy(setup, sums, sizeof sums);
}

bh_status bh_ggm_grow(bh_block *nodes, unsigned k, uint8_t *setup,
                      const bh_block (*keys)[2], bh_hasher *h)
{
    const size_t trees = BH_KAPPA / k;
    bh_status status = bh_random_bytes((uint8_t *)nodes, trees * sizeof *nodes);
    for (unsigned level = 0; level < k && status == BH_OK; level++) {
        status = add_level(nodes, trees, level, h);
        for (size_t j = 0; j < trees; j++) {
            const size_t at = j * k + level;
            write_sums(setup + at * 2 * sizeof *nodes, nodes + j, trees, level,
                       keys[at]);
        }
    }
    if (status != BH_OK) {
        memset(setup, 0, BH_GGM_SETUP_BYTES);
        memset(nodes, 0, (trees << k) * sizeof *nodes);
    }
    // Each sum is encrypted with a key of its own, of which the reader has one of two.
    BH_DECLASSIFY(setup, BH_GGM_SETUP_BYTES);
    return status;
}

// Takes one tree's new level to the other numbering: sides are exchanged if `flip` is
// all ones. Then puts in the sibling of the path from the sum of its side.
static void puncture_level(bh_block *nodes, size_t trees, unsigned level, uint64_t flip,
                           bh_block sum)
{
    const size_t row = (size_t)1 << level;
    for (size_t y = 1; y < row; y++) {
        bh_block *near = &nodes[y * trees], *far = &nodes[(y + row) * trees];
        bh_block change = bh_block_and(bh_block_xor(*near, *far), flip);
        *near = bh_block_xor(*near, change);
        *far = bh_block_xor(*far, change);
        sum = bh_block_xor(sum, *far);
    }
    nodes[0] = (bh_block){{0}};
    nodes[row * trees] = sum;
}

bh_status bh_ggm_grow_punctured(bh_block *nodes, unsigned k, const uint8_t *setup,
                                const bh_block *keys, bh_block delta, bh_hasher *h)
{
    const size_t trees = BH_KAPPA / k;
    bh_status status = BH_OK;
    memset(nodes, 0, trees * sizeof *nodes);
    for (unsigned level = 0; level < k && status == BH_OK; level++) {
        status = add_level(nodes, trees, level, h);
        for (size_t j = 0; j < trees; j++) {
            const size_t at = j * k + level;
            const uint64_t chosen = bh_block_bit_mask(delta, (unsigned)at);
            bh_block sums[2];
            memcpy(sums, setup + at * sizeof sums, sizeof sums);
            bh_block sum = bh_block_xor(bh_block_and(sums[0], ~chosen),
                                        bh_block_and(sums[1], chosen));
            puncture_level(nodes + j, trees, level, chosen,
                           bh_block_xor(sum, keys[at]));
        }
    }
    if (status != BH_OK) {
        memset(nodes, 0, (trees << k) * sizeof *nodes);
    }
    return status;
}
