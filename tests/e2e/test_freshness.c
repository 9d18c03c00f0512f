// SPDX-License-Identifier: Apache-2.0
// What must be new every time is new, what must be gone is gone: seeds of queries (R5),
// nonces, seeds and transcripts of sessions (R8), wiped memory; and results that no
// honest server sends are cut before anything is computed with them.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "protocol/message.h"
#include "support/faults.h"
#include "support/random_model.h"
#include "support/session.h"
#include "support/test.h"

enum { ROUNDS = 3, SEEDS_MAX = 16 };

typedef struct seeds {
    uint8_t seed[SEEDS_MAX][32];
    size_t count;
} seeds;

static void assert_all_differ(const seeds *s)
{
    for (size_t i = 0; i < s->count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(s->seed[i], s->seed[j], 32);
        }
    }
}

static void keep(seeds *s, const uint8_t *seed)
{
    assert_true(s->count < SEEDS_MAX);
    memcpy(s->seed[s->count++], seed, 32);
}

static void keep_query_seed(void *user, const uint8_t *seed)
{
    keep(user, seed);
}

// One seed for each query, no two alike, within a session and over sessions.
static void test_query_seeds(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("query seeds");
    bh_model *m = random_model(&rng);
    uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
    seeds all = {0};
    session s;
    assert_ok(session_start(&s, m, 2, NULL));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    bh_hooks_get()->on_query = keep_query_seed;
    bh_hooks_get()->user = &all;
    for (int i = 0; i < ROUNDS; i++) {
        assert_ok(session_query(&s, pixels, SIZE_MAX, NULL));
    }
    session_close(&s);
    assert_ok(session_open(&s));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    for (int i = 0; i < ROUNDS; i++) {
        assert_ok(session_query(&s, pixels, SIZE_MAX, NULL));
    }
    bh_hooks_get()->on_query = NULL;
    assert_int_equal(all.count, 2 * ROUNDS);
    assert_all_differ(&all);
    session_end(&s);
    bh_free(pixels);
    bh_model_free(m);
}

// The nonce in each server's hello and the seed in each client's key.
static void test_session_seeds(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("session seeds");
    bh_model *m = random_model(&rng);
    seeds all = {0};
    session s;
    assert_ok(session_start(&s, m, 1, NULL));
    for (int i = 0; i < ROUNDS; i++) {
        size_t len;
        const uint8_t *data = bh_client_output(s.client, &len);
        assert_ok(session_serve(&s, data, len, NULL));
        bh_client_sent(s.client, len);
        data = bh_server_output(s.server, &len);
        keep(&all, data + BH_FRAME_HEADER_BYTES + 6); // behind magic and version
        assert_ok(bh_client_feed(s.client, data, len, NULL));
        data = bh_client_output(s.client, &len);
        keep(&all, data + BH_FRAME_HEADER_BYTES);
        session_close(&s);
        assert_ok(session_open(&s));
    }
    assert_all_differ(&all);
    session_end(&s);
    bh_model_free(m);
}

// One changed byte of the nonce, of either hello, of the manifest: another transcript.
static void test_transcript(void **state)
{
    (void)state;
    uint8_t bytes[32 + BH_MESSAGE_CLIENT_HELLO_BYTES + 300] = {0}, first[32], other[32];
    const uint8_t *client = bytes + 32,
                  *server = client + BH_MESSAGE_CLIENT_HELLO_BYTES;
    assert_ok(bh_transcript(first, bytes, client, server, 300));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        assert_ok(bh_transcript(other, bytes, client, server, 300));
        assert_memory_not_equal(first, other, 32);
        bytes[i] ^= 1;
    }
    assert_ok(bh_transcript(other, bytes, client, server, 299));
    assert_memory_not_equal(first, other, 32);
}

// Whatever a session frees is zero by then.
static void test_wiping(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("wiping");
    bh_model *m = random_model(&rng);
    uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
    frees f = {0};
    session s;
    bh_hooks_get()->on_free = frees_look;
    bh_hooks_get()->user = &f;
    assert_ok(session_start(&s, m, 2, NULL));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    assert_ok(session_query(&s, pixels, SIZE_MAX, NULL));
    session_end(&s);
    bh_hooks_get()->on_free = NULL;
    assert_true(f.blocks > 50);
    assert_int_equal(f.dirty, 0);
    bh_free(pixels);
    bh_model_free(m);
}

typedef struct extremes {
    int64_t limit;
    size_t at_limit, beyond;
} extremes;

static void look_at_output(void *user, uint32_t layer, uint32_t sample,
                           const int64_t *values, size_t len)
{
    extremes *e = user;
    (void)sample;
    for (size_t i = 0; layer == 0 && i < len; i++) {
        e->at_limit += values[i] == e->limit || values[i] == -e->limit;
        e->beyond += values[i] > e->limit || values[i] < -e->limit;
    }
}

// A server whose manifest understates its accumulators: the client's arithmetic starts
// from the manifest's bound, so what exceeds it is cut.
static void test_results_are_cut(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("results are cut");
    bh_model *m = random_model(&rng);
    uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
    extremes e = {.limit = 20};
    session s;
    m->graph.layers[bh_graph_linear_index(&m->graph, 0)].quant.acc_max = 20;
    assert_ok(session_start(&s, m, 4, NULL));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    bh_hooks_get()->on_output = look_at_output;
    bh_hooks_get()->user = &e;
    for (int i = 0; i < ROUNDS; i++) {
        random_pixels(&rng, pixels, &m->graph);
        assert_ok(session_query(&s, pixels, SIZE_MAX, NULL));
    }
    bh_hooks_get()->on_output = NULL;
    assert_int_equal(e.beyond, 0);
    assert_true(e.at_limit > 0);
    session_end(&s);
    bh_free(pixels);
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_seeds),     cmocka_unit_test(test_session_seeds),
        cmocka_unit_test(test_transcript),      cmocka_unit_test(test_wiping),
        cmocka_unit_test(test_results_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
