// SPDX-License-Identifier: Apache-2.0
#include "base/ct.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"
#include "infer/sampled.h"
#include "model/input.h"
#include "model/segment.h"

bh_status bh_sampled_client_init(bh_sampled_client *c, const bh_plan *plan,
                                 const bh_secret_key *sk, bh_pool *pool)
{
    *c = (bh_sampled_client){
        .plan = plan, .sk = sk, .pool = pool, .layer = plan->n_layers};
    const bh_plan_largest most = bh_plan_largest_of(plan);
    const bh_graph *g = plan->graph;
    c->real = bh_alloc(bh_shape_len(g->input.shape), sizeof *c->real);
    c->x = bh_alloc(most.in, sizeof *c->x);
    c->y = bh_alloc(most.out, sizeof *c->y);
    c->segment = bh_alloc(bh_segment_scratch_len(g), sizeof *c->segment);
    c->starts = bh_alloc(most.n_answers, sizeof *c->starts);
    c->logits = bh_alloc(plan->samples, g->n_classes * sizeof *c->logits);
    if (c->real == NULL || c->x == NULL || c->y == NULL || c->segment == NULL ||
        c->starts == NULL || c->logits == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status =
        bh_client_scratch_new(&c->scratch, plan->he, bh_pool_threads(pool));
    return status;
}

void bh_sampled_client_clear(bh_sampled_client *c)
{
    bh_client_scratch_free(c->scratch, bh_pool_threads(c->pool));
    bh_free(c->real);
    bh_free(c->x);
    bh_free(c->y);
    bh_free(c->segment);
    bh_free(c->starts);
    bh_free(c->logits);
    *c = (bh_sampled_client){0};
}

void bh_sampled_client_start(bh_sampled_client *c, const uint8_t *pixels)
{
    c->layer = 0;
    c->sample = 0;
    bh_normalise_pixels(c->plan->graph, c->real, pixels);
    bh_quantise_input(c->plan->graph, c->x, c->real);
}

// What the tasks of one run share.
typedef struct run {
    bh_sampled_client *client;
    uint32_t layer;
    const uint8_t *answer;
} run;

bh_status bh_sampled_client_upload(bh_sampled_client *c, uint8_t *out, uint32_t layer)
{
    uint32_t count = c->plan->layers[layer].linear.n_uploads;
    bh_client_upload upload = {c->plan, c->sk,      c->scratch, c->x,
                               layer,   c->counter, out};
    bh_status status = bh_pool_run(c->pool, count, bh_client_encrypt, &upload);
    // Moved on even after a failure: no uniform part may serve twice (R8).
    c->counter += count;
    return status;
}

// An honest server's results are within acc_max. A dishonest one's are cut to it,
// because the bounds of the arithmetic that follows start there.
static void clamp_results(int64_t *values, size_t len, uint64_t acc_max)
{
    for (size_t i = 0; i < len; i++) {
        values[i] = bh_ct_clamp(values[i], -(int64_t)acc_max, (int64_t)acc_max);
    }
}

// The answers of one sample fill different places of y.
static bh_status decrypt_one(void *arg, size_t i, uint32_t worker)
{
    const run *r = arg;
    const bh_sampled_client *c = r->client;
    const bh_plan_layer *l = &c->plan->layers[r->layer];
    const bh_graph *g = c->plan->graph;
    bh_client_scratch *mine = &c->scratch[worker];
    uint64_t acc_max = g->layers[bh_graph_linear_index(g, r->layer)].quant.acc_max;
    size_t n_places = bh_linear_places(&l->linear, mine->places, (uint32_t)i);
    bh_status status =
        bh_decrypt(c->sk, mine->poly, mine->work, r->answer + c->starts[i],
                   mine->places, n_places, l->t_bits);
    clamp_results(mine->poly, n_places, acc_max);
    bh_linear_unpack(&l->linear, c->y, mine->poly, (uint32_t)i);
    return status;
}

static void fill_logits(bh_sampled_client *c)
{
    const bh_graph *g = c->plan->graph;
    double *logits = c->logits + (size_t)c->sample * g->n_classes;
    // The result belongs to the caller; what happens to it is no longer constant time.
    BH_DECLASSIFY(c->y, g->n_classes * sizeof *c->y);
    for (size_t i = 0; i < g->n_classes; i++) {
        logits[i] = (double)c->y[i] * bh_graph_logit_scale(g);
    }
}

bh_status bh_sampled_client_take(bh_sampled_client *c, const uint8_t *answer)
{
    const bh_plan_layer *l = &c->plan->layers[c->layer];
    run r = {.client = c, .layer = c->layer, .answer = answer};
    bh_plan_answer_starts(c->plan, c->layer, c->starts);
    bh_status status = bh_pool_run(c->pool, l->linear.n_answers, decrypt_one, &r);
    if (status != BH_OK) {
        return status;
    }
    BH_HOOK_CALL(on_output, c->layer, c->sample, c->y, bh_linear_out_len(&l->linear));
    c->answers += l->linear.n_answers;
    if (c->layer + 1 == c->plan->n_layers) {
        fill_logits(c);
    } else {
        bh_segment_run(c->plan->graph, c->layer, c->x, c->y, c->segment);
    }
    c->sample = (c->sample + 1) % c->plan->samples;
    c->layer += c->sample == 0;
    return BH_OK;
}
