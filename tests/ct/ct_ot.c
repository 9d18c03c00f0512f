// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by a tool (tool.h): base transfers, and extended ones for every
// k; no report may appear.
//
//   ct_ot portable | avx2 | avx512
//
// Secrets: what bh_random_bytes gives, hence scalars and trees; Delta, which is the
// choices of the base transfers (marked here); hence all keys, leaves, choices, blocks
// and pads. OpenSSL's arithmetic on the curve is not judged: its big numbers have
// lengths, which the tools would report, so that src/mpc/curve.c shows it scalars as
// public. What comes from there is marked again; choices never go there.
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/hash.h"
#include "mpc/softspoken.h"
#include "tool.h"

// A chunk and a last one that fills no group.
enum { N = 8192 + 700 };

typedef struct exchange {
    unsigned k;
    bh_base_sender *base;
    uint8_t offer[BH_BASE_OT_OFFER_BYTES], reply[BH_BASE_OT_REPLY_BYTES];
    bh_block pairs[BH_KAPPA][2], keys[BH_KAPPA], delta;
    uint8_t *setup, *message;
    bh_softspoken_receiver *receiver;
    bh_softspoken_sender *sender;
    bh_rot_supply received, sent;
    bh_block q[N], t[N];
    uint8_t c[N];
} exchange;

static void transfer_base(exchange *x)
{
    x->delta = (bh_block){{UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}};
    BH_SECRET(&x->delta, sizeof x->delta);
    tool_check(bh_base_sender_new(&x->base, x->offer) == BH_OK, "offer");
    tool_check(TOOL_NONE(x->offer, sizeof x->offer), "the offer is public");
    tool_check(bh_base_receive(x->reply, x->keys, x->delta, x->offer) == BH_OK,
               "reply");
    tool_check(TOOL_NONE(x->reply, sizeof x->reply), "the reply is public");
    tool_check(TOOL_ALL(x->keys, BH_KAPPA), "the receiver's keys are marked");
    tool_check(bh_base_sender_finish(x->base, x->pairs, x->reply) == BH_OK, "finish");
    tool_check(TOOL_ALL(x->pairs, BH_KAPPA), "the sender's keys are marked");
}

static void begin(exchange *x, unsigned k)
{
    const size_t bytes = BH_SOFTSPOKEN_SETUP_BYTES;
    x->k = k;
    x->setup = bh_alloc(bytes, 1);
    x->message = bh_alloc(bh_softspoken_message_bytes(k, N), 1);
    tool_check(bh_rot_supply_init_receiver(&x->received, N) == BH_OK &&
                   bh_rot_supply_init_sender(&x->sent, N) == BH_OK,
               "room");
    tool_check(bh_softspoken_receiver_new(&x->receiver, k, x->setup,
                                          (const bh_block(*)[2])x->pairs) == BH_OK,
               "receiver");
    tool_check(TOOL_NONE(x->setup, bytes), "the setup is public");
    tool_check(bh_softspoken_sender_new(&x->sender, k, x->setup, x->keys, x->delta) ==
                   BH_OK,
               "sender");
}

static void end(exchange *x)
{
    bh_softspoken_receiver_free(x->receiver);
    bh_softspoken_sender_free(x->sender);
    bh_rot_supply_clear(&x->received);
    bh_rot_supply_clear(&x->sent);
    bh_free(x->setup);
    bh_free(x->message);
}

static void transfer_random(exchange *x)
{
    const size_t bytes = bh_softspoken_message_bytes(x->k, N);
    tool_check(bh_softspoken_receive(x->receiver, &x->received, x->message) == BH_OK,
               "receive");
    tool_check(TOOL_NONE(x->message, bytes), "the message is public");
    tool_check(TOOL_ALL(x->received.c, N) && TOOL_ALL(x->received.m, N),
               "choices and their pads are marked");
    tool_check(bh_softspoken_send(x->sender, &x->sent, x->message) == BH_OK, "send");
    tool_check(TOOL_ALL(x->sent.m0, N) && TOOL_ALL(x->sent.m1, N),
               "both pads are marked");
    BH_DECLASSIFY(x->received.c, N);
    BH_DECLASSIFY(x->received.m, N * sizeof *x->received.m);
    BH_DECLASSIFY(x->sent.m0, N * sizeof *x->sent.m0);
    BH_DECLASSIFY(x->sent.m1, N * sizeof *x->sent.m1);
    for (size_t i = 0; i < N; i++) {
        tool_check(x->received.m[i] == (x->received.c[i] ? x->sent.m1 : x->sent.m0)[i],
                   "the pad is right");
    }
}

static void transfer_correlated(exchange *x)
{
    tool_check(bh_softspoken_receive_correlated(x->receiver, x->t, x->c, N,
                                                x->message) == BH_OK,
               "receive");
    tool_check(TOOL_ALL(x->t, N) && TOOL_ALL(x->c, N), "blocks are marked");
    tool_check(bh_softspoken_send_correlated(x->sender, x->q, N, x->message) == BH_OK,
               "send");
    tool_check(TOOL_ALL(x->q, N), "the sender's blocks are marked");
}

// Of secret blocks, and of public ones under a secret offset.
static void hash(const exchange *x)
{
    enum { FEW = 75 };
    static const bh_block zeroes[FEW];
    bh_hasher *h;
    bh_block out[FEW] = {{{0}}};
    uint32_t pads[FEW] = {0};
    tool_check(bh_hasher_new(&h) == BH_OK, "hasher");
    tool_check(bh_hash_blocks(h, out, x->q, zeroes[0], 5, FEW) == BH_OK &&
                   TOOL_ALL(out, FEW),
               "hashes of blocks are marked");
    tool_check(bh_hash_pads(h, pads, zeroes, x->delta, 5, FEW) == BH_OK &&
                   TOOL_ALL(pads, FEW),
               "hashes under an offset are marked");
    bh_hasher_free(h);
}

int main(int argc, char **argv)
{
    static const unsigned all_k[] = {2, 4, 8};
    tool_check(argc == 2, "usage: ct_ot LEVEL");
    tool_begin(argv[1]);
    exchange *x = bh_alloc(1, sizeof *x);
    transfer_base(x);
    for (size_t i = 0; i < sizeof all_k / sizeof all_k[0]; i++) {
        begin(x, all_k[i]);
        transfer_random(x);
        transfer_correlated(x);
        end(x);
    }
    hash(x);
    printf("%s: transfers, constant time\n", argv[1]);
    bh_base_sender_free(x->base);
    bh_free(x);
    return 0;
}
