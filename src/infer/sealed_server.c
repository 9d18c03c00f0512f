// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "infer/sealed.h"
#include "model/draw.h"

bh_status bh_sealed_server_init(bh_sealed_server *s, const bh_plan *plan,
                                const bh_model *model, const bh_uniform *uniform,
                                bh_pool *pool, const uint8_t transcript[32])
{
    *s = (bh_sealed_server){
        .plan = plan, .model = model, .uniform = uniform, .pool = pool};
    return bh_supplier_new(&s->supplier, plan->supplier, plan->script->transfers, false,
                           transcript);
}

void bh_sealed_server_clear(bh_sealed_server *s)
{
    bh_supplier_free(s->supplier);
    bh_units_clear(&s->ready);
    bh_party_clear(&s->party);
    bh_wipe(s, sizeof *s);
}

// What preparing one query takes, beside the unit itself.
typedef struct work {
    bh_sealed_server *server;
    bh_unit *unit;
    uint8_t seed[BH_SEED_BYTES]; // of the query (R5)
    bh_server_scratch *scratch;  // one per thread
    bh_prepared drawn;           // weights of one layer and sample
    bh_upload **uploads;         // of one input of the layer with the most
    size_t n_uploads;
    int64_t *share; // the server's share of one sample's result
    size_t *starts;
    // of the layer under way
    uint32_t layer;
    const uint8_t *in;
    uint8_t *out;
} work;

static void end_work(work *w)
{
    bh_server_scratch_free(w->scratch, bh_pool_threads(w->server->pool));
    for (size_t i = 0; w->uploads != NULL && i < w->n_uploads; i++) {
        bh_upload_free(w->uploads[i]);
    }
    bh_free(w->uploads);
    bh_prepared_clear(&w->drawn);
    bh_free(w->share);
    bh_free(w->starts);
    bh_wipe(w, sizeof *w);
}

static bh_status begin_work(work *w)
{
    const bh_plan *plan = w->server->plan;
    const bh_plan_largest most = bh_plan_largest_of(plan);
    w->n_uploads = most.n_uploads;
    w->uploads = bh_alloc(w->n_uploads, sizeof(bh_upload *));
    w->share = bh_alloc(most.out, sizeof *w->share);
    w->starts = bh_alloc(most.n_answers, sizeof *w->starts);
    bh_status status = bh_prepared_init(&w->drawn, plan, w->server->model);
    if (w->uploads == NULL || w->share == NULL || w->starts == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < w->n_uploads && status == BH_OK; i++) {
        status = bh_upload_new(&w->uploads[i], plan->he);
    }
    if (status == BH_OK) {
        status = bh_server_scratch_new(&w->scratch, plan->he,
                                       bh_pool_threads(w->server->pool));
    }
    return status;
}

static bh_status load_one(void *arg, size_t i, uint32_t worker)
{
    const work *w = arg;
    const bh_sealed_server *s = w->server;
    return bh_upload_load(w->uploads[i], w->scratch[worker].maker.work,
                          w->in + i * bh_he_poly_bytes(s->plan->he), s->uniform,
                          s->counter + i);
}

// One answer of the sample whose weights are drawn; this side's share of it.
static bh_status answer_one(void *arg, size_t i, uint32_t worker)
{
    const work *w = arg;
    const bh_sealed_server *s = w->server;
    const bh_plan_layer *l = &s->plan->layers[w->layer];
    bh_server_scratch *mine = &w->scratch[worker];
    bh_status status =
        bh_prepared_multiply(&w->drawn, &mine->maker, s->plan, w->uploads, (uint32_t)i);
    if (status != BH_OK) {
        return status;
    }
    bh_answer_options finish = {
        .places = mine->places,
        .n_places = bh_linear_places(&l->linear, mine->places, (uint32_t)i),
        .t_bits = l->t_bits,
        .keys = &w->drawn.keys,
        .number = {w->drawn.layer, w->drawn.sample, (uint32_t)i},
        .share = mine->share,
    };
    status = bh_answer_finish(mine->maker.work, w->out + w->starts[i], s->pk, &finish);
    for (size_t v = 0; v < finish.n_places; v++) {
        mine->wide[v] = mine->share[v];
    }
    bh_linear_unpack(&l->linear, w->share, mine->wide, (uint32_t)i);
    return status;
}

// Keeps the weights, and the share with the biases in it.
static void keep(work *w, uint32_t sample)
{
    const bh_sealed_server *s = w->server;
    const bh_linear *l = &s->plan->layers[w->layer].linear;
    const bh_int_posterior *p = bh_model_integer(s->model, sample, w->layer);
    size_t len = bh_linear_out_len(l), plane = len / p->n_bias;
    memcpy(w->unit->weights[w->layer] + sample * p->n_weights, w->drawn.weights,
           p->n_weights * sizeof(int32_t));
    uint32_t *share = w->unit->output[w->layer] + sample * len;
    for (size_t v = 0; v < len; v++) {
        share[v] = (uint32_t)w->share[v] + (uint32_t)w->drawn.bias[v / plane];
    }
    BH_HOOK_CALL(on_weights, w->layer, sample, w->drawn.weights, p->n_weights,
                 w->drawn.bias, p->n_bias);
}

static bh_status do_sample(work *w, uint32_t sample)
{
    bh_sealed_server *s = w->server;
    const bh_linear *l = &s->plan->layers[w->layer].linear;
    bh_status status = BH_OK;
    if (sample < bh_script_inputs(s->plan->script, w->layer)) {
        status = bh_pool_run(s->pool, l->n_uploads, load_one, w);
        s->counter += l->n_uploads;
        w->in += bh_plan_upload_bytes(s->plan, w->layer);
    }
    if (status == BH_OK) {
        status = bh_prepared_make(&w->drawn, &w->scratch[0].maker, s->plan, s->model,
                                  w->seed, w->layer, sample);
    }
    if (status == BH_OK) {
        status = bh_pool_run(s->pool, l->n_answers, answer_one, w);
    }
    if (status == BH_OK) {
        keep(w, sample);
    }
    w->out += bh_plan_answer_bytes(s->plan, w->layer);
    s->answers += l->n_answers;
    return status;
}

static bh_status do_layers(work *w)
{
    const bh_plan *plan = w->server->plan;
    bh_status status = bh_random_bytes(w->seed, sizeof w->seed);
    BH_HOOK_CALL(on_query, w->seed);
    for (w->layer = 0; w->layer < plan->n_layers; w->layer++) {
        bh_plan_answer_starts(plan, w->layer, w->starts);
        for (uint32_t k = 0; k < plan->samples && status == BH_OK; k++) {
            status = do_sample(w, k);
        }
    }
    return status;
}

static bh_status extend(work *w)
{
    bh_sealed_server *s = w->server;
    bh_status status =
        bh_supplier_read(s->supplier, &w->unit->receive, &w->unit->send, w->in);
    return status == BH_OK ? bh_supplier_write(s->supplier, &w->unit->receive,
                                               &w->unit->send, w->out)
                           : status;
}

bh_status bh_sealed_server_prepare(bh_sealed_server *s, uint8_t *out, const uint8_t *in)
{
    work w = {.server = s, .in = in, .out = out};
    bh_status status = bh_units_room(&s->ready, &w.unit, s->plan, false);
    if (status == BH_OK) {
        status = begin_work(&w);
    }
    if (status == BH_OK) {
        status = do_layers(&w);
    }
    if (status == BH_OK) {
        status = extend(&w);
    }
    if (status == BH_OK) {
        bh_units_add(&s->ready, w.unit);
    } else {
        bh_unit_free(w.unit);
    }
    end_work(&w);
    return status;
}

bh_status bh_sealed_server_start(bh_sealed_server *s)
{
    return bh_party_begin(&s->party, s->plan, false, bh_units_take(&s->ready), NULL);
}
