// SPDX-License-Identifier: Apache-2.0
#include "mpc/half_tree.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "mpc/aes.h"
#include "mpc/half_tree_avx512.h"

enum { TREES = BH_HALF_TREES, TURN = 16 }; // nodes of each tree at a time

struct bh_half_tree {
    bh_stream_key key; // public
    bh_stream *stream; // of the keys of pi
    bh_aes pi;
    bh_block in[TURN * TREES], out[TURN * TREES];
};

bh_status bh_half_tree_new(bh_half_tree **out, const uint8_t *transcript)
{
    static const uint8_t seed[BH_SEED_BYTES] = {0};
    bh_half_tree *g = bh_alloc(1, sizeof *g);
    *out = NULL;
    if (g == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = bh_stream_key_derive(&g->key, seed, "silent trees", transcript);
    if (status == BH_OK) {
        status = bh_stream_new(&g->stream);
    }
    if (status == BH_OK) {
        status = bh_aes_init(&g->pi, NULL);
    }
    if (status != BH_OK) {
        bh_half_tree_free(g);
        return status;
    }
    *out = g;
    return BH_OK;
}

void bh_half_tree_free(bh_half_tree *g)
{
    if (g != NULL) {
        bh_stream_free(g->stream);
        bh_aes_clear(&g->pi);
        bh_free(g);
    }
}

bh_status bh_half_tree_start(bh_half_tree *g, uint64_t iteration)
{
    return bh_stream_start(g->stream, &g->key, iteration);
}

static bh_status next_key(bh_half_tree *g)
{
    uint8_t key[16];
    bh_status status = bh_stream_read(g->stream, key, sizeof key);
    BH_DECLASSIFY(key, sizeof key); // public
    return status == BH_OK ? bh_aes_set_key(&g->pi, key) : status;
}

// Where the receiver stands, of one tree. A node y of the level with y / 2 == parent is
// not yet what it should be: fix[y % 2] is missing.
typedef struct path {
    uint64_t parent;
    bh_block fix[2];
} path;

static bh_block fixed(const path *p, bh_block node, size_t y)
{
    return bh_block_xor(
        node, bh_block_and(p->fix[y % 2], bh_ct_mask_equal(y / 2, p->parent)));
}

// g->out = pi of g->in.
static bh_status encrypt(bh_half_tree *g, size_t count)
{
    const size_t len = count * sizeof(bh_block);
    bh_status status = bh_aes_encrypt(&g->pi, g->out, g->in, len);
    BH_SECRET_FROM(g->out, len, g->in, len, NULL, 0);
    return status;
}

// The children of nodes first .. first + count - 1 of every tree, put in their places;
// odd[j] collects the children on the second side, even[j] those on the first. paths is
// NULL at the sender.
static bh_status grow_turn(bh_half_tree *g, bh_block *nodes, size_t first, size_t count,
                           const path *paths, bh_block *even, bh_block *odd)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < TREES; j++) {
            bh_block *x = &nodes[(first + i) * TREES + j];
            if (paths != NULL) {
                *x = fixed(&paths[j], *x, first + i);
            }
            g->in[i * TREES + j] = (bh_block){{x->w[1], x->w[0] ^ x->w[1]}};
        }
    }
    bh_status status = encrypt(g, count * TREES);
    for (size_t i = count; i-- > 0;) {
        for (size_t j = 0; j < TREES; j++) {
            bh_block x = nodes[(first + i) * TREES + j];
            bh_block a = bh_block_xor(g->out[i * TREES + j], g->in[i * TREES + j]);
            bh_block b = bh_block_xor(a, x);
            even[j] = bh_block_xor(even[j], a);
            odd[j] = bh_block_xor(odd[j], b);
            g->out[i * TREES + j] = a;
            g->in[i * TREES + j] = b;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bh_block *to = &nodes[(first + i) * 2 * TREES];
        memcpy(to, &g->out[i * TREES], TREES * sizeof *to);
        memcpy(to + TREES, &g->in[i * TREES], TREES * sizeof *to);
    }
    return status;
}

// The next level from one of `count` nodes, in place: from the last node on, because
// children stand behind their parents.
static bh_status grow(bh_half_tree *g, bh_block *nodes, size_t count, const path *paths,
                      bh_block *even, bh_block *odd)
{
    bh_status status = BH_OK;
    memset(even, 0, TREES * sizeof *even);
    memset(odd, 0, TREES * sizeof *odd);
    while (count > 0 && status == BH_OK) {
        size_t turn = count < TURN ? count : TURN;
        count -= turn;
        status = grow_turn(g, nodes, count, turn, paths, even, odd);
    }
    return status;
}

static bh_status send_portable(bh_half_tree *g, bh_block *leaves, bh_block *sums,
                               const bh_block *q, bh_block delta, unsigned h)
{
    bh_block even[TREES], odd[TREES];
    bh_status status = BH_OK;
    for (size_t j = 0; j < TREES; j++) {
        leaves[j] = q[j];
        leaves[TREES + j] = bh_block_xor(q[j], delta);
    }
    for (unsigned i = 1; i < h && status == BH_OK; i++) {
        status = grow(g, leaves, (size_t)1 << i, NULL, even, odd);
        for (size_t j = 0; j < TREES; j++) {
            sums[(i - 1) * TREES + j] = bh_block_xor(even[j], q[i * TREES + j]);
        }
    }
    for (size_t i = 0; i < (size_t)TREES << h; i++) {
        leaves[i].w[0] &= ~UINT64_C(1);
    }
    bh_wipe(even, sizeof even);
    bh_wipe(odd, sizeof odd);
    return status;
}

// The path's next step. t: the level's transfer, sum: of the message; even, odd: the
// sums of the level as it stands; zero: H(0), what both children of a punctured node
// are, which is kept as 0. On the chosen side the missing child is what the sum lacks;
// the other child is the next punctured node or, in the last level, what its side lacks
// too, since all leaves add up to Delta.
static void step(path *p, bh_block t, bh_block sum, bh_block even, bh_block odd,
                 bh_block zero, bool last)
{
    const uint64_t chosen = bh_block_bit_mask(t, 0);
    const bh_block known = bh_block_xor(t, sum); // the true sum of the chosen side
    const bh_block on_even = last ? bh_block_xor(known, even) : zero;
    const bh_block on_odd = last ? bh_block_xor(known, odd) : zero;
    p->fix[0] = bh_block_xor(bh_block_and(on_even, chosen),
                             bh_block_and(bh_block_xor(known, even), ~chosen));
    p->fix[1] = bh_block_xor(bh_block_and(on_odd, ~chosen),
                             bh_block_and(bh_block_xor(known, odd), chosen));
}

static void begin(path *paths, bh_block *leaves, const bh_block *t)
{
    for (size_t j = 0; j < TREES; j++) {
        const uint64_t chosen = bh_block_bit_mask(t[j], 0);
        leaves[j] = bh_block_and(t[j], ~chosen);
        leaves[TREES + j] = bh_block_and(t[j], chosen);
        paths[j] = (path){.parent = 0};
    }
}

// Leaves as they should be, lowest bits included; point: of each tree.
static void finish(bh_block *leaves, const path *paths, const uint64_t *point,
                   unsigned h)
{
    for (size_t y = 0; y >> h == 0; y++) {
        for (size_t j = 0; j < TREES; j++) {
            bh_block w = fixed(&paths[j], leaves[y * TREES + j], y);
            w.w[0] = (w.w[0] & ~UINT64_C(1)) | (bh_ct_mask_equal(y, point[j]) & 1);
            leaves[y * TREES + j] = w;
        }
    }
}

static bh_status receive_portable(bh_half_tree *g, bh_block *leaves, const bh_block *t,
                                  const bh_block *sums, unsigned h)
{
    bh_block even[TREES], odd[TREES], zero;
    path paths[TREES];
    uint64_t point[TREES];
    begin(paths, leaves, t);
    g->in[0] = (bh_block){{0, 0}};
    bh_status status = encrypt(g, 1);
    zero = g->out[0];
    for (size_t j = 0; j < TREES; j++) {
        point[j] = ~t[j].w[0] & 1;
    }
    for (unsigned i = 1; i < h && status == BH_OK; i++) {
        status = grow(g, leaves, (size_t)1 << i, paths, even, odd);
        for (size_t j = 0; j < TREES; j++) {
            paths[j].parent = point[j];
            point[j] = 2 * point[j] + (~t[i * TREES + j].w[0] & 1);
            step(&paths[j], t[i * TREES + j], sums[(i - 1) * TREES + j], even[j],
                 odd[j], zero, i == h - 1);
        }
    }
    finish(leaves, paths, point, h);
    bh_wipe(even, sizeof even);
    bh_wipe(odd, sizeof odd);
    bh_wipe(paths, sizeof paths);
    bh_wipe(point, sizeof point);
    return status;
}

bh_status bh_half_tree_send(bh_half_tree *g, bh_block *leaves, bh_block *sums,
                            const bh_block *q, bh_block delta, unsigned h)
{
    bh_status status = next_key(g);
    if (status == BH_OK && bh_aes_is_fast(&g->pi)) {
        bh_half_tree_send_avx512(&g->pi.fast, leaves, sums, q, delta, h);
    } else if (status == BH_OK) {
        status = send_portable(g, leaves, sums, q, delta, h);
    }
    if (status != BH_OK) {
        memset(leaves, 0, ((size_t)TREES << h) * sizeof *leaves);
        memset(sums, 0, (h - 1) * TREES * sizeof *sums);
    }
    return status;
}

bh_status bh_half_tree_receive(bh_half_tree *g, bh_block *leaves, const bh_block *t,
                               const bh_block *sums, unsigned h)
{
    bh_status status = next_key(g);
    if (status == BH_OK && bh_aes_is_fast(&g->pi)) {
        bh_half_tree_receive_avx512(&g->pi.fast, leaves, t, sums, h);
    } else if (status == BH_OK) {
        status = receive_portable(g, leaves, t, sums, h);
    }
    if (status != BH_OK) {
        memset(leaves, 0, ((size_t)TREES << h) * sizeof *leaves);
    }
    return status;
}
