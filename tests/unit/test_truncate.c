// SPDX-License-Identifier: Apache-2.0
// Truncation against its clear replay and against what the header says of it: every
// value and every share of up to 12 bits, random ones above.
#include <string.h>

#include "base/memory.h"
#include "mpc/bits.h"
#include "mpc/truncate.h"
#include "support/dealer.h"

// A batch in one hand: values, shares in and out.
typedef struct batch {
    bh_truncation t;
    size_t room;
    bh_rot_supply q_out, p_in;
    uint32_t *v, *v_p, *v_q, *u_p, *u_q;
    uint8_t *messages[2];
} batch;

static batch batch_new(size_t room, test_rng *rng)
{
    batch b = {.room = room};
    assert_ok(dealer_deal(&b.q_out, &b.p_in, room, rng));
    uint32_t **arrays[] = {&b.v, &b.v_p, &b.v_q, &b.u_p, &b.u_q};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i] = bh_alloc(room, sizeof **arrays[i]);
        assert_non_null(*arrays[i]);
    }
    for (int i = 0; i < 2; i++) {
        b.messages[i] = bh_alloc(4 * room + 16, 1);
        assert_non_null(b.messages[i]);
    }
    return b;
}

static void batch_free(batch *b)
{
    bh_rot_supply_clear(&b->q_out);
    bh_rot_supply_clear(&b->p_in);
    bh_free(b->v);
    bh_free(b->v_p);
    bh_free(b->v_q);
    bh_free(b->u_p);
    bh_free(b->u_q);
    bh_free(b->messages[0]);
    bh_free(b->messages[1]);
}

// v_q from v and v_p, with bits above that are to be ignored; then the protocol.
static void run(batch *b)
{
    const bh_truncation *t = &b->t;
    for (size_t i = 0; i < t->count; i++) {
        b->v_q[i] = b->v[i] - b->v_p[i];
    }
    size_t bytes[2];
    for (unsigned step = 0; step < 2; step++) {
        bytes[step] = bh_truncate_message_bytes(t, step);
        memset(b->messages[step], 0xa5, 4 * b->room + 16);
    }
    assert_true(bh_truncate_needs(t) == (t->k + t->f > t->l ? t->count : 0));
    bh_rot_received received = {b->p_in.m, b->p_in.c};
    bh_rot_sent sent = {b->q_out.m0, b->q_out.m1};
    bh_truncate_choose(t, b->messages[0], b->v_p, received);
    bh_truncate_answer(t, b->messages[1], b->u_q, b->v_q, b->messages[0], sent);
    bh_truncate_finish(t, b->u_p, b->v_p, b->messages[1], received);
    for (unsigned step = 0; step < 2; step++) {
        for (size_t i = 0; i < 16; i++) {
            assert_int_equal(b->messages[step][bytes[step] + i], 0xa5);
        }
    }
}

static uint32_t result(const batch *b, size_t i)
{
    const uint32_t mask = bh_bits_mask(b->t.k);
    assert_true(b->u_p[i] <= mask && b->u_q[i] <= mask);
    return (b->u_p[i] + b->u_q[i]) & mask;
}

static void check_replay(const batch *b, size_t i)
{
    const bh_truncation *t = &b->t;
    uint32_t mask = bh_bits_mask(t->k);
    uint32_t by_p = bh_truncate_clear(b->v[i], b->v_p[i], t->f) & mask;
    uint32_t by_q = bh_truncate_clear(b->v[i], b->v_q[i], t->f) & mask;
    if (result(b, i) != by_p || by_p != by_q) {
        fail_msg("l %u, f %u, k %u: %x of %x + %x gives %x, replayed %x and %x", t->l,
                 t->f, t->k, b->v[i], b->v_p[i], b->v_q[i], result(b, i), by_p, by_q);
    }
}

// All shares of one value: as often one more as the header says, never anything else.
static void check_value(batch *b, uint32_t v)
{
    const bh_truncation *t = &b->t;
    const uint32_t mask = bh_bits_mask(t->k), floor = v >> t->f;
    size_t above = 0;
    for (size_t i = 0; i < t->count; i++) {
        b->v[i] = v;
        b->v_p[i] = (uint32_t)i | (uint32_t)(i * 0x9e3779b9) << t->l;
    }
    run(b);
    for (size_t i = 0; i < t->count; i++) {
        check_replay(b, i);
        uint32_t u = result(b, i);
        assert_true(u == (floor & mask) || u == ((floor + 1) & mask));
        above += u != (floor & mask);
    }
    size_t of_two_f = (v & bh_bits_mask(t->f)) + 1;
    assert_int_equal(above, t->f == 0 ? 0 : of_two_f << (t->l - t->f));
}

static void check_all(batch *b, unsigned l, unsigned f, unsigned k)
{
    b->t = (bh_truncation){(size_t)1 << l, l, f, k};
    for (uint32_t v = 0; v < UINT32_C(1) << (l - 1); v++) {
        check_value(b, v);
    }
}

static void test_all_shares(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("all shares");
    batch b = batch_new((size_t)1 << 12, &rng);
    for (unsigned l = 2; l <= 7; l++) {
        for (unsigned f = 0; f < l; f++) {
            for (unsigned k = 1; k <= 32; k++) {
                check_all(&b, l, f, k);
            }
        }
    }
    for (unsigned l = 8; l <= 12; l++) {
        const unsigned fs[] = {0, 1, l / 2, l - 1};
        for (size_t i = 0; i < sizeof fs / sizeof fs[0]; i++) {
            const unsigned f = fs[i], ks[] = {l - f - 1, l - f, l - f + 1, 32};
            for (size_t j = l - f == 1; j < sizeof ks / sizeof ks[0]; j++) {
                check_all(&b, l, f, ks[j]);
            }
        }
    }
    batch_free(&b);
}

static void test_random(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random");
    batch b = batch_new(1000, &rng);
    for (int trial = 0; trial < 4000; trial++) {
        const unsigned l = (unsigned)test_rng_range(&rng, 2, 32);
        b.t = (bh_truncation){test_rng_below(&rng, trial % 50 == 0 ? 1001 : 140), l,
                              (unsigned)test_rng_below(&rng, l),
                              (unsigned)test_rng_range(&rng, 1, 32)};
        for (size_t i = 0; i < b.t.count; i++) {
            uint32_t v = (uint32_t)test_rng_next(&rng), kind = v % 4;
            v = kind == 0 ? UINT32_MAX : kind == 1 ? v % 3 : v;
            b.v[i] = v & bh_bits_mask(l - 1);
            b.v_p[i] = (uint32_t)test_rng_next(&rng);
        }
        run(&b);
        for (size_t i = 0; i < b.t.count; i++) {
            check_replay(&b, i);
        }
    }
    batch_free(&b);
}

// In place, and from whatever a peer sends.
static void test_garbage(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("garbage");
    batch b = batch_new(200, &rng);
    for (int trial = 0; trial < 2000; trial++) {
        const unsigned l = (unsigned)test_rng_range(&rng, 2, 32);
        b.t = (bh_truncation){test_rng_below(&rng, 201), l,
                              (unsigned)test_rng_below(&rng, l),
                              (unsigned)test_rng_range(&rng, 1, 32)};
        // Exactly as long as a message, so that reading on would be seen.
        for (unsigned step = 0; step < 2; step++) {
            size_t bytes = bh_truncate_message_bytes(&b.t, step);
            uint8_t *message = malloc(bytes > 0 ? bytes : 1);
            assert_non_null(message);
            for (size_t i = 0; i < bytes; i++) {
                message[i] = trial % 2 == 0 ? 0xff : (uint8_t)test_rng_next(&rng);
            }
            if (step == 0) {
                bh_truncate_answer(&b.t, b.messages[1], b.v_q, b.v_q, message,
                                   (bh_rot_sent){b.q_out.m0, b.q_out.m1});
            } else {
                bh_truncate_finish(&b.t, b.v_p, b.v_p, message,
                                   (bh_rot_received){b.p_in.m, b.p_in.c});
            }
            free(message);
        }
        for (size_t i = 0; i < b.t.count; i++) {
            assert_true(b.v_p[i] <= bh_bits_mask(b.t.k));
            assert_true(b.v_q[i] <= bh_bits_mask(b.t.k));
            b.v_p[i] = (uint32_t)test_rng_next(&rng);
            b.v_q[i] = (uint32_t)test_rng_next(&rng);
        }
    }
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_shares),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
