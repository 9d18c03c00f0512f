// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "base/random.h"
#include "mpc/softspoken.h"
#include "ot.h"

static const char name[] = "ot";

enum { TRANSFERS = 1 << 16 };

// Both parties of a session in one direction.
typedef struct session {
    unsigned k;
    bh_base_sender *base;
    uint8_t offer[BH_BASE_OT_OFFER_BYTES], reply[BH_BASE_OT_REPLY_BYTES];
    bh_block pairs[BH_KAPPA][2], keys[BH_KAPPA], delta;
    uint8_t *setup, *message;
    bh_softspoken_receiver *receiver;
    bh_softspoken_sender *sender;
    bh_rot_supply received, sent;
} session;

static void run_base(void *user)
{
    session *s = user;
    bh_base_sender_free(s->base);
    bench_need(name, bh_base_sender_new(&s->base, s->offer));
    bench_need(name, bh_base_receive(s->reply, s->keys, s->delta, s->offer));
    bench_need(name, bh_base_sender_finish(s->base, s->pairs, s->reply));
}

static void run_trees(void *user)
{
    session *s = user;
    bh_softspoken_receiver_free(s->receiver);
    bh_softspoken_sender_free(s->sender);
    bench_need(name, bh_softspoken_receiver_new(&s->receiver, s->k, s->setup,
                                                (const bh_block(*)[2])s->pairs));
    bench_need(name,
               bh_softspoken_sender_new(&s->sender, s->k, s->setup, s->keys, s->delta));
}

static void run_receive(void *user)
{
    session *s = user;
    bench_need(name, bh_softspoken_receive(s->receiver, &s->received, s->message));
}

// Of the last message again: wrong transfers, the same work.
static void run_send(void *user)
{
    session *s = user;
    bench_need(name, bh_softspoken_send(s->sender, &s->sent, s->message));
}

static void set_up(session *s, unsigned k)
{
    *s = (session){.k = k};
    s->setup = bench_alloc(name, BH_SOFTSPOKEN_SETUP_BYTES, 1);
    s->message = bench_alloc(name, bh_softspoken_message_bytes(k, TRANSFERS), 1);
    bench_need(name, bh_random_bytes((uint8_t *)&s->delta, sizeof s->delta));
    bench_need(name, bh_rot_supply_init_receiver(&s->received, TRANSFERS));
    bench_need(name, bh_rot_supply_init_sender(&s->sent, TRANSFERS));
}

static void tear_down(session *s)
{
    bh_base_sender_free(s->base);
    bh_softspoken_receiver_free(s->receiver);
    bh_softspoken_sender_free(s->sender);
    bh_rot_supply_clear(&s->received);
    bh_rot_supply_clear(&s->sent);
    bh_free(s->setup);
    bh_free(s->message);
}

// Once that everything fits together, as what was measured no longer does.
static bool is_right(session *s)
{
    run_receive(s);
    run_send(s);
    return ot_fit(&s->sent, &s->received);
}

static bool measure_all(ot_figures *f, session *s, const bench_options *o)
{
    operation op = {.run = run_base, .user = s};
    // a tenth of the repeats: it takes milliseconds
    const size_t repeats = bench_repeats(o, OT_REPEATS);
    f->n = TRANSFERS;
    f->bytes = (double)bh_softspoken_message_bytes(s->k, TRANSFERS) / TRANSFERS;
    f->base = measure(&op, repeats / 10 + 1);
    op.run = run_trees;
    f->trees = measure(&op, repeats / 10 + 1);
    if (!is_right(s)) {
        return false;
    }
    op.run = run_receive;
    f->receive = measure(&op, repeats);
    op.run = run_send;
    f->send = measure(&op, repeats);
    return true;
}

bool ot_measure_softspoken(ot_figures *f, unsigned k, const bench_options *o)
{
    session *s = bench_alloc(name, 1, sizeof *s);
    *f = (ot_figures){0};
    set_up(s, k);
    bool right = measure_all(f, s, o);
    tear_down(s);
    bh_free(s);
    return right;
}
