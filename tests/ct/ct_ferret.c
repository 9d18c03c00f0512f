// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by a tool (tool.h): silent transfer, both parties; no report
// may appear.
//
//   ct_ferret portable | avx2 | avx512
//
// Secrets: Delta and the blocks at the sender, blocks and choices at the receiver,
// hence where noise is (marked here). That they arrive marked where they are used is
// checked as well.
#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "mpc/ferret.h"
#include "mpc/half_tree.h"
#include "tool.h"

enum { K = 300, TAU = 16, H = 6, TREES = BH_HALF_TREES };

static const bh_ferret_params set = {"INSECURE", K, TAU, H};

typedef struct dealt {
    bh_block delta, q[K + TAU * H], t[K + TAU * H];
    uint8_t c[K + TAU * H];
} dealt;

static void deal(dealt *d)
{
    tool_check(bh_random_bytes((uint8_t *)d, sizeof *d) == BH_OK, "random bytes");
    d->delta.w[0] |= 1;
    for (size_t i = 0; i < bh_ferret_spent(&set); i++) {
        d->c[i] &= 1;
        d->t[i] = bh_block_xor(d->q[i], bh_block_and(d->delta, 0 - (uint64_t)d->c[i]));
    }
    tool_check(TOOL_ALL(d->q, K + TAU * H) && TOOL_ALL(d->t, K + TAU * H) &&
                   TOOL_ALL(d->c, K + TAU * H),
               "transfers are marked");
}

// One batch of trees: what stands at the point, and what does not.
static void trees(const dealt *d)
{
    bh_half_tree *g;
    bh_block *v = bh_alloc(TREES << H, sizeof *v), *w = bh_alloc(TREES << H, sizeof *w);
    bh_block *sums = bh_alloc(TREES * (H - 1), sizeof *sums);
    bh_block *t = bh_alloc(TREES * H, sizeof *t);
    for (size_t i = 0; i < TREES * H; i++) {
        t[i] = d->t[i];
        t[i].w[0] = (t[i].w[0] & ~UINT64_C(1)) | d->c[i];
    }
    tool_check(bh_half_tree_new(&g, NULL) == BH_OK, "trees");
    tool_check(bh_half_tree_start(g, 0) == BH_OK, "a key");
    tool_check(bh_half_tree_send(g, v, sums, d->q, d->delta, H) == BH_OK, "send");
    tool_check(TOOL_ALL(v, TREES << H) && TOOL_ALL(sums, TREES * (H - 1)),
               "the sender's leaves and sums are marked");
    tool_check(bh_half_tree_start(g, 0) == BH_OK, "the key again");
    tool_check(bh_half_tree_receive(g, w, t, sums, H) == BH_OK, "receive");
    tool_check(TOOL_ALL(w, TREES << H), "the receiver's leaves are marked");
    bh_half_tree_free(g);
    bh_free(v);
    bh_free(w);
    bh_free(sums);
    bh_free(t);
}

static void transfers(const dealt *d)
{
    const size_t n = 2 * bh_ferret_given(&set) - 5;
    bh_ferret *s, *r;
    bh_rot_supply sent, received;
    tool_check(bh_ferret_new_sender(&s, &set, d->q, d->delta, NULL) == BH_OK, "sender");
    tool_check(bh_ferret_new_receiver(&r, &set, d->t, d->c, NULL) == BH_OK, "receiver");
    tool_check(bh_rot_supply_init_sender(&sent, n) == BH_OK &&
                   bh_rot_supply_init_receiver(&received, n) == BH_OK,
               "supplies");
    const size_t bytes = bh_ferret_bytes(s, n);
    uint8_t *message = bh_alloc(bytes, 1);
    tool_check(bh_ferret_send(s, &sent, message) == BH_OK, "send");
    tool_check(TOOL_NONE(message, bytes), "a message is public");
    tool_check(TOOL_ALL(sent.m0, n) && TOOL_ALL(sent.m1, n), "pads are marked");
    tool_check(bh_ferret_receive(r, &received, message) == BH_OK, "receive");
    tool_check(TOOL_ALL(received.m, n) && TOOL_ALL(received.c, n),
               "pads and choices are marked");
    BH_DECLASSIFY(sent.m0, n * sizeof *sent.m0);
    BH_DECLASSIFY(sent.m1, n * sizeof *sent.m1);
    BH_DECLASSIFY(received.m, n * sizeof *received.m);
    BH_DECLASSIFY(received.c, n);
    for (size_t i = 0; i < n; i++) {
        tool_check(received.m[i] == (received.c[i] ? sent.m1[i] : sent.m0[i]),
                   "the transfer is right");
    }
    bh_ferret_free(s);
    bh_ferret_free(r);
    bh_rot_supply_clear(&sent);
    bh_rot_supply_clear(&received);
    bh_free(message);
}

int main(int argc, char **argv)
{
    tool_check(argc == 2, "usage: ct_ferret LEVEL");
    tool_begin(argv[1]);
    dealt *d = bh_alloc(1, sizeof *d);
    deal(d);
    // In this order: MemorySanitizer takes what OpenSSL puts on the stack for secret
    // where a secret was before, and OpenSSL is asked for a hash as parties are made.
    transfers(d);
    trees(d);
    printf("%s: silent transfers, constant time\n", argv[1]);
    bh_free(d);
    return 0;
}
