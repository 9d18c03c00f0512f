// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "exchange/import.h"
#include "exchange/layout.h"

#define PER_LAYER 4 // tensors: weights and biases, means and deviations

typedef struct exporter {
    const bh_library *library;
    size_t count;
    size_t raised; // deviations
    bh_tensor_source tensors[PER_LAYER * BH_GRAPH_LAYERS_MAX];
    char names[PER_LAYER * BH_GRAPH_LAYERS_MAX][BH_PATTERN_BYTES];
    float *values[PER_LAYER * BH_GRAPH_LAYERS_MAX]; // owned
} exporter;

// The next tensor, with room for its values; NULL without memory.
static float *add(exporter *e, const char *pattern, bh_layer_name layer,
                  const uint64_t *shape, unsigned rank, size_t len)
{
    size_t at = e->count;
    bh_tensor_source *t = &e->tensors[at];
    e->values[at] = bh_alloc(len, sizeof(float));
    if (e->values[at] == NULL) {
        return NULL;
    }
    t->name = bh_pattern_fill(e->names[at], pattern, layer);
    t->rank = rank;
    memcpy(t->shape, shape, rank * sizeof *shape);
    t->values = e->values[at];
    e->count++;
    return e->values[at];
}

static float stored_dev(exporter *e, float dev)
{
    bh_transform transform = e->library->transform;
    e->raised += (double)dev < bh_transform_least(transform);
    return (float)bh_transform_invert(transform, (double)dev);
}

static bh_status add_weights(exporter *e, const bh_posterior *p, const bh_layout *to,
                             bh_layer_name layer)
{
    const bh_library *lib = e->library;
    const bool conv = to->layer->kind == BH_LAYER_CONV2D;
    uint64_t shape[4];
    unsigned rank = bh_layout_shape(shape, to);
    float *mean =
        add(e, conv ? lib->conv_mean : lib->fc_mean, layer, shape, rank, p->n_weights);
    for (size_t i = 0; i < p->n_weights && mean != NULL; i++) {
        mean[bh_layout_place(to, i)] = p->mean[i];
    }
    if (mean == NULL || !lib->has_dev) {
        return mean != NULL ? BH_OK : BH_ERR_NOMEM;
    }
    float *dev =
        add(e, conv ? lib->conv_dev : lib->fc_dev, layer, shape, rank, p->n_weights);
    for (size_t i = 0; i < p->n_weights && dev != NULL; i++) {
        dev[bh_layout_place(to, i)] = stored_dev(e, p->dev[i]);
    }
    return dev != NULL ? BH_OK : BH_ERR_NOMEM;
}

static bool has_point_biases(const bh_posterior *p)
{
    for (size_t i = 0; i < p->n_bias; i++) {
        if (p->dev[p->n_weights + i] > 0) {
            return false;
        }
    }
    return true;
}

static bh_status add_biases(exporter *e, const bh_posterior *p, bh_layer_name layer)
{
    const bh_library *lib = e->library;
    const uint64_t shape[1] = {p->n_bias};
    float *mean = add(e, lib->bias_mean, layer, shape, 1, p->n_bias);
    if (mean == NULL) {
        return BH_ERR_NOMEM;
    }
    memcpy(mean, p->mean + p->n_weights, p->n_bias * sizeof *mean);
    if (!lib->has_dev || (lib->point_bias && has_point_biases(p))) {
        return BH_OK;
    }
    float *dev = add(e, lib->bias_dev, layer, shape, 1, p->n_bias);
    for (size_t i = 0; i < p->n_bias && dev != NULL; i++) {
        dev[i] = stored_dev(e, p->dev[p->n_weights + i]);
    }
    return dev != NULL ? BH_OK : BH_ERR_NOMEM;
}

static bh_status add_layers(exporter *e, const bh_model *m)
{
    unsigned seen[2] = {0}; // fully connected layers, convolutions
    bh_status status = BH_OK;
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph) && status == BH_OK; i++) {
        bh_layout to = bh_layout_of(&m->graph, i, e->library->keras);
        bool conv = to.layer->kind == BH_LAYER_CONV2D;
        char name[16];
        int len =
            snprintf(name, sizeof name, "%s%u", conv ? "conv" : "fc", ++seen[conv]);
        bh_layer_name layer = {name, (size_t)len};
        status = add_weights(e, bh_model_posterior(m, 0, i), &to, layer);
        status = status == BH_OK ? add_biases(e, bh_model_posterior(m, 0, i), layer)
                                 : status;
    }
    return status;
}

bh_status bh_export(bh_writer *w, size_t *raised, const bh_model *m, const char *format,
                    bh_error *err)
{
    const bh_library *library = bh_library_find(format);
    *raised = 0;
    if (library == NULL) {
        return bh_fail(err, BH_ERR_ARG,
                       "unknown format \"%.40s\"; known are " BH_LIBRARY_NAMES, format);
    }
    if (m->members > 1) {
        return bh_fail(
            err, BH_ERR_ARG,
            "the model is an ensemble of %u networks: these formats hold one",
            m->members);
    }
    exporter *e = bh_alloc(1, sizeof *e);
    if (e == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    e->library = library;
    bh_status status = add_layers(e, m);
    if (status == BH_OK) {
        status = bh_tensors_write(w, e->tensors, e->count);
    }
    *raised = e->raised;
    for (size_t i = 0; i < e->count; i++) {
        bh_free(e->values[i]);
    }
    bh_free(e);
    return status == BH_OK ? BH_OK : bh_fail_plain(err, status);
}
