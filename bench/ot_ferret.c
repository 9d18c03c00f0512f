// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "base/random.h"
#include "ot.h"

static const char name[] = "ot";

// Both parties of one direction.
typedef struct session {
    const bh_ferret_params *set;
    bh_ferret *sender, *receiver;
    bh_rot_supply sent, received;
    uint8_t *message;
} session;

static void run_send(void *user)
{
    session *s = user;
    bench_need(name, bh_ferret_send(s->sender, &s->sent, s->message));
}

// After the first time of a message that is not the next: wrong transfers, the same
// work.
static void run_receive(void *user)
{
    session *s = user;
    bench_need(name, bh_ferret_receive(s->receiver, &s->received, s->message));
}

// With transfers from a dealer.
static void set_up(session *s, const bh_ferret_params *set)
{
    const size_t m = bh_ferret_spent(set), n = bh_ferret_given(set);
    bh_block delta, *q = bench_alloc(name, m, sizeof *q);
    bh_block *t = bench_alloc(name, m, sizeof *t);
    uint8_t *c = bench_alloc(name, m, 1);
    *s = (session){.set = set};
    bench_need(name, bh_random_bytes((uint8_t *)&delta, sizeof delta));
    bench_need(name, bh_random_bytes((uint8_t *)q, m * sizeof *q));
    bench_need(name, bh_random_bytes(c, m));
    delta.w[0] |= 1;
    for (size_t i = 0; i < m; i++) {
        c[i] &= 1;
        t[i] = bh_block_xor(q[i], bh_block_and(delta, 0 - (uint64_t)c[i]));
    }
    bench_need(name, bh_ferret_new_sender(&s->sender, set, q, delta, NULL));
    bench_need(name, bh_ferret_new_receiver(&s->receiver, set, t, c, NULL));
    bench_need(name, bh_rot_supply_init_sender(&s->sent, n));
    bench_need(name, bh_rot_supply_init_receiver(&s->received, n));
    s->message = bench_alloc(name, bh_ferret_message_bytes(set), 1);
    bh_free(q);
    bh_free(t);
    bh_free(c);
}

static void tear_down(session *s)
{
    bh_ferret_free(s->sender);
    bh_ferret_free(s->receiver);
    bh_rot_supply_clear(&s->sent);
    bh_rot_supply_clear(&s->received);
    bh_free(s->message);
}

// Once that everything fits together, as what was measured no longer does.
static bool is_right(session *s)
{
    run_send(s);
    run_receive(s);
    return ot_fit(&s->sent, &s->received);
}

bool ot_measure_ferret(ot_figures *f, const bh_ferret_params *set,
                       const bench_options *o)
{
    session s;
    set_up(&s, set);
    *f = (ot_figures){.n = bh_ferret_given(set), .spent = bh_ferret_spent(set)};
    f->bytes = (double)bh_ferret_message_bytes(set) / (double)f->n;
    bool right = is_right(&s);
    if (right) {
        operation op = {.run = run_send, .user = &s};
        f->send = measure(&op, bench_repeats(o, OT_REPEATS));
        op.run = run_receive;
        f->receive = measure(&op, bench_repeats(o, OT_REPEATS));
    }
    tear_down(&s);
    return right;
}
