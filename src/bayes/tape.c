// SPDX-License-Identifier: Apache-2.0
#include "bayes/tape.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool take(bh_real **out, size_t len)
{
    *out = bh_alloc(len, sizeof **out);
    return *out != NULL;
}

static bool take_layer(bh_tape *t, uint32_t i, bool trains)
{
    const bh_layer *layer = &t->graph->layers[i];
    const bh_layer_room room = bh_layer_room_of(layer);
    bh_layer_state *state = &t->state[i];
    bool ok = take(&t->value[i + 1], bh_shape_len(layer->out) * BH_LANES);
    if (bh_layer_is_linear(layer)) {
        ok = ok && take(&state->planes, room.planes);
    }
    if (trains) {
        ok = ok && take(&t->grad[i + 1], bh_shape_len(layer->out) * BH_LANES);
    }
    if (trains && bh_layer_is_linear(layer)) {
        ok = ok && take(&state->second, room.planes) &&
             take(&state->signs, room.planes) && take(&state->gain, room.outputs);
    }
    return ok;
}

static bool take_scratch(bh_tape *t)
{
    bh_layer_room most = {0};
    for (uint32_t i = 0; i < t->graph->n_layers; i++) {
        const bh_layer_room room = bh_layer_room_of(&t->graph->layers[i]);
        most.inputs = larger(most.inputs, room.inputs);
        most.outputs = larger(most.outputs, room.outputs);
        most.spread = larger(most.spread, room.spread);
        most.flipped = larger(most.flipped, room.flipped);
    }
    bh_layer_scratch *s = &t->scratch;
    return take(&s->product, most.outputs) && take(&s->pull, most.outputs) &&
           take(&s->inner, most.inputs) && take(&s->planes, most.spread) &&
           take(&s->flipped, most.flipped);
}

size_t bh_graph_params_len(const bh_graph *graph)
{
    size_t len = 0;
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        const bh_layer *layer = &graph->layers[i];
        if (bh_layer_is_linear(layer)) {
            len += bh_layer_weights_len(layer) + bh_layer_bias_len(layer);
        }
    }
    return len;
}

bh_status bh_tape_init(bh_tape *t, const bh_graph *graph, bool trains)
{
    *t = (bh_tape){.graph = graph, .scratch.kernels = bh_train_kernels_pick()};
    bool ok = take(&t->value[0], bh_shape_len(graph->input.shape) * BH_LANES);
    for (uint32_t i = 0; i < graph->n_layers && ok; i++) {
        const bh_layer *layer = &graph->layers[i];
        t->param_at[i] = t->n_params;
        if (bh_layer_is_linear(layer)) {
            t->n_params += bh_layer_weights_len(layer) + bh_layer_bias_len(layer);
        }
        ok = take_layer(t, i, trains);
    }
    if (!ok || (trains && !take_scratch(t))) {
        bh_tape_clear(t);
        return BH_ERR_NOMEM;
    }
    return BH_OK;
}

void bh_tape_clear(bh_tape *t)
{
    for (size_t i = 0; i <= BH_GRAPH_LAYERS_MAX; i++) {
        bh_free(t->value[i]);
        bh_free(t->grad[i]);
    }
    for (size_t i = 0; i < BH_GRAPH_LAYERS_MAX; i++) {
        bh_free(t->state[i].planes);
        bh_free(t->state[i].second);
        bh_free(t->state[i].signs);
        bh_free(t->state[i].gain);
    }
    bh_free(t->scratch.product);
    bh_free(t->scratch.pull);
    bh_free(t->scratch.inner);
    bh_free(t->scratch.planes);
    bh_free(t->scratch.flipped);
    *t = (bh_tape){0};
}

// The parameters of layer i in a vector of all; NULL stays NULL.
static const bh_real *of_layer(const bh_tape *t, const bh_real *params, uint32_t i)
{
    return params != NULL ? params + t->param_at[i] : NULL;
}

void bh_tape_forward(bh_tape *t, bh_pass pass, const bh_real *a, const bh_real *b)
{
    for (uint32_t i = 0; i < t->graph->n_layers; i++) {
        bh_layer_forward(&t->graph->layers[i], &t->state[i], &t->scratch, pass,
                         t->value[i + 1], t->value[i], of_layer(t, a, i),
                         of_layer(t, b, i));
    }
}

// Softmax with the largest logit taken off, so that no exponential overflows.
static double image_loss(bh_real *grad, size_t *hits, const bh_real *logits,
                         size_t label, size_t classes, double scale)
{
    size_t top = 0;
    for (size_t c = 1; c < classes; c++) {
        top = logits[c * BH_LANES] > logits[top * BH_LANES] ? c : top;
    }
    const double most = (double)logits[top * BH_LANES];
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        sum += exp((double)logits[c * BH_LANES] - most);
    }
    const double log_sum = log(sum) + most;
    for (size_t c = 0; c < classes; c++) {
        double p = exp((double)logits[c * BH_LANES] - log_sum);
        grad[c * BH_LANES] = (bh_real)(scale * (p - (c == label ? 1 : 0)));
    }
    *hits += top == label;
    return log_sum - (double)logits[label * BH_LANES];
}

double bh_tape_loss(bh_tape *t, size_t *hits, const uint8_t *labels, size_t count,
                    const double *weights, double scale)
{
    const size_t classes = t->graph->n_classes;
    const bh_real *logits = t->value[t->graph->n_layers];
    bh_real *grad = t->grad[t->graph->n_layers];
    double loss = 0;
    memset(grad, 0, classes * BH_LANES * sizeof *grad);
    for (size_t i = 0; i < count; i++) {
        const double weight = weights != NULL ? weights[labels[i]] : 1;
        loss += weight * image_loss(grad + i, hits, logits + i, labels[i], classes,
                                    weight * scale);
    }
    return loss;
}

void bh_tape_backward(bh_tape *t, bh_pass pass, bh_real *d_a, bh_real *d_b,
                      const bh_real *a, const bh_real *b)
{
    const uint32_t first = bh_graph_linear_index(t->graph, 0);
    for (uint32_t i = t->graph->n_layers; i-- > first;) {
        // Nobody asks for the gradient in the input of the first linear layer.
        bh_real *d_in = i > first ? t->grad[i] : NULL;
        bh_real *d_second = d_b != NULL ? d_b + t->param_at[i] : NULL;
        bh_layer_backward(&t->graph->layers[i], &t->state[i], &t->scratch, pass, d_in,
                          d_a + t->param_at[i], d_second, t->grad[i + 1],
                          t->value[i + 1], t->value[i], of_layer(t, a, i),
                          of_layer(t, b, i));
    }
}
