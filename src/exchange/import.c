// SPDX-License-Identifier: Apache-2.0
#include "exchange/import.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "exchange/layout.h"

typedef struct importer {
    const bh_tensors *tensors;
    const bh_found *found;
    bool has_dev;
    double dev_share;
    float *values; // a tensor as it is in the file
    bh_error *err;
} importer;

// Reads a tensor of the wanted shape into im->values.
static bh_status read_shaped(const importer *im, const bh_tensor *t,
                             const uint64_t *shape, unsigned rank,
                             const bh_layer *layer)
{
    char has[BH_SHAPE_TEXT_BYTES], wanted[BH_SHAPE_TEXT_BYTES];
    if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof *shape) != 0) {
        return bh_fail(
            im->err, BH_ERR_ENCODING,
            "%s: tensor \"%.60s\" has shape %s; the network's %s takes %s",
            im->tensors->path, t->name, bh_shape_text(has, t->shape, t->rank),
            bh_layer_kind_name(layer->kind), bh_shape_text(wanted, shape, rank));
    }
    return bh_tensor_floats(im->values, im->tensors, t, im->err);
}

static bh_status to_devs(const importer *im, const bh_tensor *t)
{
    for (size_t i = 0; i < t->count; i++) {
        double x = (double)im->values[i];
        im->values[i] = (float)bh_transform_apply(im->found->transform, x);
        if (!isfinite(im->values[i]) || im->values[i] < 0) {
            return bh_fail(im->err, BH_ERR_ENCODING,
                           "%s: tensor \"%.60s\" holds %g, which gives no deviation: "
                           "does the transform fit (--map)?",
                           im->tensors->path, t->name, x);
        }
    }
    return BH_OK;
}

static bh_status fill_weights(const importer *im, bh_posterior *p, const bh_layout *to,
                              const bh_found_layer *from)
{
    uint64_t shape[4];
    unsigned rank = bh_layout_shape(shape, to);
    bh_status status = read_shaped(im, from->weight, shape, rank, to->layer);
    for (size_t i = 0; i < p->n_weights && status == BH_OK; i++) {
        p->mean[i] = im->values[bh_layout_place(to, i)];
    }
    if (status != BH_OK || from->weight_dev == NULL) {
        return status;
    }
    status = read_shaped(im, from->weight_dev, shape, rank, to->layer);
    status = status == BH_OK ? to_devs(im, from->weight_dev) : status;
    for (size_t i = 0; i < p->n_weights && status == BH_OK; i++) {
        p->dev[i] = im->values[bh_layout_place(to, i)];
    }
    return status;
}

static bh_status fill_biases(const importer *im, bh_posterior *p, const bh_layout *to,
                             const bh_found_layer *from)
{
    const uint64_t shape[1] = {p->n_bias};
    const size_t len = p->n_bias * sizeof(float);
    if (from->bias == NULL) {
        return BH_OK;
    }
    bh_status status = read_shaped(im, from->bias, shape, 1, to->layer);
    if (status != BH_OK) {
        return status;
    }
    memcpy(p->mean + p->n_weights, im->values, len);
    if (from->bias_dev == NULL) {
        return BH_OK;
    }
    status = read_shaped(im, from->bias_dev, shape, 1, to->layer);
    status = status == BH_OK ? to_devs(im, from->bias_dev) : status;
    if (status == BH_OK) {
        memcpy(p->dev + p->n_weights, im->values, len);
    }
    return status;
}

// Of a new model: what is not filled is zero.
static bh_status fill_layer(importer *im, bh_posterior *p, const bh_layout *to,
                            const bh_found_layer *from)
{
    const size_t len = p->n_weights + p->n_bias;
    im->values = bh_alloc(len, sizeof *im->values);
    if (im->values == NULL) {
        return bh_fail_plain(im->err, BH_ERR_NOMEM);
    }
    bh_status status = fill_weights(im, p, to, from);
    status = status == BH_OK ? fill_biases(im, p, to, from) : status;
    bh_free(im->values);
    for (size_t i = 0; i < len && !im->has_dev && status == BH_OK; i++) {
        p->dev[i] = (float)(im->dev_share * fabs((double)p->mean[i]));
    }
    return status;
}

static uint32_t count_kind(const bh_graph *g, bh_layer_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        count += g->layers[i].kind == kind;
    }
    return count;
}

static bool is_of_kind(const bh_found_layer *l, bh_layer_kind kind)
{
    return l->weight->rank == (kind == BH_LAYER_CONV2D ? 4 : 2);
}

static bh_status check_counts(const importer *im, const bh_graph *g)
{
    const bh_found *f = im->found;
    uint32_t conv = count_kind(g, BH_LAYER_CONV2D), found = 0;
    for (uint32_t i = 0; i < f->n_layers; i++) {
        found += is_of_kind(&f->layers[i], BH_LAYER_CONV2D);
    }
    if (found != conv || f->n_layers - found != count_kind(g, BH_LAYER_FC)) {
        return bh_fail(im->err, BH_ERR_ENCODING,
                       "%s has %u convolutions and %u fully connected layers; %s has "
                       "%u and %u",
                       im->tensors->path, found, f->n_layers - found, g->name, conv,
                       count_kind(g, BH_LAYER_FC));
    }
    return BH_OK;
}

static bh_status check_share(const importer *im)
{
    if (im->has_dev && !isnan(im->dev_share)) {
        return bh_fail(im->err, BH_ERR_ARG,
                       "%s holds deviations: --moped is for files without",
                       im->tensors->path);
    }
    if (!im->has_dev && !(im->dev_share >= 0 && im->dev_share <= 1)) {
        return bh_fail(im->err, BH_ERR_ARG,
                       "%s holds no deviations: --moped says what share of its size, "
                       "from 0 to 1, each weight's shall be",
                       im->tensors->path);
    }
    return BH_OK;
}

bh_status bh_import(bh_model *m, const bh_tensors *tensors, const bh_found *found,
                    double dev_share, bh_error *err)
{
    importer im = {tensors, found, bh_found_has_dev(found), dev_share, NULL, err};
    uint32_t next[2] = {0}; // of fully connected layers, of convolutions
    bh_status status = check_share(&im);
    status = status == BH_OK ? check_counts(&im, &m->graph) : status;
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph) && status == BH_OK; i++) {
        bh_layout to = bh_layout_of(&m->graph, i, found->keras);
        uint32_t *at = &next[to.layer->kind == BH_LAYER_CONV2D];
        while (!is_of_kind(&found->layers[*at], to.layer->kind)) {
            (*at)++;
        }
        status =
            fill_layer(&im, bh_model_posterior(m, 0, i), &to, &found->layers[(*at)++]);
    }
    return status;
}
