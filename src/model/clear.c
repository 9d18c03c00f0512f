// SPDX-License-Identifier: Apache-2.0
#include "model/clear.h"

#include "base/memory.h"
#include "model/input.h"
#include "model/integer.h"
#include "model/segment.h"
#include "model/taps.h"

// Adds weight * input to every output of one channel for one tap (a, b) of the kernel.
static void add_tap(const bh_layer *layer, int64_t *out, const int64_t *in, uint32_t a,
                    uint32_t b, int64_t weight)
{
    bh_span rows = bh_tap_span(layer, a, layer->in.height, layer->out.height);
    bh_span columns = bh_tap_span(layer, b, layer->in.width, layer->out.width);
    for (uint32_t i = rows.first; i < rows.end; i++) {
        size_t row = (size_t)i * layer->stride + a - layer->pad;
        const int64_t *in_row = in + row * layer->in.width;
        int64_t *out_row = out + (size_t)i * layer->out.width;
        for (uint32_t j = columns.first; j < columns.end; j++) {
            out_row[j] += weight * in_row[(size_t)j * layer->stride + b - layer->pad];
        }
    }
}

static void conv(const bh_layer *layer, int64_t *out, const int64_t *in,
                 const int32_t *weights, const int32_t *bias)
{
    size_t in_plane = (size_t)layer->in.height * layer->in.width;
    size_t out_plane = (size_t)layer->out.height * layer->out.width;
    for (uint32_t o = 0; o < layer->out_channels; o++, out += out_plane) {
        for (size_t i = 0; i < out_plane; i++) {
            out[i] = bias[o];
        }
        for (uint32_t c = 0; c < layer->in.channels; c++) {
            for (uint32_t a = 0; a < layer->kernel_h; a++) {
                for (uint32_t b = 0; b < layer->kernel_w; b++) {
                    add_tap(layer, out, in + c * in_plane, a, b, *weights++);
                }
            }
        }
    }
}

void bh_clear_linear(const bh_layer *layer, int64_t *out, const int64_t *in,
                     const int32_t *weights, const int32_t *bias)
{
    if (layer->kind == BH_LAYER_CONV2D) {
        conv(layer, out, in, weights, bias);
        return;
    }
    for (uint32_t o = 0; o < layer->out_channels; o++) {
        int64_t sum = bias[o];
        for (uint32_t i = 0; i < layer->in.channels; i++) {
            sum += (int64_t)*weights++ * in[i];
        }
        out[o] = sum;
    }
}

// The buffers of one inference: the longest tensor and the largest weight set.
typedef struct workspace {
    int64_t *x, *acc, *scratch;
    int32_t *weights, *bias;
} workspace;

static void workspace_clear(workspace *w)
{
    bh_free(w->x);
    bh_free(w->acc);
    bh_free(w->scratch);
    bh_free(w->weights);
    bh_free(w->bias);
}

static bh_status workspace_init(workspace *w, const bh_model *m)
{
    size_t tensor = bh_model_input_len(m), weights = 0, bias = 0;
    for (uint32_t i = 0; i < m->graph.n_layers; i++) {
        size_t len = bh_shape_len(m->graph.layers[i].out);
        tensor = len > tensor ? len : tensor;
    }
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i); // all members have as many
        weights = p->n_weights > weights ? p->n_weights : weights;
        bias = p->n_bias > bias ? p->n_bias : bias;
    }
    w->x = bh_alloc(tensor, sizeof *w->x);
    w->acc = bh_alloc(tensor, sizeof *w->acc);
    w->scratch = bh_alloc(bh_segment_scratch_len(&m->graph), sizeof *w->scratch);
    w->weights = bh_alloc(weights, sizeof *w->weights);
    w->bias = bh_alloc(bias, sizeof *w->bias);
    return w->x != NULL && w->acc != NULL && w->scratch != NULL && w->weights != NULL &&
                   w->bias != NULL
               ? BH_OK
               : BH_ERR_NOMEM;
}

static bh_status run_sample(const bh_model *m, workspace *w, double *logits,
                            const float *input, const uint8_t seed[32], uint32_t sample)
{
    const bh_graph *g = &m->graph;
    uint32_t n_linear = bh_graph_linear_count(g);
    bh_quantise_input(g, w->x, input);
    for (uint32_t i = 0; i < n_linear; i++) {
        bh_status status = bh_draw_layer(bh_model_integer(m, sample, i), w->weights,
                                         w->bias, seed, i, sample);
        if (status != BH_OK) {
            return status;
        }
        bh_clear_linear(&g->layers[bh_graph_linear_index(g, i)], w->acc, w->x,
                        w->weights, w->bias);
        if (i + 1 < n_linear) {
            bh_segment_run(g, i, w->x, w->acc, w->scratch);
        }
    }
    double scale = bh_graph_logit_scale(g);
    for (uint32_t c = 0; c < g->n_classes; c++) {
        logits[c] = (double)w->acc[c] * scale;
    }
    return BH_OK;
}

bh_status bh_model_infer_clear(const bh_model *m, double *logits, const float *input,
                               size_t samples, const uint8_t seed[32])
{
    if (!m->graph.quantised) {
        return BH_ERR_STATE;
    }
    if (samples > UINT16_MAX) {
        return BH_ERR_ARG;
    }
    size_t classes = bh_model_classes(m);
    workspace w = {0};
    bh_status status = workspace_init(&w, m);
    for (size_t s = 0; s < samples && status == BH_OK; s++) {
        status = run_sample(m, &w, logits + s * classes, input, seed, (uint32_t)s);
    }
    workspace_clear(&w);
    for (size_t i = 0; i < samples * classes && status != BH_OK; i++) {
        logits[i] = 0;
    }
    return status;
}
