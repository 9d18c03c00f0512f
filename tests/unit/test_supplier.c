// SPDX-License-Identifier: Apache-2.0
// Both kinds of supplier, from base transfers to batches in both directions.
#include "mpc/supplier.h"
#include "support/test.h"

typedef struct pair {
    bh_supplier_kind kind;
    bh_supplier_batch batch;
    bh_supplier *party[2]; // server, client
} pair;

// Who writes a step of the setup.
static bool is_clients(unsigned step)
{
    return step % 2 == 0;
}

static void connect(pair *p, const uint8_t *of_server, const uint8_t *of_client)
{
    assert_ok(bh_supplier_new(&p->party[0], p->kind, p->batch, false, of_server));
    assert_ok(bh_supplier_new(&p->party[1], p->kind, p->batch, true, of_client));
    for (unsigned step = 0; step < BH_SUPPLIER_SETUP_STEPS; step++) {
        size_t len = bh_supplier_setup_bytes(p->kind, p->batch, step);
        uint8_t *message = malloc(len); // so that ASan sees its bounds
        assert_non_null(message);
        bool client = is_clients(step);
        assert_ok(bh_supplier_setup_write(p->party[client], step, message));
        assert_ok(bh_supplier_setup_read(p->party[!client], step, message));
        free(message);
    }
    assert_true(bh_supplier_is_ready(p->party[0]) && bh_supplier_is_ready(p->party[1]));
}

typedef struct supplies {
    bh_rot_supply receive, send;
} supplies;

static void take_room(supplies *s, const pair *p, bool client)
{
    assert_ok(bh_rot_supply_init_receiver(&s->receive,
                                          bh_supplier_received(&p->batch, client)));
    assert_ok(
        bh_rot_supply_init_sender(&s->send, bh_supplier_received(&p->batch, !client)));
}

// One batch: the client's message, then the server's.
static void extend(pair *p, supplies s[2])
{
    for (int client = 1; client >= 0; client--) {
        size_t len = bh_supplier_write_bytes(p->party[client]);
        assert_int_equal(len, bh_supplier_read_bytes(p->party[!client]));
        uint8_t *message = malloc(len + 1);
        assert_non_null(message);
        assert_ok(bh_supplier_write(p->party[client], &s[client].receive,
                                    &s[client].send, message));
        assert_ok(bh_supplier_read(p->party[!client], &s[!client].receive,
                                   &s[!client].send, message));
        free(message);
    }
}

static size_t count_wrong(const bh_rot_supply *received, const bh_rot_supply *sent)
{
    size_t wrong = 0;
    for (size_t i = 0; i < received->n; i++) {
        uint32_t want = received->c[i] ? sent->m1[i] : sent->m0[i];
        wrong += received->m[i] != want;
    }
    return wrong;
}

// Of random numbers of 32 bits next to none are equal.
static size_t count_equal(const uint32_t *a, const uint32_t *b, size_t n)
{
    size_t equal = 0;
    for (size_t i = 0; i < n; i++) {
        equal += a[i] == b[i];
    }
    return equal;
}

static void clear(pair *p, supplies *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bh_rot_supply_clear(&s[i].receive);
        bh_rot_supply_clear(&s[i].send);
    }
    bh_supplier_free(p->party[0]);
    bh_supplier_free(p->party[1]);
}

// Three batches fit, and none is like another.
static void check_batches(bh_supplier_kind kind)
{
    const uint8_t transcript[32] = {7};
    pair p = {.kind = kind, .batch = {30011, 20000}};
    supplies s[3][2] = {0};
    connect(&p, transcript, transcript);
    for (int i = 0; i < 3; i++) {
        take_room(&s[i][0], &p, false);
        take_room(&s[i][1], &p, true);
        extend(&p, s[i]);
        assert_int_equal(count_wrong(&s[i][1].receive, &s[i][0].send), 0);
        assert_int_equal(count_wrong(&s[i][0].receive, &s[i][1].send), 0);
        const bh_rot_supply *now = &s[i][0].send;
        assert_true(count_equal(now->m0, now->m1, now->n) <= 2);
        for (int k = 0; k < i; k++) {
            assert_true(count_equal(now->m0, s[k][0].send.m0, now->n) <= 2);
        }
    }
    clear(&p, s[0], 6);
}

static void test_softspoken(void **state)
{
    (void)state;
    check_batches(BH_SUPPLIER_SOFTSPOKEN);
}

static void test_ferret(void **state)
{
    (void)state;
    check_batches(BH_SUPPLIER_FERRET);
}

// Silent transfers are bound to the transcript: of two sessions they do not fit.
static void test_transcript(void **state)
{
    (void)state;
    const uint8_t one[32] = {1}, other[32] = {2};
    pair p = {.kind = BH_SUPPLIER_FERRET, .batch = {1000, 1000}};
    supplies s[2] = {0};
    connect(&p, one, other);
    take_room(&s[0], &p, false);
    take_room(&s[1], &p, true);
    extend(&p, s);
    assert_true(count_wrong(&s[1].receive, &s[0].send) > 900);
    assert_true(count_wrong(&s[0].receive, &s[1].send) > 900);
    clear(&p, s, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softspoken),
        cmocka_unit_test(test_ferret),
        cmocka_unit_test(test_transcript),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
