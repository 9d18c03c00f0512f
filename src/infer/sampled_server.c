// SPDX-License-Identifier: Apache-2.0
#include "base/hooks.h"
#include "base/memory.h"
#include "infer/sampled.h"
#include "model/draw.h"

void bh_sampled_server_init(bh_sampled_server *s, const bh_plan *plan,
                            const bh_model *model, const bh_uniform *uniform,
                            bh_pool *pool, bh_store *store)
{
    uint32_t threads = bh_pool_threads(pool);
    *s = (bh_sampled_server){
        .plan = plan, .model = model, .uniform = uniform, .pool = pool, .store = store};
    s->side_by_side = threads < plan->samples ? threads : plan->samples;
}

static bh_status new_sample(const bh_sampled_server *s, bh_server_sample *one,
                            size_t n_uploads)
{
    one->uploads = bh_alloc(n_uploads, sizeof(bh_upload *));
    bh_status status = one->uploads != NULL
                           ? bh_prepared_init(&one->own, s->plan, s->model)
                           : BH_ERR_NOMEM;
    for (size_t i = 0; i < n_uploads && status == BH_OK; i++) {
        status = bh_upload_new(&one->uploads[i], s->plan->he);
    }
    return status;
}

static bh_status take_workspaces(bh_sampled_server *s)
{
    const bh_plan_largest most = bh_plan_largest_of(s->plan);
    uint32_t threads = bh_pool_threads(s->pool);
    bh_status status = BH_OK;
    status = bh_server_scratch_new(&s->scratch, s->plan->he, threads);
    s->samples = bh_alloc(s->side_by_side, sizeof *s->samples);
    s->starts = bh_alloc(most.n_answers, sizeof *s->starts);
    if (status == BH_OK && (s->samples == NULL || s->starts == NULL)) {
        status = BH_ERR_NOMEM;
    }
    if (s->store != NULL && status == BH_OK) {
        s->taken =
            bh_alloc(s->plan->n_layers, s->plan->samples * sizeof(bh_prepared *));
        status = s->taken != NULL ? BH_OK : BH_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < s->side_by_side && status == BH_OK; i++) {
        status = new_sample(s, &s->samples[i], most.n_uploads);
    }
    return status;
}

bool bh_sampled_server_erase(bh_sampled_server *s)
{
    if (s->n_taken == 0) {
        bh_free(s->taken);
        s->taken = NULL;
        return false;
    }
    bh_store_give_back(s->store, s->taken[--s->n_taken]);
    return true;
}

static void erase_all(bh_sampled_server *s)
{
    while (bh_sampled_server_erase(s)) {
    }
}

// Whatever is left of a query, but for units of the store: drawn weights, products, its
// seed.
static void end_query(bh_sampled_server *s)
{
    bh_server_scratch_free(s->scratch, bh_pool_threads(s->pool));
    for (uint32_t k = 0; s->samples != NULL && k < s->side_by_side; k++) {
        bh_upload **uploads = s->samples[k].uploads;
        for (size_t i = 0; uploads != NULL && i < bh_plan_largest_of(s->plan).n_uploads;
             i++) {
            bh_upload_free(uploads[i]);
        }
        bh_free(uploads);
        bh_prepared_clear(&s->samples[k].own);
    }
    bh_free(s->samples);
    bh_free(s->starts);
    s->scratch = NULL;
    s->samples = NULL;
    s->starts = NULL;
    bh_wipe(s->seed, sizeof s->seed);
}

void bh_sampled_server_clear(bh_sampled_server *s)
{
    end_query(s);
    erase_all(s);
    *s = (bh_sampled_server){0};
}

// What the tasks of one call share.
typedef struct run {
    bh_sampled_server *server;
    const bh_plan_layer *l;
    const bh_server_job *jobs;
    uint32_t count;
    uint32_t inputs; // that are to be loaded
} run;

// Makes the unit of a sample for which the store had none.
static bh_status make(const run *r, bh_maker *m, uint32_t k)
{
    const bh_sampled_server *s = r->server;
    bh_server_sample *one = &s->samples[k];
    return one->unit == &one->own ? bh_prepared_make(one->unit, m, s->plan, s->model,
                                                     s->seed, s->layer, s->sample + k)
                                  : BH_OK;
}

// Loads the i-th of the inputs' uploads; each has a counter of its own.
static bh_status load(const run *r, bh_maker *m, uint32_t i)
{
    const bh_sampled_server *s = r->server;
    uint32_t k = i / r->l->linear.n_uploads, upload = i % r->l->linear.n_uploads;
    const uint8_t *bytes = r->jobs[k].upload + upload * bh_he_poly_bytes(s->plan->he);
    return bh_upload_load(s->samples[k].uploads[upload], m->work, bytes, s->uniform,
                          s->counter + i);
}

// The tasks before any product: units, which take longest, then uploads.
static bh_status make_or_load(void *arg, size_t i, uint32_t worker)
{
    const run *r = arg;
    bh_maker *m = &r->server->scratch[worker].maker;
    return i < r->count ? make(r, m, (uint32_t)i) : load(r, m, (uint32_t)i - r->count);
}

static bh_status multiply(const run *r, bh_maker *m, uint32_t k, uint32_t answer)
{
    const bh_sampled_server *s = r->server;
    // The input of layer 0 was loaded with sample 0 and stays.
    bh_upload **uploads = s->samples[s->layer == 0 ? 0 : k].uploads;
    return bh_prepared_multiply(s->samples[k].unit, m, s->plan, uploads, answer);
}

// One answer of one sample.
static bh_status answer_one(void *arg, size_t i, uint32_t worker)
{
    const run *r = arg;
    const bh_sampled_server *s = r->server;
    const bh_linear *linear = &r->l->linear;
    bh_server_scratch *mine = &s->scratch[worker];
    uint32_t k = (uint32_t)i / linear->n_answers;
    uint32_t answer = (uint32_t)i % linear->n_answers;
    const bh_prepared *unit = s->samples[k].unit;
    bh_status status = multiply(r, &mine->maker, k, answer);
    if (status != BH_OK) {
        return status;
    }
    bh_answer_options finish = {
        .places = mine->places,
        .bias = mine->spread,
        .n_places = bh_linear_places(linear, mine->places, answer),
        .t_bits = r->l->t_bits,
        .keys = &unit->keys,
        .number = {unit->layer, unit->sample, answer},
        .zero = unit->zeros != NULL ? unit->zeros[answer] : NULL,
    };
    bh_linear_spread_bias(linear, mine->spread, unit->bias, answer);
    return bh_answer_finish(mine->maker.work, r->jobs[k].answer + s->starts[answer],
                            s->pk, &finish);
}

static bh_status answer(run *r)
{
    bh_sampled_server *s = r->server;
    bh_plan_answer_starts(s->plan, s->layer, s->starts);
    for (uint32_t k = 0; k < r->count; k++) {
        bh_prepared *ready = bh_store_take(s->store, s->layer, s->sample + k);
        if (ready != NULL) {
            s->taken[s->n_taken++] = ready;
        }
        s->samples[k].unit = ready != NULL ? ready : &s->samples[k].own;
    }
    size_t first_tasks = r->count + (size_t)r->inputs * r->l->linear.n_uploads;
    bh_status status = bh_pool_run(s->pool, first_tasks, make_or_load, r);
    for (uint32_t k = 0; k < r->count && status == BH_OK; k++) {
        BH_HOOK_CALL(on_weights, s->layer, s->sample + k, s->samples[k].unit->weights,
                     bh_model_integer(s->model, 0, s->layer)->n_weights,
                     s->samples[k].unit->bias,
                     bh_model_integer(s->model, 0, s->layer)->n_bias);
    }
    return status == BH_OK
               ? bh_pool_run(s->pool, (size_t)r->count * r->l->linear.n_answers,
                             answer_one, r)
               : status;
}

static void move_on(bh_sampled_server *s, const run *r)
{
    s->counter += (uint64_t)r->inputs * r->l->linear.n_uploads;
    s->sample += r->count;
    if (s->sample < s->plan->samples) {
        return;
    }
    s->sample = 0;
    s->layer++;
    if (s->layer == s->plan->n_layers) {
        s->layer = 0;
        end_query(s);
    }
}

// A query begins with draws that nobody has made before (R5).
static bh_status begin_query(bh_sampled_server *s)
{
    erase_all(s);
    bh_status status = take_workspaces(s);
    if (status == BH_OK) {
        status = bh_random_bytes(s->seed, sizeof s->seed);
        BH_HOOK_CALL(on_query, s->seed);
    }
    return status;
}

bh_status bh_sampled_server_answer(bh_sampled_server *s, const bh_server_job *jobs,
                                   uint32_t count)
{
    bool begins = s->layer == 0 && s->sample == 0;
    run r = {
        .server = s, .l = &s->plan->layers[s->layer], .jobs = jobs, .count = count};
    r.inputs = s->layer > 0 ? count : begins;
    bh_status status = begins ? begin_query(s) : BH_OK;
    if (status == BH_OK) {
        status = answer(&r);
    }
    if (status == BH_OK) {
        move_on(s, &r);
    }
    return status;
}
