// SPDX-License-Identifier: Apache-2.0
#include "base/hooks.h"
#include "base/memory.h"
#include "infer/sampled.h"
#include "model/draw.h"

// Everything that answering one layer needs, taken once.
typedef struct work {
    const bh_sampled_server *server;
    const bh_plan_layer *l;
    const bh_int_posterior *posterior;
    int32_t *weights, *bias; // of the sample in hand
    int32_t *poly, *spread;  // n coefficients, n biases
    uint32_t *places;
    bh_upload **uploads; // n_uploads, of the input in hand
    bh_answer *answer;
} work;

static void clear_uploads(work *w)
{
    for (uint32_t i = 0; w->uploads != NULL && i < w->l->linear.n_uploads; i++) {
        bh_upload_free(w->uploads[i]);
        w->uploads[i] = NULL;
    }
}

static void work_clear(work *w)
{
    clear_uploads(w);
    bh_free(w->uploads);
    bh_free(w->weights);
    bh_free(w->bias);
    bh_free(w->poly);
    bh_free(w->spread);
    bh_free(w->places);
    bh_answer_free(w->answer);
}

static bh_status work_init(work *w, const bh_sampled_server *s)
{
    *w = (work){.server = s, .l = &s->plan->layers[s->layer]};
    w->posterior = &s->model->integer[s->layer];
    size_t n = bh_he_degree(s->plan->he);
    w->weights = bh_alloc(w->posterior->n_weights, sizeof *w->weights);
    w->bias = bh_alloc(w->posterior->n_bias, sizeof *w->bias);
    w->poly = bh_alloc(n, sizeof *w->poly);
    w->spread = bh_alloc(n, sizeof *w->spread);
    w->places = bh_alloc(n, sizeof *w->places);
    w->uploads = bh_alloc(w->l->linear.n_uploads, sizeof(bh_upload *));
    if (w->weights == NULL || w->bias == NULL || w->poly == NULL || w->spread == NULL ||
        w->places == NULL || w->uploads == NULL) {
        return BH_ERR_NOMEM;
    }
    return bh_answer_new(&w->answer, s->plan->he);
}

// Loads the uploads of input number `input`; every ciphertext has a counter of its own.
static bh_status load_uploads(work *w, uint32_t input, const uint8_t *bytes)
{
    const bh_sampled_server *s = w->server;
    size_t poly_bytes = bh_he_poly_bytes(s->plan->he);
    uint32_t count = w->l->linear.n_uploads;
    bh_status status = BH_OK;
    clear_uploads(w);
    for (uint32_t i = 0; i < count && status == BH_OK; i++) {
        uint64_t k = (uint64_t)input * count + i;
        status = bh_upload_load(&w->uploads[i], s->plan->he, bytes + k * poly_bytes,
                                s->uniform, s->counter + k);
    }
    return status;
}

static bh_status draw(work *w, uint32_t sample)
{
    bh_status status = bh_draw_layer(w->posterior, w->weights, w->bias, w->server->seed,
                                     w->server->layer, sample);
    if (status == BH_OK) {
        BH_HOOK_CALL(on_weights, w->server->layer, sample, w->weights,
                     w->posterior->n_weights, w->bias, w->posterior->n_bias);
    }
    return status;
}

// One answer of one sample; its bytes are appended.
static bh_status answer_one(work *w, bh_writer *out, uint32_t sample, uint32_t answer)
{
    const bh_linear *linear = &w->l->linear;
    uint32_t out_block = answer % linear->out_blocks;
    bh_upload **uploads = w->uploads + bh_linear_first_upload(linear, answer);
    bh_status status = BH_OK;
    bh_answer_begin(w->answer);
    for (uint32_t b = 0; b < linear->in_blocks && status == BH_OK; b++) {
        bh_linear_pack_weights(linear, w->poly, w->weights, b, out_block);
        status = bh_answer_add_product(w->answer, uploads[b], w->poly);
    }
    if (status != BH_OK) {
        return status;
    }
    bh_answer_options finish = {
        .places = w->places,
        .bias = w->spread,
        .n_places = bh_linear_places(linear, w->places, answer),
        .t_bits = w->l->t_bits,
        .seed = w->server->seed,
        .layer = w->server->layer,
        .sample = sample,
        .index = answer,
    };
    bh_linear_spread_bias(linear, w->spread, w->bias, answer);
    uint8_t *bytes = bh_writer_extend(
        out, bh_he_answer_bytes(w->server->plan->he, finish.n_places, finish.t_bits));
    return bytes == NULL ? BH_ERR_NOMEM
                         : bh_answer_finish(w->answer, bytes, w->server->pk, &finish);
}

static bh_status answer_layer(bh_sampled_server *s, bh_writer *out,
                              const uint8_t *uploads)
{
    work w;
    bh_status status = work_init(&w, s);
    for (uint32_t sample = 0; sample < s->plan->samples && status == BH_OK; sample++) {
        if (sample < w.l->repeats.inputs) { // a shared input stays loaded
            status = load_uploads(&w, sample, uploads);
        }
        if (status == BH_OK) {
            status = draw(&w, sample);
        }
        for (uint32_t a = 0; a < w.l->linear.n_answers && status == BH_OK; a++) {
            status = answer_one(&w, out, sample, a);
        }
    }
    work_clear(&w);
    return status;
}

bh_status bh_sampled_server_answer(bh_sampled_server *s, bh_writer *out,
                                   const uint8_t *uploads)
{
    bh_status status = BH_OK;
    if (s->layer == 0) { // a query begins: fresh draws (R5)
        status = bh_random_bytes(s->seed, sizeof s->seed);
        BH_HOOK_CALL(on_query, s->seed);
    }
    if (status == BH_OK) {
        status = answer_layer(s, out, uploads);
    }
    if (status != BH_OK) {
        return status;
    }
    const bh_plan_layer *l = &s->plan->layers[s->layer];
    s->counter += l->ciphertexts_up;
    s->answers += l->ciphertexts_down;
    s->layer = (s->layer + 1) % s->plan->n_layers;
    if (s->layer == 0) {
        bh_wipe(s->seed, sizeof s->seed);
    }
    return BH_OK;
}
