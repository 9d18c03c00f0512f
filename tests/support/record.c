// SPDX-License-Identifier: Apache-2.0
#include "support/record.h"

#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/draw.h"
#include "model/input.h"
#include "support/test.h"

static void *copy(const void *from, size_t len, size_t size)
{
    void *to = bh_alloc(len, size);
    assert_non_null(to);
    memcpy(to, from, len * size);
    return to;
}

static void keep_weights(void *user, uint32_t layer, uint32_t sample,
                         const int32_t *weights, size_t n_weights, const int32_t *bias,
                         size_t n_bias)
{
    record *r = user;
    uint32_t at = layer * r->samples + sample;
    assert_null(r->weights[at]); // drawn once per query, layer and sample
    r->weights[at] = copy(weights, n_weights, sizeof *weights);
    r->bias[at] = copy(bias, n_bias, sizeof *bias);
}

static void keep_output(void *user, uint32_t layer, uint32_t sample,
                        const int64_t *values, size_t len)
{
    record *r = user;
    uint32_t at = layer * r->samples + sample;
    assert_null(r->outputs[at]);
    r->outputs[at] = copy(values, len, sizeof *values);
    r->output_lengths[at] = len;
}

static void keep_shares(void *user, bool is_client, uint32_t layer, int stage,
                        const uint32_t *shares, size_t len)
{
    record *r = user;
    assert_null(r->shares[is_client][stage][layer]);
    r->shares[is_client][stage][layer] = copy(shares, len, sizeof *shares);
    assert_true(r->lengths[stage][layer] == 0 || r->lengths[stage][layer] == len);
    r->lengths[stage][layer] = len;
}

static void keep_input(record *r, const bh_graph *g, const uint8_t *pixels)
{
    size_t len = bh_shape_len(g->input.shape);
    float *real = bh_alloc(len, sizeof *real);
    r->input = bh_alloc(len, sizeof *r->input);
    bh_normalise_pixels(g, real, pixels);
    bh_quantise_input(g, r->input, real);
    bh_free(real);
}

static void take_room(record *r)
{
    size_t n = (size_t)r->n_layers * r->samples;
    r->weights = bh_alloc(n, sizeof(void *));
    r->bias = bh_alloc(n, sizeof(void *));
    r->outputs = bh_alloc(n, sizeof(void *));
    r->output_lengths = bh_alloc(n, sizeof *r->output_lengths);
    for (int stage = 0; stage < RECORD_STAGES; stage++) {
        r->shares[0][stage] = bh_alloc(r->n_layers, sizeof(void *));
        r->shares[1][stage] = bh_alloc(r->n_layers, sizeof(void *));
        r->lengths[stage] = bh_alloc(r->n_layers, sizeof(size_t));
    }
}

static void watch(record *r)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_weights = r != NULL ? keep_weights : NULL;
    hooks->on_output = r != NULL ? keep_output : NULL;
    hooks->on_shares = r != NULL ? keep_shares : NULL;
    hooks->user = r;
}

void record_query(record *r, session *p, const bh_model *model, const uint8_t *pixels,
                  size_t chunk)
{
    const bh_graph *g = &model->graph;
    bh_error err = {0};
    *r = (record){.n_layers = bh_graph_linear_count(g),
                  .samples = bh_client_get_facts(p->client).samples};
    take_room(r);
    keep_input(r, g, pixels);
    watch(r);
    if (session_query(p, pixels, chunk, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    watch(NULL);
    assert_int_equal(bh_client_get_state(p->client), BH_CLIENT_READY);
    assert_ok(bh_client_get_result(p->client, &r->result));
}

void record_clear(record *r)
{
    for (size_t i = 0; i < (size_t)r->n_layers * r->samples; i++) {
        bh_free(r->weights[i]);
        bh_free(r->bias[i]);
        bh_free(r->outputs[i]);
    }
    for (int stage = 0; stage < RECORD_STAGES; stage++) {
        for (uint32_t i = 0; i < r->n_layers; i++) {
            bh_free(r->shares[0][stage][i]);
            bh_free(r->shares[1][stage][i]);
        }
        bh_free(r->shares[0][stage]);
        bh_free(r->shares[1][stage]);
        bh_free(r->lengths[stage]);
    }
    bh_free(r->weights);
    bh_free(r->bias);
    bh_free(r->outputs);
    bh_free(r->output_lengths);
    bh_free(r->input);
}

// Beyond six deviations, and what rounding to the grid moves.
static bool is_foreign(int64_t drawn, int64_t mean, int64_t dev, int64_t max)
{
    const int64_t unit = 1 << BH_DRAW_FRACTION_BITS, reach = BH_DRAW_CLIP * dev + unit;
    return (drawn * unit < mean - reach && drawn < max) ||
           (drawn * unit > mean + reach && drawn > -max);
}

size_t record_count_foreign(const record *r, const bh_model *model)
{
    size_t count = 0;
    for (uint32_t i = 0; i < r->n_layers; i++) {
        for (uint32_t s = 0; s < r->samples; s++) {
            const bh_int_posterior *p = bh_model_integer(model, s, i);
            const int32_t *weights = r->weights[i * r->samples + s];
            const int32_t *bias = r->bias[i * r->samples + s];
            for (size_t k = 0; k < p->n_weights; k++) {
                count += is_foreign(weights[k], p->weight_mean[k], p->weight_dev[k],
                                    p->w_max);
            }
            for (size_t k = 0; k < p->n_bias; k++) {
                count +=
                    is_foreign(bias[k], p->bias_mean[k], p->bias_dev[k], INT32_MAX);
            }
        }
    }
    return count;
}
