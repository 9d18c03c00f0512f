// SPDX-License-Identifier: Apache-2.0
#include "support/sealed.h"

#include "base/memory.h"
#include "protocol/service.h"
#include "support/random_model.h"

bh_link sealed_link = {.bytes_per_second = 1e12};

static bool can_serve(const bh_model *m, bh_service_options options)
{
    bh_service *service;
    options.reveal = BH_REVEAL_LABEL; // which asks for more
    bh_status status = bh_service_new(&service, m, &options, NULL);
    bh_service_free(service);
    assert_true(status == BH_OK || status == BH_ERR_RANGE || status == BH_ERR_NOISE);
    return status == BH_OK;
}

bh_model *sealed_model(test_rng *rng, const bh_service_options *options)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    sealed_graph(g);
    assert_ok(bh_graph_check(g, NULL));
    bh_model *m;
    for (m = random_model_of(rng, g); !can_serve(m, *options);
         m = random_model_of(rng, g)) {
        bh_model_free(m);
    }
    bh_free(g);
    return m;
}

void sealed_set_up(sealed_fixture *f, const char *name)
{
    *f = (sealed_fixture){.rng = test_rng_new(name)};
    bh_error err = {0};
    f->options = (bh_service_options){.guard = BH_GUARD_SEALED,
                                      .samples = SEALED_SAMPLES,
                                      .ahead = SEALED_AHEAD,
                                      .link = sealed_link};
    f->model = sealed_model(&f->rng, &f->options);
    random_pixels(&f->rng, f->pixels, &f->model->graph);
    if (session_start_with(&f->s, f->model, &f->options, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(f->s.service->plan->supplier == BH_SUPPLIER_FERRET,
                     sealed_link.bytes_per_second < 2);
}

void sealed_tear_down(sealed_fixture *f)
{
    session_end(&f->s);
    bh_model_free(f->model);
}

void sealed_connect(sealed_fixture *f)
{
    assert_ok(session_pump(&f->s, SIZE_MAX, NULL));
    assert_int_equal(bh_client_get_state(f->s.client), BH_CLIENT_READY);
}
