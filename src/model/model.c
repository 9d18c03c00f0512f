// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "base/memory.h"
#include "model/integer.h"

static bh_status new_posterior(bh_posterior *p, const bh_layer *layer)
{
    p->n_weights = bh_layer_weights_len(layer);
    p->n_bias = bh_layer_bias_len(layer);
    p->mean = bh_alloc(p->n_weights + p->n_bias, sizeof *p->mean);
    p->dev = bh_alloc(p->n_weights + p->n_bias, sizeof *p->dev);
    return p->mean != NULL && p->dev != NULL ? BH_OK : BH_ERR_NOMEM;
}

static bh_status fill(bh_model *m, const bh_graph *graph, uint32_t members)
{
    m->graph = *graph;
    m->members = members;
    m->graph.quantised = false;
    bh_status status = bh_graph_check(&m->graph, NULL);
    if (status != BH_OK) {
        return status;
    }
    uint32_t n_linear = bh_graph_linear_count(&m->graph);
    m->posterior = bh_alloc((size_t)members * n_linear, sizeof *m->posterior);
    if (m->posterior == NULL) {
        return BH_ERR_NOMEM;
    }
    for (uint32_t k = 0; k < members * n_linear && status == BH_OK; k++) {
        uint32_t at = bh_graph_linear_index(&m->graph, k % n_linear);
        status = new_posterior(&m->posterior[k], &m->graph.layers[at]);
    }
    return status;
}

bh_status bh_model_new(bh_model **out, const bh_graph *graph, uint32_t members)
{
    *out = NULL;
    if (members < 1 || members > BH_MODEL_MEMBERS_MAX) {
        return BH_ERR_ARG;
    }
    bh_model *m = bh_alloc(1, sizeof *m);
    bh_status status = m != NULL ? fill(m, graph, members) : BH_ERR_NOMEM;
    if (status != BH_OK) {
        bh_model_free(m);
        m = NULL;
    }
    *out = m;
    return status;
}

void bh_model_free(bh_model *m)
{
    if (m == NULL) {
        return;
    }
    // The graph may be one that was refused where there are no posteriors.
    uint32_t count =
        m->posterior != NULL ? m->members * bh_graph_linear_count(&m->graph) : 0;
    for (uint32_t k = 0; k < count; k++) {
        bh_free(m->posterior[k].mean);
        bh_free(m->posterior[k].dev);
    }
    bh_free(m->posterior);
    bh_integer_free(m->integer, count);
    bh_free(m);
}

static size_t place(const bh_model *m, uint32_t sample, uint32_t i)
{
    return (size_t)(sample % m->members) * bh_graph_linear_count(&m->graph) + i;
}

bh_posterior *bh_model_posterior(const bh_model *m, uint32_t sample, uint32_t i)
{
    return &m->posterior[place(m, sample, i)];
}

bh_int_posterior *bh_model_integer(const bh_model *m, uint32_t sample, uint32_t i)
{
    return &m->integer[place(m, sample, i)];
}

size_t bh_model_input_len(const bh_model *m)
{
    return bh_shape_len(m->graph.input.shape);
}

size_t bh_model_classes(const bh_model *m)
{
    return m->graph.n_classes;
}
