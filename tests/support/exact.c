// SPDX-License-Identifier: Apache-2.0
#include "support/exact.h"

#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/clear.h"
#include "model/segment.h"
#include "support/test.h"

// What the hooks saw of one query: weights at the server, outputs at the client.
typedef struct record {
    uint32_t n_layers, samples;
    int32_t **weights, **bias; // [layer * samples + sample]
    int64_t **outputs;
    size_t *lengths;
} record;

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
    r->lengths[at] = len;
}

static void record_init(record *r, uint32_t n_layers, uint32_t samples)
{
    size_t n = (size_t)n_layers * samples;
    *r = (record){.n_layers = n_layers, .samples = samples};
    r->weights = bh_alloc(n, sizeof(void *));
    r->bias = bh_alloc(n, sizeof(void *));
    r->outputs = bh_alloc(n, sizeof(void *));
    r->lengths = bh_alloc(n, sizeof *r->lengths);
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_weights = keep_weights;
    hooks->on_output = keep_output;
    hooks->user = r;
}

static void record_clear(record *r)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_weights = NULL;
    hooks->on_output = NULL;
    hooks->user = NULL;
    for (size_t i = 0; i < (size_t)r->n_layers * r->samples; i++) {
        bh_free(r->weights[i]);
        bh_free(r->bias[i]);
        bh_free(r->outputs[i]);
    }
    bh_free(r->weights);
    bh_free(r->bias);
    bh_free(r->outputs);
    bh_free(r->lengths);
}

// Clear inference of one sample; compares each layer's output.
static size_t compare_sample(const record *r, const bh_graph *g, uint32_t sample,
                             const int64_t *input, const double *logits)
{
    size_t compared = 0, len = BH_GRAPH_VALUES_MAX;
    int64_t *x = bh_alloc(len, sizeof *x), *y = bh_alloc(len, sizeof *y);
    int64_t *scratch = bh_alloc(bh_segment_scratch_len(g), sizeof *scratch);
    memcpy(x, input, bh_shape_len(g->input.shape) * sizeof *x);
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        uint32_t at = i * r->samples + sample;
        assert_non_null(r->weights[at]);
        bh_clear_linear(layer, y, x, r->weights[at], r->bias[at]);
        assert_int_equal(r->lengths[at], bh_shape_len(layer->out));
        for (size_t k = 0; k < r->lengths[at]; k++) {
            if (r->outputs[at][k] != y[k]) {
                fail_msg("layer %u sample %u output %zu: encrypted %lld, clear %lld", i,
                         sample, k, (long long)r->outputs[at][k], (long long)y[k]);
            }
        }
        compared += r->lengths[at];
        if (i + 1 < r->n_layers) {
            bh_segment_run(g, i, x, y, scratch);
        }
    }
    for (size_t k = 0; k < g->n_classes; k++) {
        double want = (double)y[k] * bh_graph_logit_scale(g);
        assert_memory_equal(&logits[k], &want, sizeof want);
    }
    bh_free(x);
    bh_free(y);
    bh_free(scratch);
    return compared;
}

size_t exact_query(session *p, const bh_model *model, const uint8_t *pixels,
                   size_t chunk)
{
    const bh_graph *g = &model->graph;
    bh_client_result result;
    record r;
    size_t len = bh_shape_len(g->input.shape), compared = 0;
    record_init(&r, bh_graph_linear_count(g), bh_client_get_facts(p->client).samples);
    bh_error err = {0};
    if (session_query(p, pixels, chunk, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(bh_client_get_state(p->client), BH_CLIENT_READY);
    assert_ok(bh_client_get_result(p->client, &result));
    float *real = bh_alloc(len, sizeof *real);
    int64_t *input = bh_alloc(len, sizeof *input);
    bh_normalise_pixels(g, real, pixels);
    bh_quantise_input(g, input, real);
    for (uint32_t s = 0; s < r.samples; s++) {
        compared += compare_sample(&r, g, s, input, result.logits + s * g->n_classes);
    }
    bh_free(input);
    bh_free(real);
    record_clear(&r);
    return compared;
}
