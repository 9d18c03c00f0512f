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

static bh_status fill(bh_model *m, const bh_graph *graph)
{
    m->graph = *graph;
    m->graph.quantised = false;
    bh_status status = bh_graph_check(&m->graph, NULL);
    if (status != BH_OK) {
        return status;
    }
    uint32_t n_linear = bh_graph_linear_count(&m->graph);
    m->posterior = bh_alloc(n_linear, sizeof *m->posterior);
    if (m->posterior == NULL) {
        return BH_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n_linear && status == BH_OK; i++) {
        status = new_posterior(&m->posterior[i],
                               &m->graph.layers[bh_graph_linear_index(&m->graph, i)]);
    }
    return status;
}

bh_status bh_model_new(bh_model **out, const bh_graph *graph)
{
    bh_model *m = bh_alloc(1, sizeof *m);
    bh_status status = m != NULL ? fill(m, graph) : BH_ERR_NOMEM;
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
    uint32_t n_linear = m->posterior != NULL ? bh_graph_linear_count(&m->graph) : 0;
    for (uint32_t i = 0; i < n_linear; i++) {
        bh_free(m->posterior[i].mean);
        bh_free(m->posterior[i].dev);
    }
    bh_free(m->posterior);
    bh_integer_free(m->integer, n_linear);
    bh_free(m);
}

size_t bh_model_input_len(const bh_model *m)
{
    return bh_shape_len(m->graph.input.shape);
}

size_t bh_model_classes(const bh_model *m)
{
    return m->graph.n_classes;
}
