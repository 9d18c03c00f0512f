// SPDX-License-Identifier: Apache-2.0
#include "bayes/tape.h"

#include <math.h>

#include "base/memory.h"
#include "bayes/layers.h"

static bh_status take_memory(bh_tape *t)
{
    const bh_graph *g = t->graph;
    size_t columns_len = 1;
    bool failed = false;
    for (uint32_t i = 0; i <= g->n_layers; i++) {
        size_t len = bh_shape_len(i == 0 ? g->input.shape : g->layers[i - 1].out);
        t->value[i] = bh_alloc(t->capacity * len, sizeof(bh_real));
        t->grad[i] = bh_alloc(t->capacity * len, sizeof(bh_real));
        failed = failed || t->value[i] == NULL || t->grad[i] == NULL;
        size_t needed = i == 0 ? 0 : bh_train_layer_columns_len(&g->layers[i - 1]);
        columns_len = needed > columns_len ? needed : columns_len;
    }
    t->columns = bh_alloc(columns_len, sizeof(bh_real));
    return failed || t->columns == NULL ? BH_ERR_NOMEM : BH_OK;
}

bh_status bh_tape_init(bh_tape *t, const bh_graph *graph, size_t capacity)
{
    *t = (bh_tape){.graph = graph, .capacity = capacity};
    for (uint32_t i = 0; i < bh_graph_linear_count(graph); i++) {
        uint32_t at = bh_graph_linear_index(graph, i);
        const bh_layer *layer = &graph->layers[at];
        t->param_at[at] = t->n_params;
        t->n_params += bh_layer_weights_len(layer) + bh_layer_bias_len(layer);
    }
    bh_status status = take_memory(t);
    if (status != BH_OK) {
        bh_tape_clear(t);
    }
    return status;
}

void bh_tape_clear(bh_tape *t)
{
    for (size_t i = 0; i <= BH_GRAPH_LAYERS_MAX; i++) {
        bh_free(t->value[i]);
        bh_free(t->grad[i]);
    }
    bh_free(t->columns);
    *t = (bh_tape){0};
}

void bh_tape_forward(bh_tape *t, const bh_real *params, size_t count)
{
    for (uint32_t i = 0; i < t->graph->n_layers; i++) {
        bh_train_layer_forward(&t->graph->layers[i], t->value[i + 1], t->columns,
                               t->value[i], params + t->param_at[i], count);
    }
}

// One image of bh_tape_loss: softmax with the largest logit taken off, so that no
// exponential overflows.
static double image_loss(bh_real *grad, size_t *hits, const bh_real *logits,
                         size_t label, size_t classes, double scale)
{
    size_t top = 0;
    for (size_t c = 1; c < classes; c++) {
        top = logits[c] > logits[top] ? c : top;
    }
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        sum += exp((double)logits[c] - (double)logits[top]);
    }
    double log_sum = log(sum) + (double)logits[top];
    for (size_t c = 0; c < classes; c++) {
        double p = exp((double)logits[c] - log_sum);
        grad[c] = (bh_real)(scale * (p - (c == label ? 1 : 0)));
    }
    *hits += top == label;
    return log_sum - (double)logits[label];
}

double bh_tape_loss(bh_tape *t, size_t *hits, const uint8_t *labels, size_t count,
                    double scale)
{
    const size_t classes = t->graph->n_classes;
    const bh_real *logits = t->value[t->graph->n_layers];
    bh_real *grad = t->grad[t->graph->n_layers];
    double loss = 0;
    *hits = 0;
    for (size_t i = 0; i < count; i++) {
        loss += image_loss(grad + i * classes, hits, logits + i * classes, labels[i],
                           classes, scale);
    }
    return loss;
}

void bh_tape_backward(bh_tape *t, bh_real *d_params, const bh_real *params,
                      size_t count)
{
    const uint32_t first = bh_graph_linear_index(t->graph, 0);
    for (uint32_t i = t->graph->n_layers; i-- > first;) {
        // Nobody asks for the gradient in the input of the first linear layer.
        bh_real *d_in = i > first ? t->grad[i] : NULL;
        bh_train_layer_backward(&t->graph->layers[i], d_in, d_params + t->param_at[i],
                                t->columns, t->grad[i + 1], t->value[i],
                                params + t->param_at[i], count);
    }
}
