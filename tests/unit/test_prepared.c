// SPDX-License-Identifier: Apache-2.0
// Work made ahead of queries: bounded, right, used once, erased; several threads at a
// time; and queries that take it.
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "he/internal.h"
#include "infer/store.h"
#include "model/draw.h"
#include "protocol/service.h"
#include "support/exact.h"
#include "support/faults.h"
#include "support/random_model.h"
#include "support/record.h"

enum { PARTS_MAX = 2048, SAMPLES = 3, THREADS = 3, ROUNDS = 300, UNITS_MAX = 64 };

typedef struct fixture {
    bh_model *model;
    bh_plan *plan;
    uint32_t n_layers;
    uint64_t one_of_each; // bytes
} fixture;

// A model of as many members; 0: of any number.
static void set_up_members(fixture *f, const char *name, uint32_t members)
{
    test_rng rng = test_rng_new(name);
    bh_cost cost = bh_cost_default();
    *f = (fixture){.model = random_model(&rng)};
    while (members != 0 && f->model->members != members) {
        bh_model_free(f->model);
        f->model = random_model(&rng);
    }
    assert_ok(bh_plan_new(
        &f->plan, &f->model->graph,
        &(const bh_plan_options){.guard = BH_GUARD_SAMPLED, .samples = SAMPLES}, &cost,
        NULL));
    f->n_layers = f->plan->n_layers;
    // The smallest store with room for one unit of every layer, by bisection.
    uint64_t lo = 0, hi = 1 << 26;
    while (hi - lo > 1) {
        uint64_t bytes = (lo + hi) / 2;
        bh_store *store;
        assert_ok(bh_store_new(&store, f->plan, f->model, bytes));
        bool all = true;
        for (uint32_t i = 0; i < f->n_layers; i++) {
            all = all && bh_store_capacity(store, i) > 0;
        }
        bh_store_free(store);
        lo = all ? lo : bytes;
        hi = all ? bytes : hi;
    }
    f->one_of_each = hi;
}

static void set_up(fixture *f, const char *name)
{
    set_up_members(f, name, 0);
}

static void tear_down(fixture *f)
{
    bh_plan_free(f->plan);
    bh_model_free(f->model);
}

static void fill(bh_store *store)
{
    bh_status status = BH_OK;
    while (status == BH_OK) {
        status = bh_store_fill(store);
    }
    assert_status(status, BH_WANT_MORE);
}

// As many units as fit, in no more memory than was said.
static void test_bounded(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "bounded");
    for (uint64_t times = 1; times < 4; times++) {
        bh_store *store;
        assert_ok(bh_store_new(&store, f.plan, f.model, times * f.one_of_each));
        fill(store);
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < f.n_layers; i++) {
            const bh_int_posterior *p = bh_model_integer(f.model, 0, i);
            assert_int_equal(bh_store_capacity(store, i), times);
            assert_int_equal(bh_store_ready(store, i), times);
            bytes += times * (p->n_weights + p->n_bias) * sizeof(int32_t);
        }
        assert_true(bytes <= times * f.one_of_each);
        bh_store_free(store);
    }
    tear_down(&f);
}

typedef struct part {
    const void *data;
    size_t len;
} part;

// Everything secret that a unit holds; returns how many parts that are.
static size_t parts_of(const fixture *f, const bh_prepared *unit, part *parts)
{
    const bh_int_posterior *p = bh_model_integer(f->model, unit->sample, unit->layer);
    const bh_linear *l = &f->plan->layers[unit->layer].linear;
    const bh_ring *ring = &f->plan->he->ring;
    size_t poly = bh_he_factor_words(f->plan->he) * sizeof(uint64_t), count = 0;
    parts[count++] = (part){unit->seed, sizeof unit->seed};
    parts[count++] = (part){&unit->keys, sizeof unit->keys};
    parts[count++] = (part){unit->weights, p->n_weights * sizeof *unit->weights};
    parts[count++] = (part){unit->bias, p->n_bias * sizeof *unit->bias};
    parts[count++] = (part){unit->factors, l->in_blocks * l->out_blocks * poly};
    assert_int_equal(unit->n_zeros, l->n_answers);
    for (uint32_t a = 0; a < unit->n_zeros; a++) {
        const bh_zero *z = unit->zeros[a];
        assert_true(count + 3 <= PARTS_MAX);
        parts[count++] = (part){z->u, poly};
        parts[count++] = (part){z->e0, ring->n * sizeof *z->e0};
        parts[count++] = (part){z->e1, ring->n * sizeof *z->e1};
    }
    return count;
}

static void expect_same(const fixture *f, const bh_prepared *a, const bh_prepared *b)
{
    static part x[PARTS_MAX], y[PARTS_MAX];
    size_t count = parts_of(f, a, x);
    assert_int_equal(count, parts_of(f, b, y));
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(x[i].data, y[i].data, y[i].len);
    }
}

static void expect_erased(const fixture *f, const bh_prepared *unit)
{
    static part parts[PARTS_MAX];
    size_t count = parts_of(f, unit, parts);
    for (size_t i = 0; i < count; i++) {
        assert_true(test_is_zero(parts[i].data, parts[i].len));
    }
}

// A unit is what its seed says, nobody's but its taker's, and erased behind it; what is
// made in its place is another.
static void test_once(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "once");
    bh_store *store;
    bh_prepared expected = {0}, *unit;
    uint8_t seeds[UNITS_MAX][BH_SEED_BYTES];
    size_t n_seeds = 0;
    assert_null(bh_store_take(NULL, 0, 0));
    assert_ok(bh_store_new(&store, f.plan, f.model, 2 * f.one_of_each));
    bh_maker maker = {0};
    assert_ok(bh_maker_init(&maker, f.plan->he));
    for (int round = 0; round < 3; round++) {
        assert_null(bh_store_take(store, 0, 0)); // none is made yet
        fill(store);
        for (uint32_t i = 0; i < f.n_layers; i++) {
            bh_prepared *taken[2];
            assert_ok(bh_prepared_init_ahead(&expected, f.plan, f.model, i));
            for (uint32_t k = 0; k < 2; k++) {
                unit = taken[k] = bh_store_take(store, i, k);
                assert_non_null(unit);
                assert_int_equal(unit->layer, i);
                assert_ok(bh_prepared_make(&expected, &maker, f.plan, f.model,
                                           unit->seed, i, unit->sample));
                expect_same(&f, unit, &expected);
                memcpy(seeds[n_seeds++], unit->seed, BH_SEED_BYTES);
            }
            assert_null(bh_store_take(store, i, 1));
            for (int k = 0; k < 2; k++) {
                bh_store_give_back(store, taken[k]);
                expect_erased(&f, taken[k]);
            }
            bh_prepared_clear(&expected);
            assert_null(bh_store_take(store, i, 1));
        }
    }
    for (size_t i = 0; i < n_seeds; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(seeds[i], seeds[j], BH_SEED_BYTES);
        }
    }
    bh_maker_clear(&maker);
    bh_store_free(store);
    tear_down(&f);
}

typedef struct shared {
    const fixture *f;
    bh_store *store;
    atomic_int wrong;
} shared;

// Fills, takes and gives back; a unit that somebody else held at the same time would be
// seen changing (and by the thread sanitizer).
static void *use_store(void *arg)
{
    shared *s = arg;
    bh_prepared expected = {0};
    bh_maker maker = {0};
    bool ok = bh_prepared_init(&expected, s->f->plan, s->f->model) == BH_OK &&
              bh_maker_init(&maker, s->f->plan->he) == BH_OK;
    for (uint32_t i = 0; ok && i < ROUNDS; i++) {
        uint32_t layer = i % s->f->n_layers;
        bh_status status = bh_store_fill(s->store);
        ok = status == BH_OK || status == BH_WANT_MORE;
        bh_prepared *unit = bh_store_take(s->store, layer, i % 2);
        if (unit != NULL) {
            size_t bytes =
                bh_model_integer(s->f->model, 0, layer)->n_weights * sizeof(int32_t);
            ok = ok &&
                 bh_prepared_make(&expected, &maker, s->f->plan, s->f->model,
                                  unit->seed, layer, unit->sample) == BH_OK &&
                 memcmp(unit->weights, expected.weights, bytes) == 0;
            bh_store_give_back(s->store, unit);
        }
    }
    bh_prepared_clear(&expected);
    bh_maker_clear(&maker);
    atomic_fetch_add(&s->wrong, !ok);
    return NULL;
}

static void test_several_threads(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "several threads");
    shared s = {.f = &f};
    pthread_t threads[THREADS];
    assert_ok(bh_store_new(&s.store, f.plan, f.model, 2 * f.one_of_each));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_store, &s), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&s.wrong), 0);
    bh_store_free(s.store);
    tear_down(&f);
}

static size_t all_ready(const bh_service *service, uint32_t n_layers)
{
    size_t ready = 0;
    for (uint32_t i = 0; i < n_layers; i++) {
        ready += bh_store_ready(service->store, i);
    }
    return ready;
}

// Queries with all units, some and none ready: exact, every unit is used, and erased
// before the session waits for the next query, or when it ends.
static void test_queries(void **state)
{
    (void)state;
    fixture f;
    set_up_members(&f, "queries", 2);
    test_rng rng = test_rng_new("queries");
    uint8_t *pixels = bh_alloc(bh_shape_len(f.model->graph.input.shape), 1);
    session s = {0};
    bh_service_options options = {.guard = BH_GUARD_SAMPLED,
                                  .samples = SAMPLES,
                                  .prepare_bytes = 2 * SAMPLES * f.one_of_each};
    random_pixels(&rng, pixels, &f.model->graph);
    assert_ok(bh_service_new(&s.service, f.model, &options, NULL));
    assert_ok(session_open(&s));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    for (uint32_t made = 0; made < 2 * SAMPLES * f.n_layers;
         made += f.n_layers / 2 + 1) {
        for (uint32_t i = 0; i < made; i++) {
            bh_status status = bh_service_prepare(s.service);
            assert_true(status == BH_OK || status == BH_WANT_MORE);
        }
        size_t left = 0;
        for (uint32_t i = 0; i < f.n_layers; i++) {
            size_t here = bh_store_ready(s.service->store, i);
            left += here > SAMPLES ? here - SAMPLES : 0;
        }
        assert_true(all_ready(s.service, f.n_layers) >= made);
        assert_true(exact_query(&s, f.model, pixels, SIZE_MAX) > 0);
        for (uint32_t i = 0; i < f.n_layers; i++) {
            left -= bh_store_ready(s.service->store, i);
        }
        assert_int_equal(left, 0);
    }
    session_end(&s);
    bh_free(pixels);
    tear_down(&f);
}

static void fill_service(const bh_service *service)
{
    while (bh_service_prepare(service) == BH_OK) {
    }
}

// Three samples of two members: none is given the other member's unit, also where that
// is the only one ready.
static void test_members(void **state)
{
    (void)state;
    fixture f;
    set_up_members(&f, "members", 2);
    bh_store *store;
    assert_ok(bh_store_new(&store, f.plan, f.model, SAMPLES * f.one_of_each));
    fill(store);
    for (uint32_t i = 0; i < f.n_layers; i++) {
        bh_prepared *odd = bh_store_take(store, i, 1);
        assert_int_equal(odd->sample % 2, 1);
        assert_null(bh_store_take(store, i, 1));
        assert_null(bh_store_take(store, i, 3));
        for (uint32_t k = 0; k < 2; k++) {
            assert_int_equal(bh_store_take(store, i, 4)->sample % 2, 0);
        }
        assert_null(bh_store_take(store, i, 0));
    }
    bh_store_free(store);
    tear_down(&f);
}

// A unit that was made for one member and serves another would show: the members change
// places behind the store's back.
static void test_wrong_member(void **state)
{
    (void)state;
    fixture f;
    set_up_members(&f, "wrong member", 2);
    test_rng rng = test_rng_new("wrong member");
    uint8_t *pixels = bh_alloc(bh_shape_len(f.model->graph.input.shape), 1);
    bh_service_options options = {.guard = BH_GUARD_SAMPLED,
                                  .samples = SAMPLES,
                                  .prepare_bytes = 2 * SAMPLES * f.one_of_each};
    session s = {0};
    random_pixels(&rng, pixels, &f.model->graph);
    assert_ok(bh_service_new(&s.service, f.model, &options, NULL));
    assert_ok(session_open(&s));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    for (int swapped = 0; swapped < 2; swapped++) {
        record r;
        fill_service(s.service);
        for (uint32_t i = 0; i < f.n_layers && swapped; i++) {
            bh_int_posterior *p = bh_model_integer(f.model, 0, i);
            bh_int_posterior *q = bh_model_integer(f.model, 1, i), first = *p;
            *p = *q;
            *q = first;
        }
        record_query(&r, &s, f.model, pixels, SIZE_MAX);
        assert_int_equal(record_count_foreign(&r, f.model) > 0, swapped);
        record_clear(&r);
    }
    session_end(&s);
    bh_free(pixels);
    tear_down(&f);
}

// How many of these units hold nothing; the others hold something.
static size_t count_erased(const fixture *f, bh_prepared *const *units, size_t count)
{
    size_t erased = 0;
    for (size_t i = 0; i < count; i++) {
        if (test_is_zero(units[i]->seed, sizeof units[i]->seed)) {
            expect_erased(f, units[i]);
            erased++;
        }
    }
    return erased;
}

// What a query took is erased behind its last answer, and what a session took that
// breaks off; with more units at hand than it takes, and without anybody preparing.
static void test_erased_behind_query(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "erased behind query");
    test_rng rng = test_rng_new("erased behind query");
    uint8_t *pixels = bh_alloc(bh_shape_len(f.model->graph.input.shape), 1);
    random_pixels(&rng, pixels, &f.model->graph);
    session s = {0};
    bh_service_options options = {.guard = BH_GUARD_SAMPLED,
                                  .samples = SAMPLES,
                                  .prepare_bytes = 2 * SAMPLES * f.one_of_each};
    assert_ok(bh_service_new(&s.service, f.model, &options, NULL));
    assert_ok(session_open(&s));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    fill_service(s.service);
    bh_prepared **units = bh_alloc(2 * SAMPLES * f.n_layers, sizeof *units);
    size_t count = 0;
    for (uint32_t i = 0; i < f.n_layers; i++) {
        for (uint32_t k = 0; k < 2 * SAMPLES; k++) {
            units[count] = bh_store_take(s.service->store, i, k % SAMPLES);
            assert_non_null(units[count++]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        bh_store_give_back(s.service->store, units[i]);
    }
    fill_service(s.service);
    assert_int_equal(count_erased(&f, units, count), 0);
    assert_ok(session_query(&s, pixels, SIZE_MAX, NULL));
    assert_int_equal(count_erased(&f, units, count), count / 2);

    size_t len;
    assert_ok(bh_client_query(s.client, pixels, NULL));
    const uint8_t *data = bh_client_output(s.client, &len);
    assert_ok(bh_server_feed(s.server, data, len, NULL));
    assert_ok(bh_server_work(s.server, NULL));
    assert_int_equal(count_erased(&f, units, count), count / 2); // one is in use
    bh_server_free(s.server);
    s.server = NULL;
    assert_int_equal(count_erased(&f, units, count), count / 2 + 1);
    session_end(&s);
    bh_free(units);
    bh_free(pixels);
    tear_down(&f);
}

// No store: nothing to do.
static void test_without(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "without");
    session s;
    assert_ok(session_start(&s, f.model, SAMPLES, NULL));
    assert_status(bh_service_prepare(s.service), BH_WANT_MORE);
    session_end(&s);
    tear_down(&f);
}

static bh_status fill_all(void *fixture_)
{
    const fixture *f = fixture_;
    bh_store *store;
    bh_status status = bh_store_new(&store, f->plan, f->model, f->one_of_each);
    while (status == BH_OK) {
        status = bh_store_fill(store);
    }
    if (status != BH_WANT_MORE && store != NULL) { // a failure costs no slot
        fill(store);
        for (uint32_t i = 0; i < f->n_layers; i++) {
            assert_int_equal(bh_store_ready(store, i), 1);
        }
    }
    bh_store_free(store);
    return status == BH_WANT_MORE ? BH_OK : status;
}

static void test_failing_machine(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "failing machine");
    bh_hooks *hooks = bh_hooks_get();
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, fill_all, &f) > 5);
    assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, fill_all, &f) >=
                f.n_layers);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_several_threads),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_wrong_member),
        cmocka_unit_test(test_erased_behind_query),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_failing_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
