// SPDX-License-Identifier: Apache-2.0
#include "base/ct.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"
#include "infer/sampled.h"
#include "model/segment.h"

bh_status bh_sampled_client_init(bh_sampled_client *c, const bh_plan *plan,
                                 const bh_secret_key *sk, const bh_uniform *uniform)
{
    *c = (bh_sampled_client){.plan = plan, .sk = sk, .uniform = uniform};
    size_t x_len = 0, y_len = 0; // of all samples: the largest layer's
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        size_t in = bh_linear_in_len(&l->linear) * l->repeats.inputs;
        size_t out = bh_linear_out_len(&l->linear) * l->repeats.samples;
        x_len = in > x_len ? in : x_len;
        y_len = out > y_len ? out : y_len;
    }
    const bh_graph *g = plan->graph;
    c->real = bh_alloc(bh_shape_len(g->input.shape), sizeof *c->real);
    c->x = bh_alloc(x_len, sizeof *c->x);
    c->y = bh_alloc(y_len, sizeof *c->y);
    c->scratch = bh_alloc(bh_segment_scratch_len(g), sizeof *c->scratch);
    c->logits = bh_alloc(plan->samples, g->n_classes * sizeof *c->logits);
    return c->real != NULL && c->x != NULL && c->y != NULL && c->scratch != NULL &&
                   c->logits != NULL
               ? BH_OK
               : BH_ERR_NOMEM;
}

void bh_sampled_client_clear(bh_sampled_client *c)
{
    bh_free(c->real);
    bh_free(c->x);
    bh_free(c->y);
    bh_free(c->scratch);
    bh_free(c->logits);
    *c = (bh_sampled_client){0};
}

void bh_sampled_client_start(bh_sampled_client *c, const uint8_t *pixels)
{
    c->layer = 0;
    bh_normalise_pixels(c->plan->graph, c->real, pixels);
    bh_quantise_input(c->plan->graph, c->x, c->real);
}

bh_status bh_sampled_client_upload(bh_sampled_client *c, bh_writer *out)
{
    const bh_he *he = c->plan->he;
    const bh_plan_layer *l = &c->plan->layers[c->layer];
    size_t poly_bytes = bh_he_poly_bytes(he), in_len = bh_linear_in_len(&l->linear);
    uint8_t *bytes = bh_writer_extend(out, (size_t)l->bytes_up);
    int64_t *poly = bh_alloc(bh_he_degree(he), sizeof *poly);
    bh_status status = bytes != NULL && poly != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < l->ciphertexts_up && status == BH_OK; i++) {
        const int64_t *input = c->x + i / l->linear.n_uploads * in_len;
        bh_linear_pack_input(&l->linear, poly, input, i % l->linear.n_uploads);
        status = bh_encrypt(c->sk, bytes + i * poly_bytes, c->uniform, c->counter + i,
                            poly, l->t_bits);
    }
    // Moved on even after a failure: no uniform part may serve twice (R8).
    c->counter += l->ciphertexts_up;
    bh_free(poly);
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

static bh_status decrypt(bh_sampled_client *c, const uint8_t *answers)
{
    const bh_he *he = c->plan->he;
    const bh_plan_layer *l = &c->plan->layers[c->layer];
    const bh_graph *g = c->plan->graph;
    uint64_t acc_max = g->layers[bh_graph_linear_index(g, c->layer)].quant.acc_max;
    size_t n = bh_he_degree(he), out_len = bh_linear_out_len(&l->linear);
    uint32_t *places = bh_alloc(n, sizeof *places);
    int64_t *values = bh_alloc(n, sizeof *values);
    bh_status status = places != NULL && values != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < l->ciphertexts_down && status == BH_OK; i++) {
        uint32_t sample = i / l->linear.n_answers, answer = i % l->linear.n_answers;
        size_t n_places = bh_linear_places(&l->linear, places, answer);
        status = bh_decrypt(c->sk, values, answers, places, n_places, l->t_bits);
        clamp_results(values, n_places, acc_max);
        bh_linear_unpack(&l->linear, c->y + sample * out_len, values, answer);
        answers += bh_he_answer_bytes(he, n_places, l->t_bits);
    }
    for (uint32_t s = 0; s < c->plan->samples && status == BH_OK; s++) {
        BH_HOOK_CALL(on_output, c->layer, s, c->y + s * out_len, out_len);
    }
    bh_free(values);
    bh_free(places);
    return status;
}

// The segment between this layer and the next, for every sample.
static void run_segments(bh_sampled_client *c)
{
    size_t in_len = bh_linear_in_len(&c->plan->layers[c->layer + 1].linear);
    size_t out_len = bh_linear_out_len(&c->plan->layers[c->layer].linear);
    for (uint32_t s = 0; s < c->plan->samples; s++) {
        bh_segment_run(c->plan->graph, c->layer, c->x + s * in_len, c->y + s * out_len,
                       c->scratch);
    }
}

static void fill_logits(bh_sampled_client *c)
{
    const bh_graph *g = c->plan->graph;
    size_t n = (size_t)c->plan->samples * g->n_classes;
    // The result belongs to the caller; what happens to it is no longer constant time.
    BH_DECLASSIFY(c->y, n * sizeof *c->y);
    for (size_t i = 0; i < n; i++) {
        c->logits[i] = (double)c->y[i] * bh_graph_logit_scale(g);
    }
}

bh_status bh_sampled_client_take(bh_sampled_client *c, bool *done,
                                 const uint8_t *answers)
{
    bh_status status = decrypt(c, answers);
    if (status != BH_OK) {
        return status;
    }
    c->answers += c->plan->layers[c->layer].ciphertexts_down;
    *done = c->layer + 1 == c->plan->n_layers;
    if (*done) {
        fill_logits(c);
    } else {
        run_segments(c);
        c->layer++;
    }
    return BH_OK;
}
