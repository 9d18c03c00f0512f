// SPDX-License-Identifier: Apache-2.0
// Engines on pools of several threads: every byte that they send is the same for every
// number of threads, and so is the result.
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "protocol/service.h"
#include "support/random_model.h"
#include "support/session.h"
#include "support/test.h"

enum { THREADS_MAX = 3, QUERIES = 2, MODELS = 3 };

typedef struct record {
    bh_writer up, down;
    double *logits; // of the last query
    size_t n_logits;
} record;

static void record_clear(record *r)
{
    bh_writer_clear(&r->up);
    bh_writer_clear(&r->down);
    bh_free(r->logits);
}

// Moves everything that waits, with up to `pieces` answers computed in between, until
// nothing happens any more.
static void pump(session *s, record *r, int pieces)
{
    bool moved = true;
    while (moved) {
        size_t up, down;
        const uint8_t *data = bh_client_output(s->client, &up);
        bh_writer_bytes(&r->up, data, up);
        assert_ok(bh_server_feed(s->server, data, up, NULL));
        bh_client_sent(s->client, up);
        bh_status status = BH_OK;
        for (int i = 0; i < pieces && status == BH_OK; i++) {
            status = bh_server_work(s->server, NULL);
        }
        assert_true(status == BH_OK || status == BH_WANT_MORE);
        data = bh_server_output(s->server, &down);
        bh_writer_bytes(&r->down, data, down);
        assert_ok(bh_client_feed(s->client, data, down, NULL));
        bh_server_sent(s->server, down);
        moved = up > 0 || down > 0 || status == BH_OK;
    }
}

// A plan may depend on the number of threads: it is made for one.
static bh_status start(session *s, const bh_model *m, bh_guard guard, uint32_t samples,
                       bh_pool *pool, bh_error *err)
{
    const bh_service_options options = {.guard = guard, .samples = samples};
    bh_status status = session_start_with(s, m, &options, err);
    if (status == BH_OK) {
        session_close(s);
        s->pool = pool;
        s->service->pool = pool;
        status = session_open(s);
    }
    return status;
}

// Some queries, the first one prepared ahead where the guard prepares.
static record run(const bh_model *m, bh_guard guard, const uint8_t *pixels,
                  uint32_t samples, uint32_t threads, int pieces)
{
    record r = {0};
    session s;
    bh_pool *pool;
    bh_client_result result;
    bh_error err = {0};
    assert_ok(bh_pool_new(&pool, threads));
    bh_hooks_get()->fixed_seed_on = true; // seeds are drawn on this thread alone
    bh_hooks_get()->fixed_seed = 1;
    assert_ok(start(&s, m, guard, samples, pool, &err));
    pump(&s, &r, pieces);
    bh_status prepared = bh_client_prepare(s.client, NULL);
    assert_status(prepared, guard == BH_GUARD_SEALED ? BH_OK : BH_WANT_MORE);
    pump(&s, &r, pieces);
    for (int i = 0; i < QUERIES; i++) {
        assert_ok(bh_client_query(s.client, pixels, NULL));
        pump(&s, &r, pieces);
    }
    assert_int_equal(bh_server_queries(s.server), QUERIES);
    assert_ok(bh_client_get_result(s.client, &result));
    r.n_logits = (size_t)samples * m->graph.n_classes;
    r.logits = bh_alloc(r.n_logits, sizeof *r.logits);
    memcpy(r.logits, result.logits, r.n_logits * sizeof *r.logits);
    session_end(&s);
    bh_pool_free(pool);
    bh_hooks_get()->fixed_seed_on = false;
    assert_true(r.up.status == BH_OK && r.down.status == BH_OK);
    return r;
}

static void assert_same(const record *a, const record *b)
{
    assert_int_equal(a->up.len, b->up.len);
    assert_int_equal(a->down.len, b->down.len);
    assert_memory_equal(a->up.data, b->up.data, a->up.len);
    assert_memory_equal(a->down.data, b->down.data, a->down.len);
    assert_int_equal(a->n_logits, b->n_logits);
    assert_memory_equal(a->logits, b->logits, a->n_logits * sizeof *a->logits);
}

// One that the guard can serve.
static bh_model *model_for(test_rng *rng, bh_guard guard, uint32_t samples)
{
    const bh_service_options options = {.guard = guard, .samples = samples};
    for (;;) {
        bh_model *m = random_model(rng);
        bh_service *service;
        bh_status status = bh_service_new(&service, m, &options, NULL);
        bh_service_free(service);
        if (status == BH_OK) {
            return m;
        }
        bh_model_free(m);
    }
}

static void check_guard(const char *name, bh_guard guard)
{
    test_rng rng = test_rng_new(name);
    for (int i = 0; i < MODELS; i++) {
        uint32_t samples = (uint32_t)test_rng_range(&rng, 1, 7);
        bh_model *m = model_for(&rng, guard, samples);
        uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
        random_pixels(&rng, pixels, &m->graph);
        record one = run(m, guard, pixels, samples, 1, 1000);
        for (uint32_t threads = 1; threads <= THREADS_MAX; threads++) {
            for (int pieces = 1; pieces <= 2; pieces++) {
                record other = run(m, guard, pixels, samples, threads, pieces);
                assert_same(&one, &other);
                record_clear(&other);
            }
        }
        record_clear(&one);
        bh_free(pixels);
        bh_model_free(m);
    }
}

static void test_same_bytes(void **state)
{
    (void)state;
    check_guard("same bytes", BH_GUARD_SAMPLED);
}

static void test_same_bytes_sealed(void **state)
{
    (void)state;
    check_guard("same bytes, sealed", BH_GUARD_SEALED);
}

// The comparison can fail: another image gives other bytes.
static void test_other_image(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("other image");
    for (int sealed = 0; sealed < 2; sealed++) {
        bh_guard guard = sealed ? BH_GUARD_SEALED : BH_GUARD_SAMPLED;
        bh_model *m = model_for(&rng, guard, 2);
        uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
        record a = run(m, guard, pixels, 2, 2, 1);
        random_pixels(&rng, pixels, &m->graph);
        record b = run(m, guard, pixels, 2, 2, 1);
        assert_int_equal(a.up.len, b.up.len);
        assert_memory_not_equal(a.up.data, b.up.data, a.up.len);
        record_clear(&a);
        record_clear(&b);
        bh_free(pixels);
        bh_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_same_bytes_sealed),
        cmocka_unit_test(test_other_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
