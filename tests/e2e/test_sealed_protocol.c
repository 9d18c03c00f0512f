// SPDX-License-Identifier: Apache-2.0
// Guard `sealed` against a peer that does what no honest one does: messages of wrong
// lengths and types, out of order, again, cut short, and of random bytes, in setup, in
// preparing and in every flight. A clean error, or a wrong result and no more; and
// after an error nothing of a pool is left.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "mpc/base_ot.h"
#include "protocol/client_state.h"
#include "protocol/server_state.h"
#include "support/frames.h"
#include "support/random_model.h"
#include "support/replay.h"
#include "support/sealed.h"

// The client's frames of a session, from 0, and the server's; flights follow.
enum { C_KEY = 1, C_SETUP_0, C_SETUP_2, C_PREPARE, C_FLIGHT };
enum { S_SETUP_1 = 1, S_SETUP_3, S_PREPARED, S_FLIGHT };
enum { AHEAD = 2 };

// By it the plan chooses how transfers are made: the fastest, or with `ferret` as an
// argument the slowest.
static bh_link chosen_link = {.bytes_per_second = 1e12};

typedef struct fixture {
    bh_model *model;
    session s;
    const bh_plan *plan;
    uint32_t flights; // of one side
    uint8_t pixels[SEALED_PIXELS];
    test_rng rng;
    size_t freed, dirty; // blocks, by the hook
    size_t live;         // blocks of the service and the model
} fixture;

static void look_at_freed(void *user, const uint8_t *data, size_t len)
{
    fixture *f = user;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    f->freed++;
    f->dirty += any != 0;
}

static void set_up(fixture *f, const char *name, bh_reveal reveal)
{
    *f = (fixture){.rng = test_rng_new(name)};
    bh_error err = {0};
    bh_service_options options = {.guard = BH_GUARD_SEALED,
                                  .samples = 2,
                                  .reveal = reveal,
                                  .ahead = AHEAD,
                                  .link = chosen_link};
    f->model = sealed_model(&f->rng, &options);
    random_pixels(&f->rng, f->pixels, &f->model->graph);
    if (session_start_with(&f->s, f->model, &options, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    f->plan = f->s.service->plan;
    assert_int_equal(f->plan->supplier == BH_SUPPLIER_FERRET,
                     chosen_link.bytes_per_second < 2);
    f->flights = f->plan->script->n_flights / 2;
    session_close(&f->s);
    f->live = bh_hooks_get()->live_blocks;
    assert_ok(session_open(&f->s));
    bh_hooks_get()->on_free = look_at_freed;
    bh_hooks_get()->user = f;
}

// Engines that end leave nothing behind, and wipe what they had.
static void close_engines(fixture *f)
{
    session_close(&f->s);
    assert_int_equal(bh_hooks_get()->live_blocks, f->live);
    assert_int_equal(f->dirty, 0);
}

static void reopen(fixture *f)
{
    close_engines(f);
    assert_ok(session_open(&f->s));
}

static void tear_down(fixture *f)
{
    close_engines(f);
    session_end(&f->s);
    bh_hooks_get()->on_free = NULL;
    bh_hooks_get()->user = NULL;
    bh_model_free(f->model);
}

// A new session up to the n-th frame of one side.
static frame at_frame(fixture *f, bool from_client, size_t n)
{
    reopen(f);
    frame x = frames_until(&f->s, from_client, n, f->pixels, 1);
    assert_non_null(x.bytes);
    return x;
}

// ---- after an error ----

static bool is_refusal(bh_status status)
{
    return status == BH_ERR_PEER || status == BH_ERR_TOO_LARGE ||
           status == BH_ERR_ENCODING;
}

// One uniform error is all that is left to say; pools, transfers and the query under
// way are gone.
static void assert_server_over(fixture *f)
{
    static const uint8_t uniform[] = {
        3, 0, 0, 0, BH_FRAME_ERROR, BH_MESSAGE_ERROR_REFUSED, BH_WIRE_VERSION, 0};
    const bh_server *s = f->s.server;
    size_t len;
    const uint8_t *out = bh_server_output(f->s.server, &len);
    assert_int_equal(len, sizeof uniform);
    assert_memory_equal(out, uniform, sizeof uniform);
    assert_true(test_is_zero(&s->sealed, sizeof s->sealed));
    assert_null(s->turn);
    assert_null(s->in.payload);
    assert_status(bh_server_feed(f->s.server, uniform, 1, NULL), BH_ERR_STATE);
    assert_status(bh_server_work(f->s.server, NULL), BH_ERR_STATE);
}

static void assert_client_over(fixture *f)
{
    const uint8_t byte = 0;
    bh_client *c = f->s.client;
    bh_client_result result;
    assert_int_equal(bh_client_get_state(c), BH_CLIENT_FAILED);
    assert_true(test_is_zero(&c->sealed, sizeof c->sealed));
    assert_null(c->pixels);
    assert_int_equal(bh_client_prepared(c), 0);
    assert_status(bh_client_get_result(c, &result), BH_ERR_STATE);
    assert_status(bh_client_feed(c, &byte, 1, NULL), BH_ERR_STATE);
    assert_status(bh_client_query(c, f->pixels, NULL), BH_ERR_STATE);
    assert_status(bh_client_prepare(c, NULL), BH_ERR_STATE);
}

static void assert_over(fixture *f, bool server)
{
    if (server) {
        assert_server_over(f);
    } else {
        assert_client_over(f);
    }
}

static void assert_refused(fixture *f, bool by_server, const uint8_t *bytes, size_t len)
{
    bh_error err = {0};
    bh_status status = frames_give(&f->s, by_server, bytes, len, &err);
    if (!is_refusal(status)) {
        fail_msg("type %u, %zu bytes: %s", bytes[4], len, bh_status_name(status));
    }
    assert_true(err.message[0] != '\0');
    assert_over(f, by_server);
}

// ---- frames ----

// Those of each kind: setup, preparing, the first flight, one in the middle, the last.
enum { POINTS = 6 };

static size_t point(const fixture *f, bool from_client, int i)
{
    const size_t client[POINTS] = {C_SETUP_0,
                                   C_SETUP_2,
                                   C_PREPARE,
                                   C_FLIGHT,
                                   C_FLIGHT + f->flights / 2,
                                   C_FLIGHT + f->flights - 1};
    const size_t server[POINTS] = {S_SETUP_1,
                                   S_SETUP_3,
                                   S_PREPARED,
                                   S_FLIGHT,
                                   S_FLIGHT + f->flights / 2,
                                   S_FLIGHT + f->flights - 1};
    return from_client ? client[i] : server[i];
}

static void put_length(uint8_t *bytes, uint32_t len)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(len >> (8 * i));
    }
}

// By the header alone, before memory is taken.
static void refuse_length(fixture *f, bool from_client, size_t n, int how)
{
    frame x = at_frame(f, from_client, n);
    const uint32_t honest = (uint32_t)x.len - BH_FRAME_HEADER_BYTES;
    const uint32_t lengths[] = {honest + 1, honest - 1, 0, UINT32_MAX};
    put_length(x.bytes, lengths[how]);
    size_t taken = bh_hooks_get()->alloc_count;
    assert_refused(f, from_client, x.bytes, BH_FRAME_HEADER_BYTES);
    assert_true(bh_hooks_get()->alloc_count <= taken + 1); // the error message's
    frame_clear(&x);
}

static void test_lengths(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "lengths", BH_REVEAL_LOGITS);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < POINTS; i++) {
            for (int how = 0; how < 4; how++) {
                refuse_length(&f, side, point(&f, side, i), how);
            }
        }
    }
    tear_down(&f);
}

// Every type that is not the right one, with the right length and contents. Between
// queries a server takes two: the other one has another length.
static void test_types(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "types", BH_REVEAL_LOGITS);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < POINTS; i++) {
            // All in the first flight, some in the other places.
            for (uint32_t type = i == 3 ? 0 : (uint32_t)test_rng_below(&f.rng, 4);
                 type <= BH_FRAME_FLIGHT + 1; type += i == 3 ? 1 : 4) {
                frame x = at_frame(&f, side, point(&f, side, i));
                if (type != x.type) {
                    x.bytes[4] = (uint8_t)type;
                    assert_refused(&f, side, x.bytes, x.len);
                }
                frame_clear(&x);
            }
        }
    }
    tear_down(&f);
}

// Every frame of a session twice.
static void test_repeats(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "repeats", BH_REVEAL_LOGITS);
    for (int side = 0; side < 2; side++) {
        size_t end = (side ? C_FLIGHT : S_FLIGHT) + f.flights;
        for (size_t n = side ? C_SETUP_0 : S_SETUP_1; n < end; n++) {
            frame x = at_frame(&f, side, n), answer;
            assert_ok(frames_give(&f.s, side, x.bytes, x.len, NULL));
            answer = frames_take(&f.s, !side); // or it would wait in front of the error
            bh_status status = frames_give(&f.s, side, x.bytes, x.len, NULL);
            if (n == C_PREPARE && side && f.plan->supplier == BH_SUPPLIER_SOFTSPOKEN) {
                assert_status(status, BH_ERR_PEER); // its counter was there before
            }
            assert_true(is_refusal(status));
            assert_over(&f, side);
            frame_clear(&answer);
            frame_clear(&x);
        }
    }
    tear_down(&f);
}

// Cut short it is waited for; what is left then, once the peer has gone, is nothing.
static void test_cut_short(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "cut short", BH_REVEAL_LOGITS);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < POINTS; i++) {
            frame x = at_frame(&f, side, point(&f, side, i));
            size_t len = 1 + test_rng_below(&f.rng, x.len - 1);
            assert_ok(frames_give(&f.s, side, x.bytes, len, NULL));
            assert_null(frames_take(&f.s, !side).bytes);
            size_t freed = f.freed;
            close_engines(&f);
            assert_true(f.freed > freed && f.dirty == 0);
            frame_clear(&x);
        }
    }
    tear_down(&f);
}

// ---- numbers ----

static void refuse_changed(fixture *f, bool from_client, size_t n, size_t at,
                           uint8_t xor)
{
    frame x = at_frame(f, from_client, n);
    x.bytes[at] ^= xor;
    assert_refused(f, from_client, x.bytes, x.len);
    frame_clear(&x);
}

// A flight of another number, in front or behind; an upload's counter that goes back or
// ahead.
static void test_numbers(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "numbers", BH_REVEAL_LOGITS);
    const size_t at = BH_FRAME_HEADER_BYTES;
    for (uint32_t i = 0; i < f.flights; i++) {
        refuse_changed(&f, true, C_FLIGHT + i, at, (uint8_t)(1 << (i % 6)));
        refuse_changed(&f, false, S_FLIGHT + i, at, (uint8_t)(1 << (i % 6)));
    }
    refuse_changed(&f, true, C_FLIGHT, at + 3, 0x80);
    refuse_changed(&f, true, C_PREPARE, at, 1);
    refuse_changed(&f, true, C_PREPARE, at + 7, 0x80);
    tear_down(&f);
}

// ---- order ----

// A session past its setup.
static void connect(fixture *f)
{
    reopen(f);
    assert_ok(session_pump(&f->s, SIZE_MAX, NULL));
}

static void give_honestly(fixture *f, frame *x)
{
    assert_ok(frames_give(&f->s, x->from_client, x->bytes, x->len, NULL));
    frame_clear(x);
}

// A flight where nothing was prepared; more prepared than the server allows.
static void test_ahead(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "ahead", BH_REVEAL_LOGITS);
    frame flight = at_frame(&f, true, C_FLIGHT);
    connect(&f);
    assert_refused(&f, true, flight.bytes, flight.len);
    frame_clear(&flight);

    connect(&f);
    for (uint32_t i = 0; i < AHEAD; i++) {
        assert_int_equal(bh_client_prepared(f.s.client), i);
        assert_ok(bh_client_prepare(f.s.client, NULL));
        assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_BUSY);
        assert_status(bh_client_prepare(f.s.client, NULL), BH_ERR_STATE);
        assert_status(bh_client_query(f.s.client, f.pixels, NULL), BH_ERR_STATE);
        assert_ok(session_pump(&f.s, SIZE_MAX, NULL));
    }
    assert_int_equal(f.s.server->sealed.ready.count, AHEAD);
    assert_status(bh_client_prepare(f.s.client, NULL), BH_WANT_MORE);
    // One that goes on nevertheless, with the counter that is next.
    size_t len = bh_message_prepare_bytes(
        f.plan, bh_supplier_read_bytes(f.s.server->sealed.supplier));
    bh_writer w = {0};
    bh_frame_begin(&w, BH_FRAME_PREPARE, (uint32_t)len);
    bh_writer_u64(&w, f.s.server->sealed.counter);
    memset(bh_writer_extend(&w, len - BH_MESSAGE_PREPARE_HEADER_BYTES), 0,
           len - BH_MESSAGE_PREPARE_HEADER_BYTES);
    assert_refused(&f, true, w.data, w.len);
    bh_writer_clear(&w);
    tear_down(&f);
}

// The peer is asked for one thing and gets another that is as honest: a unit to prepare
// within a query, a flight of the next query, an answer to what was not sent.
static void test_order(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "order", BH_REVEAL_LOGITS);
    // PREPARE within a query.
    frame prepare = at_frame(&f, true, C_PREPARE), x;
    frame flight = at_frame(&f, true, C_FLIGHT + 1);
    assert_refused(&f, true, prepare.bytes, prepare.len);
    // Flight 2 while there is no query.
    connect(&f);
    assert_ok(bh_client_prepare(f.s.client, NULL));
    assert_ok(session_pump(&f.s, SIZE_MAX, NULL));
    assert_refused(&f, true, flight.bytes, flight.len);
    frame_clear(&flight);
    frame_clear(&prepare);
    // PREPARED before PREPARE was sent.
    frame prepared = at_frame(&f, false, S_PREPARED);
    connect(&f);
    assert_refused(&f, false, prepared.bytes, prepared.len);
    connect(&f);
    assert_ok(bh_client_prepare(f.s.client, NULL));
    bh_client_sent(f.s.client, 1);
    assert_refused(&f, false, prepared.bytes, prepared.len);
    frame_clear(&prepared);
    // A flight of the server before the client's was sent.
    x = at_frame(&f, false, S_FLIGHT);
    reopen(&f);
    frame first = frames_until(&f.s, true, C_PREPARE, f.pixels, 1);
    give_honestly(&f, &first);
    frame answer = frames_take(&f.s, false);
    give_honestly(&f, &answer);
    bh_client_sent(f.s.client, 1);
    assert_refused(&f, false, x.bytes, x.len);
    frame_clear(&x);
    // A flight of the client before the server's was read.
    x = at_frame(&f, true, C_FLIGHT);
    give_honestly(&f, &x);
    answer = frames_take(&f.s, false);
    assert_ok(frames_give(&f.s, false, answer.bytes, answer.len, NULL));
    frame_clear(&answer);
    x = frames_take(&f.s, true);
    give_honestly(&f, &x); // is flight 2; the answer to it stays unread
    bh_writer w = {0};
    uint32_t len = bh_message_flight_bytes(f.plan, 4);
    bh_frame_begin(&w, BH_FRAME_FLIGHT, len);
    bh_writer_u32(&w, 4);
    memset(bh_writer_extend(&w, len - 4), 0, len - 4);
    bh_status status = bh_server_feed(f.s.server, w.data, w.len, NULL);
    assert_status(status, BH_ERR_PEER);
    bh_writer_clear(&w);
    tear_down(&f);
}

// ---- random bytes ----

static void fill(fixture *f, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)test_rng_next(&f->rng);
    }
}

// Of base transfers they are no points, be they random, infinite, or the offer itself.
static void test_bad_points(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "bad points", BH_REVEAL_LOGITS);
    const size_t at = BH_FRAME_HEADER_BYTES;
    const struct {
        bool from_client;
        size_t n, first, count;
    } points[] = {{true, C_SETUP_0, 0, 1},
                  {false, S_SETUP_1, 0, BH_KAPPA},
                  {false, S_SETUP_1, BH_KAPPA, 1},
                  {true, C_SETUP_2, 0, BH_KAPPA}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        for (int how = 0; how < 3; how++) {
            frame x = at_frame(&f, points[i].from_client, points[i].n);
            size_t which = points[i].first + test_rng_below(&f.rng, points[i].count);
            uint8_t *p = x.bytes + at + which * BH_BASE_OT_POINT_BYTES;
            memset(p, how == 1 ? 0xff : 0, BH_BASE_OT_POINT_BYTES);
            if (how == 0) { // all of them random, with prefixes that a point may have
                for (size_t k = 0; k < points[i].count; k++) {
                    p = x.bytes + at + (points[i].first + k) * BH_BASE_OT_POINT_BYTES;
                    fill(&f, p, BH_BASE_OT_POINT_BYTES);
                    p[0] = points[i].count > 1 ? 2 : 7;
                }
            }
            assert_refused(&f, points[i].from_client, x.bytes, x.len);
            frame_clear(&x);
        }
    }
    tear_down(&f);
}

// To the end of the query, whatever it gives.
static void finish(fixture *f, uint32_t queries)
{
    bh_client_result result;
    frame x;
    while ((x = frames_next(&f->s, f->pixels, &queries)).bytes != NULL) {
        give_honestly(f, &x);
    }
    assert_int_equal(bh_client_get_state(f->s.client), BH_CLIENT_READY);
    assert_ok(bh_client_get_result(f->s.client, &result));
    assert_true(result.prediction.label < f->model->graph.n_classes);
    assert_int_equal(f->s.server->sealed.ready.count, 0);
    assert_null(f->s.server->sealed.party.unit);
}

// Every other frame with a payload of random bytes behind its header: ciphertexts may
// be refused, all else gives a wrong result; the next query of the session is right.
static void garble(fixture *f, bool from_client, size_t n, size_t *refused)
{
    frame x = at_frame(f, from_client, n);
    size_t header = x.type == BH_FRAME_FLIGHT  ? BH_MESSAGE_FLIGHT_HEADER_BYTES
                    : x.type == BH_FRAME_SETUP ? 0
                                               : BH_MESSAGE_PREPARE_HEADER_BYTES;
    fill(f, x.bytes + BH_FRAME_HEADER_BYTES + header,
         x.len - BH_FRAME_HEADER_BYTES - header);
    bh_status status = frames_give(&f->s, from_client, x.bytes, x.len, NULL);
    if (status == BH_OK) {
        finish(f, x.type == BH_FRAME_SETUP); // where it has yet to begin
    } else {
        assert_true(is_refusal(status) && x.type != BH_FRAME_FLIGHT);
        assert_over(f, from_client);
        ++*refused;
    }
    if (x.type == BH_FRAME_FLIGHT && n % 8 == 0) {
        bh_hooks_get()->on_free = NULL; // the hooks have one user
        replay_counts counts = {0};
        replay_query(&f->s, f->model, f->pixels, SIZE_MAX, &counts);
        bh_hooks_get()->on_free = look_at_freed;
        bh_hooks_get()->user = f;
    }
    frame_clear(&x);
}

static void test_random_bytes(void **state)
{
    (void)state;
    for (int reveal = 0; reveal < 2; reveal++) {
        fixture f;
        size_t refused = 0, frames = 0;
        set_up(&f, reveal ? "random bytes, label" : "random bytes", (bh_reveal)reveal);
        for (int side = 0; side < 2; side++) {
            size_t end = (side ? C_FLIGHT : S_FLIGHT) + f.flights;
            for (size_t n = side ? C_PREPARE : S_SETUP_3; n < end; n++) {
                garble(&f, side, n, &refused);
                frames++;
            }
        }
        printf("%zu of %zu frames of random bytes refused\n", refused, frames);
        tear_down(&f);
    }
}

// Coefficients that are not below their prime.
static void test_bad_ciphertexts(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "bad ciphertexts", BH_REVEAL_LOGITS);
    frame x = at_frame(&f, true, C_PREPARE);
    memset(x.bytes + BH_FRAME_HEADER_BYTES + BH_MESSAGE_PREPARE_HEADER_BYTES, 0xff, 16);
    assert_refused(&f, true, x.bytes, x.len);
    frame_clear(&x);
    tear_down(&f);
}

// Single bits anywhere in a session.
static void test_random_damage(void **state)
{
    (void)state;
    enum { ROUNDS = 100 };
    fixture f;
    size_t refused = 0;
    set_up(&f, "random damage", BH_REVEAL_LOGITS);
    for (int round = 0; round < ROUNDS; round++) {
        bool from_client = round % 2;
        size_t n = 1 + test_rng_below(&f.rng, C_FLIGHT + f.flights - 2);
        frame x = at_frame(&f, from_client, n);
        size_t at = test_rng_below(&f.rng, round % 4 < 2 || x.len < 20 ? x.len : 20);
        x.bytes[at] ^= (uint8_t)(1u << test_rng_below(&f.rng, 8));
        bh_status status = frames_give(&f.s, from_client, x.bytes, x.len, NULL);
        refused += status != BH_OK;
        assert_true(status == BH_OK || is_refusal(status));
        frame_clear(&x);
    }
    printf("%zu of %d damaged frames refused\n", refused, ROUNDS);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "ferret") == 0) {
        chosen_link.bytes_per_second = BH_LINK_BYTES_ONLY;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_types),
        cmocka_unit_test(test_repeats),         cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_order),           cmocka_unit_test(test_bad_points),
        cmocka_unit_test(test_random_bytes),    cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_bad_ciphertexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
