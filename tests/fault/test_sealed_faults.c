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
#include "support/sealed.h"

// A whole session of one query, prepared ahead.
static bh_status run_session(void *fixture_)
{
    const sealed_fixture *f = fixture_;
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
    sealed_fixture f;
    frees freed = {0};
    sealed_set_up(&f, "failing machine");
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_free = frees_look;
    hooks->user = &freed;
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, run_session, &f) > 100);
    if (f.s.service->plan->supplier == BH_SUPPLIER_SOFTSPOKEN) { // the other draws as
        assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, run_session, &f) >
                    256); // often, and takes longer
    }
    // A query that is not prepared begins by keeping its pixels.
    sealed_connect(&f);
    hooks->fail_alloc_at = 1;
    assert_status(bh_client_query(f.s.client, f.pixels, NULL), BH_ERR_NOMEM);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_FAILED);
    assert_null(f.s.client->sealed.supplier);
    hooks->on_free = NULL;
    assert_int_equal(freed.dirty, 0);
    sealed_tear_down(&f);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "ferret") == 0) {
        sealed_link.bytes_per_second = BH_LINK_BYTES_ONLY;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
