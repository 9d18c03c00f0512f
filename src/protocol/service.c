// SPDX-License-Identifier: Apache-2.0
// A model made ready: its plan, and the manifest that says it to clients.
#include "protocol/service.h"

#include "base/error.h"
#include "base/memory.h"
#include "infer/calibrate.h"
#include "infer/unit.h"
#include "model/integer.h"
#include "model/model.h"
#include "protocol/message.h"

// What the plan is to assume of machines and link.
static bh_status find_cost(bh_cost *cost, const bh_service_options *options,
                           bh_error *err)
{
    const bh_link *link = &options->link;
    *cost = bh_cost_default();
    cost->prepared = options->prepare_bytes > 0;
    cost->server_threads = bh_pool_threads(options->pool);
    if (link->bytes_per_second != 0) {
        cost->link = *link;
    }
    if (!(cost->link.bytes_per_second > 0) || !(cost->link.rtt_seconds >= 0)) {
        return bh_fail(err, BH_ERR_ARG, "a link has a speed and a round trip");
    }
    return options->clock != NULL
               ? bh_calibrate(cost, options->guard, options->clock, err)
               : BH_OK;
}

static bh_status make_plan(bh_service *service, const bh_service_options *options,
                           bh_error *err)
{
    bh_cost cost;
    bh_status status = find_cost(&cost, options, err);
    if (status == BH_OK) {
        const bh_plan_options wanted = {.guard = options->guard,
                                        .samples = options->samples,
                                        .reveal = options->reveal,
                                        .logit_bits = options->logit_bits,
                                        .ahead = options->ahead};
        status =
            bh_plan_new(&service->plan, &service->model->graph, &wanted, &cost, err);
    }
    if (status == BH_OK &&
        bh_plan_sum(service->plan).answers > BH_ANSWERS_PER_KEY_MAX) {
        status = bh_fail(err, BH_ERR_TOO_LARGE,
                         "one query needs more answers than one key may serve: "
                         "ask for fewer samples");
    }
    return status;
}

// A share may be off by one: acc_max has to have room for it (infer/script.h).
static bh_status check_slack(const bh_service *service, bh_error *err)
{
    const bh_model *m = service->model;
    const bh_graph *g = &m->graph;
    for (uint32_t i = 0; i < service->plan->n_layers; i++) {
        const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        if (bh_integer_bound(m->integer, m->members, g, i) >= layer->quant.acc_max) {
            return bh_fail(
                err, BH_ERR_RANGE,
                "linear layer %u: its largest accumulator leaves no room for "
                "guard 'sealed'; quantise the model anew",
                i + 1);
        }
    }
    return BH_OK;
}

static bh_status write_manifest(bh_service *service, bh_error *err)
{
    bh_plan_write(service->plan, &service->manifest);
    bh_status status = service->manifest.status;
    if (status == BH_OK && service->manifest.len > BH_MESSAGE_MANIFEST_BYTES_MAX) {
        status = BH_ERR_TOO_LARGE;
    }
    return status == BH_OK
               ? BH_OK
               : bh_fail(err, status, "the manifest: %s", bh_status_message(status));
}

// The plan is made for queries whose work is all done ahead.
static bh_status make_store(bh_service *service, uint64_t bytes, bh_error *err)
{
    uint64_t query = bh_store_query_bytes(service->plan, service->model);
    if (bytes < query) {
        return bh_fail(err, BH_ERR_ARG,
                       "one query takes %.1f MB of work done ahead, more than the "
                       "%.1f MB that are allowed",
                       (double)query / 1e6, (double)bytes / 1e6);
    }
    service->prepared_queries = (double)bytes / (double)query;
    bh_status status =
        bh_store_new(&service->store, service->plan, service->model, bytes);
    return status == BH_OK
               ? BH_OK
               : bh_fail(err, status, "work done ahead: %s", bh_status_message(status));
}

bh_status bh_service_new(bh_service **out, const bh_model *model,
                         const bh_service_options *options, bh_error *err)
{
    *out = NULL;
    bh_service *service = bh_alloc(1, sizeof *service);
    if (service == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    service->model = model;
    service->clock = options->clock;
    service->pool = options->pool;
    bh_status status = make_plan(service, options, err);
    if (status == BH_OK && options->guard == BH_GUARD_SEALED) {
        status = check_slack(service, err);
    }
    if (status == BH_OK) {
        status = write_manifest(service, err);
    }
    if (status == BH_OK && options->prepare_bytes > 0 &&
        options->guard == BH_GUARD_SEALED) {
        status = bh_fail(err, BH_ERR_ARG,
                         "under guard 'sealed' queries are prepared in each session, "
                         "not for all of them");
    }
    if (status == BH_OK && options->prepare_bytes > 0) {
        status = make_store(service, options->prepare_bytes, err);
    }
    if (status != BH_OK) {
        bh_service_free(service);
        return status;
    }
    *out = service;
    return BH_OK;
}

void bh_service_free(bh_service *service)
{
    if (service != NULL) {
        bh_store_free(service->store);
        bh_plan_free(service->plan);
        bh_writer_clear(&service->manifest);
        bh_free(service);
    }
}

double bh_service_prepared_queries(const bh_service *service)
{
    return service->prepared_queries;
}

uint64_t bh_service_session_bytes(const bh_service *service)
{
    const bh_plan *plan = service->plan;
    return plan->guard != BH_GUARD_SEALED
               ? 0
               : (plan->ahead + UINT64_C(1)) * bh_unit_bytes(plan, false);
}

bh_status bh_service_prepare(const bh_service *service)
{
    return service->store != NULL ? bh_store_fill(service->store) : BH_WANT_MORE;
}
