// SPDX-License-Identifier: Apache-2.0
// A machine that fails in the midst of guard `sealed`: a clean error, nothing left
// behind, and nothing freed that was not wiped. `ferret` as an argument: transfers of
// that kind.
#include <string.h>

#include "base/hooks.h"
#include "protocol/client_state.h"
#include "protocol/service.h"
#include "support/faults.h"
#include "support/frames.h"
#include "support/random_model.h"

enum { AHEAD = 3, SAMPLES = 2 };

// By it the plan chooses how transfers are made: the fastest, or with `ferret` as an
// argument the slowest.
static bh_link chosen_link = {.bytes_per_second = 1e12};

typedef struct fixture {
    bh_model *model;
    bh_service_options options;
    session s;
    uint8_t pixels[SEALED_PIXELS];
    test_rng rng;
} fixture;

static void set_up(fixture *f, const char *name)
{
    *f = (fixture){.rng = test_rng_new(name)};
    bh_error err = {0};
    f->options = (bh_service_options){.guard = BH_GUARD_SEALED,
                                      .samples = SAMPLES,
                                      .ahead = AHEAD,
                                      .link = chosen_link};
    f->model = sealed_model(&f->rng, &f->options);
    random_pixels(&f->rng, f->pixels, &f->model->graph);
    if (session_start_with(&f->s, f->model, &f->options, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(f->s.service->plan->supplier == BH_SUPPLIER_FERRET,
                     chosen_link.bytes_per_second < 2);
}

static void tear_down(fixture *f)
{
    session_end(&f->s);
    bh_model_free(f->model);
}

static void connect(fixture *f)
{
    assert_ok(session_pump(&f->s, SIZE_MAX, NULL));
    assert_int_equal(bh_client_get_state(f->s.client), BH_CLIENT_READY);
}

typedef struct frees {
    size_t blocks, dirty;
} frees;

static void look_at_freed(void *user, const uint8_t *data, size_t len)
{
    frees *f = user;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    f->blocks++;
    f->dirty += any != 0;
}

// A whole session of one query, prepared ahead.
static bh_status run_session(void *fixture_)
{
    const fixture *f = fixture_;
    session s;
    bh_status status = session_start_with(&s, f->model, &f->options, NULL);
    if (status == BH_OK) {
        status = session_pump(&s, SIZE_MAX, NULL);
    }
    if (status == BH_OK) {
        status = bh_client_prepare(s.client, NULL);
    }
    if (status == BH_OK) {
        status = session_pump(&s, SIZE_MAX, NULL);
    }
    if (status == BH_OK) {
        status = session_query(&s, f->pixels, SIZE_MAX, NULL);
    }
    session_end(&s);
    return status;
}

// The n-th allocation, then the n-th randomness call, fails, for every n of a session;
// what was freed was wiped.
static void test_failing_machine(void **state)
{
    (void)state;
    fixture f;
    frees freed = {0};
    set_up(&f, "failing machine");
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_free = look_at_freed;
    hooks->user = &freed;
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, run_session, &f) > 100);
    if (f.s.service->plan->supplier == BH_SUPPLIER_SOFTSPOKEN) { // the other draws as
        assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, run_session, &f) >
                    256); // often, and takes longer
    }
    // A query that is not prepared begins by keeping its pixels.
    connect(&f);
    hooks->fail_alloc_at = 1;
    assert_status(bh_client_query(f.s.client, f.pixels, NULL), BH_ERR_NOMEM);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_FAILED);
    assert_null(f.s.client->sealed.supplier);
    hooks->on_free = NULL;
    assert_int_equal(freed.dirty, 0);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "ferret") == 0) {
        chosen_link.bytes_per_second = BH_LINK_BYTES_ONLY;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
