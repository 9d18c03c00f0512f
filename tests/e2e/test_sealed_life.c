// SPDX-License-Identifier: Apache-2.0
// The life of what guard `sealed` prepares: it is used once and in full, wiped, and
// never more than was agreed; messages whose sizes tell nothing; a key that is used up.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/draw.h"
#include "protocol/client_state.h"
#include "protocol/server_state.h"
#include "support/dealer.h"
#include "support/faults.h"
#include "support/frames.h"
#include "support/random_model.h"
#include "support/replay.h"
#include "support/sealed.h"

static void prepare(sealed_fixture *f)
{
    assert_ok(bh_client_prepare(f->s.client, NULL));
    assert_ok(session_pump(&f->s, SIZE_MAX, NULL));
}

static void query(sealed_fixture *f)
{
    assert_ok(session_query(&f->s, f->pixels, SIZE_MAX, NULL));
}

// ---- sizes ----

typedef struct transcript {
    size_t count;
    struct {
        bool from_client;
        uint32_t type, len;
    } frames[256];
} transcript;

// Every frame of a session of two queries, one of them prepared ahead.
static void listen(transcript *t, const bh_model *m, const bh_service_options *options,
                   const uint8_t *pixels)
{
    session s;
    uint32_t queries = 0;
    *t = (transcript){0};
    bh_error err = {0};
    if (session_start_with(&s, m, options, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    for (int turn = 0; turn < 3; turn++) {
        for (frame f; (f = frames_next(&s, pixels, &queries)).bytes != NULL;
             frame_clear(&f)) {
            assert_true(t->count < 256);
            t->frames[t->count].from_client = f.from_client;
            t->frames[t->count].type = f.type;
            t->frames[t->count++].len = (uint32_t)f.len;
            assert_ok(frames_give(&s, f.from_client, f.bytes, f.len, NULL));
        }
        queries = turn == 1 ? 2 : 0;
        if (turn == 0) {
            assert_ok(bh_client_prepare(s.client, NULL));
        }
    }
    assert_int_equal(bh_server_queries(s.server), 2);
    session_end(&s);
}

// By a number each, 0: to nothing.
static void divide_weights(bh_model *m, int by)
{
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        bh_int_posterior *p = bh_model_integer(m, 0, i);
        for (size_t k = 0; k < p->n_weights; k++) {
            p->weight_mean[k] = by == 0 ? 0 : p->weight_mean[k] / by;
            p->weight_dev[k] = by == 0 ? 0 : p->weight_dev[k] / by;
        }
    }
}

// Three models with one manifest, several inputs: number, order, types and lengths of
// messages are the same (R6), under either reveal.
static void test_sizes_are_public(void **state)
{
    (void)state;
    sealed_fixture f;
    sealed_set_up(&f, "sizes");
    transcript *first = calloc(1, sizeof *first), *other = calloc(1, sizeof *other);
    uint8_t dark[SEALED_PIXELS] = {0}, light[SEALED_PIXELS];
    memset(light, 255, sizeof light);
    for (int reveal = 0; reveal < 2; reveal++) {
        f.options.reveal = (bh_reveal)reveal;
        listen(first, f.model, &f.options, f.pixels);
        const int by[] = {1, 3, 0}; // weights as they are, small ones, none
        for (int k = 0; k < 3; k++) {
            bh_model *m = f.model;
            const uint8_t *inputs[] = {f.pixels, dark, light};
            divide_weights(m, by[k]);
            for (int i = 0; i < 3; i++) {
                listen(other, m, &f.options, inputs[i]);
                assert_memory_equal(first, other, sizeof *first);
            }
        }
        printf("%s: %zu messages\n", reveal ? "label" : "logits", first->count);
        bh_model_free(f.model);
        f.model = sealed_model(&f.rng, &f.options);
    }
    free(first);
    free(other);
    sealed_tear_down(&f);
}

// ---- pieces ----

// One byte at a time gives what the replay in the clear gives.
static void test_byte_by_byte(void **state)
{
    (void)state;
    sealed_fixture f;
    sealed_set_up(&f, "byte by byte");
    replay_counts counts = {0};
    assert_ok(session_pump(&f.s, 1, NULL));
    for (int i = 0; i < 2; i++) {
        replay_query(&f.s, f.model, f.pixels, 1, &counts);
    }
    assert_true(counts.activations > 0);
    sealed_tear_down(&f);
}

// A client may ask while the setup's last message has come in part.
static void test_early_query(void **state)
{
    (void)state;
    for (int ahead = 0; ahead < 2; ahead++) {
        sealed_fixture f;
        sealed_set_up(&f, "early query");
        frame x = frames_until(&f.s, false, 2, f.pixels, 0); // the setup's last
        assert_int_equal(x.type, BH_FRAME_SETUP);
        if (bh_client_get_state(f.s.client) != BH_CLIENT_READY) {
            assert_int_equal(f.s.service->plan->supplier, BH_SUPPLIER_FERRET);
            frame_clear(&x); // is not ready before it has come
            sealed_tear_down(&f);
            continue;
        }
        size_t part = 1 + test_rng_below(&f.rng, x.len - 1);
        assert_ok(bh_client_feed(f.s.client, x.bytes, part, NULL));
        if (ahead) {
            assert_ok(bh_client_prepare(f.s.client, NULL));
        } else {
            assert_ok(bh_client_query(f.s.client, f.pixels, NULL));
        }
        assert_ok(bh_client_feed(f.s.client, x.bytes + part, x.len - part, NULL));
        frame_clear(&x);
        assert_ok(session_pump(&f.s, SIZE_MAX, NULL));
        assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_READY);
        assert_int_equal(bh_client_prepared(f.s.client), ahead);
        query(&f);
        assert_int_equal(bh_server_queries(f.s.server), ahead ? 1 : 2);
        sealed_tear_down(&f);
    }
}

// ---- units ----

static void assert_used_up(const bh_unit *unit)
{
    if (unit == NULL || unit->receive.n == 0 || unit->send.n == 0) {
        fail_msg("no transfers");
        return;
    }
    assert_int_equal(unit->receive.taken, unit->receive.n);
    assert_int_equal(unit->send.taken, unit->send.n);
}

// The transfers of both parties fit each other.
static void assert_paired(const bh_unit *receiver, const bh_unit *sender)
{
    assert_int_equal(dealer_check(&sender->send, &receiver->receive).wrong, 0);
}

// Number of equal words at equal places of two arrays.
static size_t equal_words(const uint32_t *a, const uint32_t *b, size_t n)
{
    size_t equal = 0;
    for (size_t i = 0; i < n; i++) {
        equal += a[i] == b[i];
    }
    return equal;
}

// Random 32-bit words agree by chance once in 2^32.
static void assert_other_words(const uint32_t *a, const uint32_t *b, size_t n)
{
    assert_true(equal_words(a, b, n) <= 2);
}

// Random numbers of l bits, at least 8 of them: nearly none are equal.
static void assert_other_shares(const uint32_t *a, const uint32_t *b, size_t len)
{
    assert_true(equal_words(a, b, len) <= 2 + len / 64);
}

static void assert_unlike(const bh_plan *plan, const bh_unit *a, const bh_unit *b,
                          bool is_client)
{
    assert_other_words(a->send.m0, b->send.m0, a->send.n);
    assert_other_words(a->send.m1, b->send.m1, a->send.n);
    assert_other_words(a->receive.m, b->receive.m, a->receive.n);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_linear *l = &plan->layers[i].linear;
        assert_other_shares(a->output[i], b->output[i],
                            plan->samples * bh_linear_out_len(l));
        if (is_client) {
            assert_other_shares(a->input[i], b->input[i],
                                bh_script_inputs(plan->script, i) *
                                    bh_linear_in_len(l));
        } else {
            assert_memory_not_equal(a->weights[i], b->weights[i],
                                    plan->samples * (size_t)bh_linear_weights(l) *
                                        sizeof(int32_t));
        }
    }
}

// Within a unit no two samples or layers have the same shares or weights.
static void assert_unlike_within(const bh_plan *plan, const bh_unit *u, bool is_client)
{
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_linear *l = &plan->layers[i].linear;
        size_t in = bh_linear_in_len(l), out = bh_linear_out_len(l);
        size_t weights = (size_t)bh_linear_weights(l);
        for (uint32_t s = 1; s < plan->samples; s++) {
            assert_other_shares(u->output[i], u->output[i] + s * out, out);
            if (is_client && i > 0) {
                assert_other_shares(u->input[i], u->input[i] + s * in, in);
            } else if (!is_client) {
                assert_memory_not_equal(u->weights[i], u->weights[i] + s * weights,
                                        weights * sizeof(int32_t));
            }
        }
        if (is_client && i > 0) {
            size_t before = bh_linear_in_len(&plan->layers[i - 1].linear);
            assert_other_shares(u->input[i - 1], u->input[i],
                                in < before ? in : before);
        }
    }
}

// What is prepared ahead is another set of weights, shares and transfers every time,
// which both parties agree on.
static void test_units_are_new(void **state)
{
    (void)state;
    sealed_fixture f;
    sealed_set_up(&f, "units are new");
    sealed_connect(&f);
    for (int i = 0; i < SEALED_AHEAD; i++) {
        prepare(&f);
    }
    const bh_units *client = &f.s.client->sealed.ready;
    const bh_units *server = &f.s.server->sealed.ready;
    assert_int_equal(client->count, SEALED_AHEAD);
    assert_int_equal(server->count, SEALED_AHEAD);
    for (uint32_t i = 0; i < SEALED_AHEAD; i++) {
        assert_paired(client->items[i], server->items[i]);
        assert_paired(server->items[i], client->items[i]);
        for (uint32_t k = 0; k < i; k++) {
            const bh_plan *plan = f.s.service->plan;
            assert_unlike(plan, client->items[i], client->items[k], true);
            assert_unlike(plan, server->items[i], server->items[k], false);
        }
        assert_unlike_within(f.s.service->plan, client->items[i], true);
        assert_unlike_within(f.s.service->plan, server->items[i], false);
    }
    sealed_tear_down(&f);
}

// The unit of a query is the oldest; all its transfers are taken, none twice (each is
// taken from where the last one ended), then it is gone.
static void test_units_are_used_once(void **state)
{
    (void)state;
    sealed_fixture f;
    sealed_set_up(&f, "units are used once");
    sealed_connect(&f);
    for (int i = 0; i < SEALED_AHEAD; i++) {
        prepare(&f);
    }
    const bh_party *client = &f.s.client->sealed.party;
    const bh_party *server = &f.s.server->sealed.party;
    const uint32_t n_flights = f.s.service->plan->script->n_flights;
    for (uint32_t i = 0; i < SEALED_AHEAD; i++) {
        const bh_unit *of_client = f.s.client->sealed.ready.items[i];
        const bh_unit *of_server = f.s.server->sealed.ready.items[i];
        uint32_t none = 0;
        assert_ok(bh_client_query(f.s.client, f.pixels, NULL));
        for (frame x; (x = frames_next(&f.s, f.pixels, &none)).bytes != NULL;
             frame_clear(&x)) {
            assert_int_equal(x.type, BH_FRAME_FLIGHT);
            if (x.from_client) {
                assert_ptr_equal(client->unit, of_client);
                assert_true(server->unit == (client->flight == 1 ? NULL : of_server));
            }
            // Behind the last flight but one the opening is all that is left.
            if (x.from_client && client->flight + 1 == n_flights) {
                assert_used_up(client->unit);
                assert_used_up(server->unit);
            }
            assert_ok(frames_give(&f.s, x.from_client, x.bytes, x.len, NULL));
        }
        assert_null(client->unit);
        assert_null(server->unit);
        assert_int_equal(bh_client_prepared(f.s.client), SEALED_AHEAD - 1 - i);
        assert_int_equal(f.s.server->sealed.ready.count, SEALED_AHEAD - 1 - i);
    }
    sealed_tear_down(&f);
}

static bool all_zero(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint8_t any = 0;
    for (size_t i = 0; data != NULL && i < len; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

static void assert_erased(const bh_rot_supply *s)
{
    assert_int_equal(s->taken, 0);
    assert_true(all_zero(s->m0, s->n * sizeof *s->m0));
    assert_true(all_zero(s->m1, s->n * sizeof *s->m1));
    assert_true(all_zero(s->m, s->n * sizeof *s->m));
    assert_true(all_zero(s->c, s->n * sizeof *s->c));
}

// Behind a query its unit is room for another one and nothing else; what its answers
// cost the key is counted.
static void test_units_are_erased(void **state)
{
    (void)state;
    sealed_fixture f;
    sealed_set_up(&f, "units are erased");
    sealed_connect(&f);
    for (uint64_t i = 1; i <= 2; i++) {
        query(&f);
        const bh_unit *spare[2] = {f.s.client->sealed.ready.spare,
                                   f.s.server->sealed.ready.spare};
        for (int side = 0; side < 2; side++) {
            assert_non_null(spare[side]);
            assert_true(
                all_zero(spare[side]->words, spare[side]->n_words * sizeof(uint32_t)));
            assert_erased(&spare[side]->receive);
            assert_erased(&spare[side]->send);
        }
        uint64_t answers = bh_plan_sum(f.s.service->plan).answers;
        assert_int_equal(f.s.client->sealed.answers, i * answers);
        assert_int_equal(f.s.server->sealed.answers, i * answers);
    }
    sealed_tear_down(&f);
}

// Whatever a session frees is zero by then; between queries it holds no more than it
// did before.
static void test_wiping(void **state)
{
    (void)state;
    sealed_fixture f;
    frees freed = {0};
    bh_hooks *hooks = bh_hooks_get();
    sealed_set_up(&f, "wiping");
    hooks->on_free = frees_look;
    hooks->user = &freed;
    sealed_connect(&f);
    query(&f);
    size_t live = hooks->live_blocks;
    for (int i = 0; i < SEALED_AHEAD; i++) {
        prepare(&f);
    }
    assert_true(hooks->live_blocks > live);
    for (int i = 0; i < SEALED_AHEAD; i++) {
        query(&f);
    }
    assert_int_equal(hooks->live_blocks, live);
    prepare(&f); // and something to throw away
    session_close(&f.s);
    hooks->on_free = NULL;
    assert_true(freed.blocks > 100);
    assert_int_equal(freed.dirty, 0);
    sealed_tear_down(&f);
}

static void keep_seed(void *user, const uint8_t *seed)
{
    uint8_t(*seeds)[32] = user;
    while (seeds[0][0] != 0 || seeds[0][1] != 0) {
        seeds++;
    }
    memcpy(seeds, seed, 32);
}

// One seed for every unit, within a session and over sessions (R5).
static void test_seeds(void **state)
{
    (void)state;
    enum { ROUNDS = 3, SEEDS = 2 * ROUNDS };
    sealed_fixture f;
    uint8_t seeds[SEEDS + 2][32] = {{0}};
    sealed_set_up(&f, "seeds");
    bh_hooks_get()->on_query = keep_seed;
    bh_hooks_get()->user = seeds;
    for (int i = 0; i < 2; i++) {
        sealed_connect(&f);
        for (int k = 0; k < ROUNDS; k++) {
            query(&f);
        }
        session_close(&f.s);
        assert_ok(session_open(&f.s));
    }
    bh_hooks_get()->on_query = NULL;
    for (int i = 0; i < SEEDS; i++) {
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(seeds[i], seeds[k], 32);
        }
    }
    sealed_tear_down(&f);
}

// ---- the key ----

// After 2^20 answers a key is retired (R2): what is prepared by then is still used,
// nothing more is prepared, and a client that goes on is refused.
static void test_key_limit(void **state)
{
    (void)state;
    sealed_fixture f;
    bh_hooks *hooks = bh_hooks_get();
    sealed_set_up(&f, "key limit");
    const uint64_t answers = bh_plan_sum(f.s.service->plan).answers;
    bh_error err = {0};
    sealed_connect(&f);
    query(&f);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_READY);
    hooks->answers_before = BH_ANSWERS_PER_KEY_MAX - 3 * answers;
    prepare(&f);
    prepare(&f);
    assert_status(bh_client_prepare(f.s.client, NULL), BH_WANT_MORE);
    query(&f);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_READY);
    query(&f);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_SPENT);
    assert_status(bh_client_query(f.s.client, f.pixels, &err), BH_ERR_STATE);
    assert_non_null(strstr(err.message, "connect again"));
    assert_status(bh_client_prepare(f.s.client, NULL), BH_ERR_STATE);
    bh_client_result result;
    assert_ok(bh_client_get_result(f.s.client, &result));
    // A client that does not count.
    hooks->answers_before = 0;
    session_close(&f.s);
    assert_ok(session_open(&f.s));
    sealed_connect(&f);
    assert_ok(bh_client_prepare(f.s.client, NULL));
    hooks->answers_before = BH_ANSWERS_PER_KEY_MAX - answers + 1;
    frame x = frames_take(&f.s, true);
    assert_status(frames_give(&f.s, true, x.bytes, x.len, &err), BH_ERR_PEER);
    assert_non_null(strstr(err.message, "has served its answers"));
    hooks->answers_before = 0;
    frame_clear(&x);
    sealed_tear_down(&f);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "ferret") == 0) {
        sealed_link.bytes_per_second = BH_LINK_BYTES_ONLY;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_public),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_early_query),
        cmocka_unit_test(test_units_are_new),
        cmocka_unit_test(test_units_are_used_once),
        cmocka_unit_test(test_units_are_erased),
        cmocka_unit_test(test_wiping),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_key_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
