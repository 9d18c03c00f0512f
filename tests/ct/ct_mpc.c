// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by a tool (tool.h): both parties of a ReLU gate and of a
// truncation; no report may appear.
//
//   ct_mpc portable | avx2 | avx512
//
// Secrets: the shares, and every pad and choice of the transfers that a dealer makes
// here. That they arrive marked in the results, and that messages are public, is
// checked as well.
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/relu_steps.h"
#include "mpc/truncate.h"
#include "tool.h"

enum { N = 1000, L = 24, F = 7, K = 22 };

// Both supplies of one direction.
typedef struct direction {
    bh_rot_supply sender, receiver;
} direction;

typedef struct exchange {
    direction to_x, to_y;
    uint32_t d_x[N], d_y[N], u_x[N], u_y[N];
    bh_relu *x, *y;
    uint8_t *message;
    uint64_t random; // of the dealer, a linear congruential generator
} exchange;

static uint32_t draw(exchange *e)
{
    e->random = e->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(e->random >> 32);
}

static void deal(exchange *e, direction *t, size_t n)
{
    tool_check(bh_rot_supply_init_sender(&t->sender, n) == BH_OK &&
                   bh_rot_supply_init_receiver(&t->receiver, n) == BH_OK,
               "supplies");
    for (size_t i = 0; i < n; i++) {
        t->sender.m0[i] = draw(e);
        t->sender.m1[i] = draw(e);
        t->receiver.c[i] = (uint8_t)(draw(e) >> 31);
        t->receiver.m[i] = t->receiver.c[i] != 0 ? t->sender.m1[i] : t->sender.m0[i];
    }
    BH_SECRET(t->sender.m0, n * sizeof *t->sender.m0);
    BH_SECRET(t->sender.m1, n * sizeof *t->sender.m1);
    BH_SECRET(t->receiver.c, n);
    BH_SECRET(t->receiver.m, n * sizeof *t->receiver.m);
}

static void prepare(exchange *e)
{
    const bh_relu_needs needs = bh_relu_count(N, L);
    deal(e, &e->to_x, needs.x_receives);
    deal(e, &e->to_y, needs.y_receives);
    for (size_t i = 0; i < N; i++) {
        e->d_x[i] = draw(e);
        e->d_y[i] = draw(e);
    }
    BH_SECRET(e->d_x, sizeof e->d_x);
    BH_SECRET(e->d_y, sizeof e->d_y);
    e->message = bh_alloc(64 * N, 1);
    tool_check(e->message != NULL, "memory");
}

static void relu(exchange *e)
{
    tool_check(bh_relu_new(&e->x, true, N, L, e->d_x, &e->to_x.receiver,
                           &e->to_y.sender) == BH_OK &&
                   bh_relu_new(&e->y, false, N, L, e->d_y, &e->to_y.receiver,
                               &e->to_x.sender) == BH_OK,
               "gates");
    const bh_compare *t = &e->x->compare;
    tool_check(TOOL_ALL(t->triples[0].a, t->words) &&
                   TOOL_ALL(t->triples[0].c[1], t->words) &&
                   TOOL_ALL(e->y->compare.g[5], t->words) &&
                   TOOL_ALL(e->y->compare.e[5], t->words),
               "triples and shares of leaves are marked");
    for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
        const size_t bytes = bh_relu_message_bytes(N, L, step);
        BH_SECRET(e->message, 64 * N); // of the step before, say
        bh_relu_write(step % 2 == 0 ? e->x : e->y, step, e->message);
        tool_check(TOOL_NONE(e->message, bytes), "a message is public");
        bh_relu_read(step % 2 == 0 ? e->y : e->x, step, e->message);
        if (step == 1) {
            tool_check(TOOL_ALL(t->g[5], t->words) && TOOL_ALL(t->e[5], t->words),
                       "X's shares of leaves are marked");
        }
    }
    tool_check(TOOL_ALL(e->x->b, t->words) && TOOL_ALL(e->y->b, t->words),
               "the signs' shares are marked");
    tool_check(TOOL_ALL(bh_relu_result(e->x), N) && TOOL_ALL(bh_relu_result(e->y), N),
               "results are marked");
}

// X is P, Y is Q; of results of the gate, none of which is negative.
static void truncate_shares(exchange *e)
{
    const bh_truncation t = {N, L, F, K};
    const bh_rot_received received = {e->to_x.receiver.m, e->to_x.receiver.c};
    const bh_rot_sent sent = {e->to_x.sender.m0, e->to_x.sender.m1};
    uint8_t *reply = e->message + bh_truncate_message_bytes(&t, 0);
    BH_SECRET(e->message, 64 * N);
    bh_truncate_choose(&t, e->message, bh_relu_result(e->x), received);
    tool_check(TOOL_NONE(e->message, bh_truncate_message_bytes(&t, 0)),
               "P's message is public");
    bh_truncate_answer(&t, reply, e->u_y, bh_relu_result(e->y), e->message, sent);
    tool_check(TOOL_NONE(reply, bh_truncate_message_bytes(&t, 1)),
               "Q's message is public");
    bh_truncate_finish(&t, e->u_x, bh_relu_result(e->x), reply, received);
    tool_check(TOOL_ALL(e->u_x, N) && TOOL_ALL(e->u_y, N), "shares are marked");
}

// Nothing is secret once the test looks at it.
static void compare(exchange *e)
{
    BH_DECLASSIFY(e->d_x, sizeof e->d_x);
    BH_DECLASSIFY(e->d_y, sizeof e->d_y);
    BH_DECLASSIFY(e->u_x, sizeof e->u_x);
    BH_DECLASSIFY(e->u_y, sizeof e->u_y);
    uint32_t share[N];
    memcpy(share, bh_relu_result(e->x), sizeof share);
    BH_DECLASSIFY(share, sizeof share);
    for (size_t i = 0; i < N; i++) {
        uint32_t d = (e->d_x[i] + e->d_y[i]) & bh_bits_mask(L);
        uint32_t want = bh_truncate_clear(d >> (L - 1) == 0 ? d : 0, share[i], F);
        uint32_t got = e->u_x[i] + e->u_y[i];
        tool_check(((got - want) & bh_bits_mask(K)) == 0, "the value is right");
    }
}

int main(int argc, char **argv)
{
    tool_check(argc == 2, "usage: ct_mpc LEVEL");
    tool_begin(argv[1]);
    exchange *e = bh_alloc(1, sizeof *e);
    tool_check(e != NULL, "memory");
    prepare(e);
    relu(e);
    truncate_shares(e);
    compare(e);
    printf("%s: a gate and a truncation, constant time\n", argv[1]);
    bh_relu_free(e->x);
    bh_relu_free(e->y);
    direction *both[] = {&e->to_x, &e->to_y};
    for (int i = 0; i < 2; i++) {
        bh_rot_supply_clear(&both[i]->sender);
        bh_rot_supply_clear(&both[i]->receiver);
    }
    bh_free(e->message);
    bh_free(e);
    return 0;
}
