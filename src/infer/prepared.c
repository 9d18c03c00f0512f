// SPDX-License-Identifier: Apache-2.0
#include "infer/prepared.h"

#include <string.h>

#include "base/memory.h"
#include "model/draw.h"

bh_status bh_maker_init(bh_maker *m, const bh_he *he)
{
    m->poly = bh_alloc(bh_he_degree(he), sizeof *m->poly);
    bh_status status = m->poly != NULL ? bh_workspace_new(&m->work, he) : BH_ERR_NOMEM;
    return status == BH_OK ? bh_stream_new(&m->stream) : status;
}

void bh_maker_clear(bh_maker *m)
{
    bh_workspace_free(m->work);
    bh_stream_free(m->stream);
    bh_free(m->poly);
    *m = (bh_maker){0};
}

static bh_status init(bh_prepared *unit, size_t n_weights, size_t n_bias)
{
    unit->weights = bh_alloc(n_weights, sizeof *unit->weights);
    unit->bias = bh_alloc(n_bias, sizeof *unit->bias);
    return unit->weights != NULL && unit->bias != NULL ? BH_OK : BH_ERR_NOMEM;
}

bh_status bh_prepared_init(bh_prepared *unit, const bh_plan *plan,
                           const bh_model *model)
{
    size_t n_weights = 0, n_bias = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        // Members differ in nothing that a size depends on.
        const bh_int_posterior *p = bh_model_integer(model, 0, i);
        n_weights = p->n_weights > n_weights ? p->n_weights : n_weights;
        n_bias = p->n_bias > n_bias ? p->n_bias : n_bias;
    }
    return init(unit, n_weights, n_bias);
}

static size_t factor_words(const bh_plan *plan, uint32_t layer)
{
    const bh_linear *l = &plan->layers[layer].linear;
    return (size_t)l->in_blocks * l->out_blocks * bh_he_factor_words(plan->he);
}

bh_status bh_prepared_init_ahead(bh_prepared *unit, const bh_plan *plan,
                                 const bh_model *model, uint32_t layer)
{
    const bh_int_posterior *p = bh_model_integer(model, 0, layer);
    bh_status status = init(unit, p->n_weights, p->n_bias);
    unit->layer = layer;
    unit->factors = bh_alloc(factor_words(plan, layer), sizeof *unit->factors);
    unit->n_zeros = plan->layers[layer].linear.n_answers;
    unit->zeros = bh_alloc(unit->n_zeros, sizeof(bh_zero *));
    if (unit->factors == NULL || unit->zeros == NULL) {
        return BH_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < unit->n_zeros && status == BH_OK; i++) {
        status = bh_zero_new(&unit->zeros[i], plan->he);
    }
    return status;
}

uint64_t bh_prepared_bytes_ahead(const bh_plan *plan, const bh_model *model,
                                 uint32_t layer)
{
    const bh_int_posterior *p = bh_model_integer(model, 0, layer);
    return (p->n_weights + p->n_bias) * sizeof(int32_t) +
           factor_words(plan, layer) * sizeof(uint64_t) +
           plan->layers[layer].linear.n_answers *
               (sizeof(bh_zero *) + bh_zero_bytes(plan->he));
}

void bh_prepared_clear(bh_prepared *unit)
{
    bh_free(unit->weights);
    bh_free(unit->bias);
    bh_free(unit->factors);
    for (uint32_t i = 0; unit->zeros != NULL && i < unit->n_zeros; i++) {
        bh_zero_free(unit->zeros[i]);
    }
    bh_free(unit->zeros);
    bh_wipe(unit, sizeof *unit);
}

static bh_status draw(bh_prepared *unit, bh_maker *m, const bh_int_posterior *p)
{
    bh_stream_key key;
    bh_status status = bh_draw_key(&key, unit->seed);
    if (status == BH_OK) {
        status = bh_stream_start(m->stream, &key,
                                 bh_stream_number(unit->layer, unit->sample, 0));
    }
    if (status == BH_OK) {
        status = bh_draw_weights(p, unit->weights, 0, p->n_weights, m->stream);
    }
    if (status == BH_OK) {
        status = bh_draw_bias(p, unit->bias, m->stream);
    }
    bh_wipe(&key, sizeof key);
    return status;
}

static bh_status transform(bh_prepared *unit, bh_maker *m, const bh_plan *plan)
{
    const bh_linear *l = &plan->layers[unit->layer].linear;
    uint64_t *factor = unit->factors;
    for (uint32_t o = 0; o < l->out_blocks; o++) {
        for (uint32_t i = 0; i < l->in_blocks; i++) {
            bh_linear_pack_weights(l, m->poly, unit->weights, i, o);
            bh_factor_make(plan->he, factor, m->poly);
            factor += bh_he_factor_words(plan->he);
        }
    }
    bh_status status = BH_OK;
    for (uint32_t a = 0; a < unit->n_zeros && status == BH_OK; a++) {
        bh_answer_number number = {unit->layer, unit->sample, a};
        status = bh_zero_make(unit->zeros[a], m->work, &unit->keys, number,
                              bh_linear_n_places(l, a));
    }
    return status;
}

bh_status bh_prepared_make(bh_prepared *unit, bh_maker *m, const bh_plan *plan,
                           const bh_model *model, const uint8_t seed[BH_SEED_BYTES],
                           uint32_t layer, uint32_t sample)
{
    unit->layer = layer;
    unit->sample = sample;
    memcpy(unit->seed, seed, BH_SEED_BYTES);
    bh_status status = bh_answer_keys_init(&unit->keys, seed);
    if (status == BH_OK) {
        status = draw(unit, m, bh_model_integer(model, sample, layer));
    }
    return status == BH_OK && unit->factors != NULL ? transform(unit, m, plan) : status;
}

bh_status bh_prepared_multiply(const bh_prepared *unit, bh_maker *m,
                               const bh_plan *plan, bh_upload *const *uploads,
                               uint32_t answer)
{
    const bh_linear *linear = &plan->layers[unit->layer].linear;
    uint32_t out_block = answer % linear->out_blocks;
    size_t words = bh_he_factor_words(plan->he);
    bh_status status = BH_OK;
    uploads += bh_linear_first_upload(linear, answer);
    bh_answer_begin(m->work);
    for (uint32_t b = 0; b < linear->in_blocks && status == BH_OK; b++) {
        if (unit->factors != NULL) {
            size_t at = ((size_t)out_block * linear->in_blocks + b) * words;
            status = bh_answer_add_factor(m->work, uploads[b], unit->factors + at);
        } else {
            int32_t *poly = bh_answer_weights(m->work);
            bh_linear_pack_weights(linear, poly, unit->weights, b, out_block);
            status = bh_answer_add_product(m->work, uploads[b], poly);
        }
    }
    return status;
}

void bh_prepared_wipe(bh_prepared *unit, const bh_plan *plan, const bh_model *model)
{
    const bh_int_posterior *p = bh_model_integer(model, unit->sample, unit->layer);
    bh_wipe(unit->weights, p->n_weights * sizeof *unit->weights);
    bh_wipe(unit->bias, p->n_bias * sizeof *unit->bias);
    bh_wipe(unit->seed, sizeof unit->seed);
    bh_wipe(&unit->keys, sizeof unit->keys);
    if (unit->factors != NULL) {
        bh_wipe(unit->factors, factor_words(plan, unit->layer) * sizeof *unit->factors);
    }
    for (uint32_t i = 0; i < unit->n_zeros; i++) {
        bh_zero_wipe(unit->zeros[i]);
    }
}
