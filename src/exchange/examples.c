// SPDX-License-Identifier: Apache-2.0
// Whether the imported means answer as the program that they come from.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "exchange/import.h"
#include "model/reals.h"

// Of a pixel from 0 to 1, normalised in floats elsewhere with rounded constants.
#define PIXEL_ROUNDING 1e-3

// A tensor of `len` numbers for each of its first dimension.
static bh_status read_rows(float **out, size_t *count, const bh_tensors *tensors,
                           const char *name, size_t len, bh_error *err)
{
    const bh_tensor *t = bh_tensors_find(tensors, name);
    if (t == NULL) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "%s has no tensor \"%s\": examples are \"input\" and \"output\"",
                       tensors->path, name);
    }
    *count = t->count / len;
    if (t->rank < 2 || t->count == 0 || t->shape[0] != *count || t->count % len != 0) {
        char shape[BH_SHAPE_TEXT_BYTES];
        return bh_fail(
            err, BH_ERR_ENCODING,
            "%s: tensor \"%s\" has shape %s; the network has %zu numbers for "
            "each example",
            tensors->path, name, bh_shape_text(shape, t->shape, t->rank), len);
    }
    *out = bh_alloc(t->count, sizeof **out);
    return *out != NULL ? bh_tensor_floats(*out, tensors, t, err)
                        : bh_fail_plain(err, BH_ERR_NOMEM);
}

bh_status bh_examples_read(bh_examples *out, const bh_tensors *tensors,
                           const bh_model *m, bh_error *err)
{
    size_t answers = 0;
    *out = (bh_examples){0};
    bh_status status = read_rows(&out->inputs, &out->count, tensors, "input",
                                 bh_model_input_len(m), err);
    if (status == BH_OK) {
        status = read_rows(&out->outputs, &answers, tensors, "output",
                           bh_model_classes(m), err);
    }
    if (status == BH_OK && answers != out->count) {
        status = bh_fail(err, BH_ERR_ENCODING, "%s has %zu inputs and %zu outputs",
                         tensors->path, out->count, answers);
    }
    if (status != BH_OK) {
        bh_examples_clear(out);
    }
    return status;
}

void bh_examples_clear(bh_examples *examples)
{
    bh_free(examples->inputs);
    bh_free(examples->outputs);
    *examples = (bh_examples){0};
}

bh_status bh_examples_check_range(const bh_examples *examples, const bh_model *m,
                                  bh_error *err)
{
    const bh_input *in = &m->graph.input;
    const size_t plane = (size_t)in->shape.height * in->shape.width;
    if (in->normalise != BH_NORMALISE_FIXED) {
        return BH_OK; // an image's own scale has no fixed range
    }
    for (size_t i = 0; i < examples->count * bh_model_input_len(m); i++) {
        const uint32_t c = (uint32_t)(i / plane % in->shape.channels);
        const double mean = (double)in->mean[c], dev = (double)in->dev[c];
        const double x = (double)examples->inputs[i], pixel = x * dev + mean;
        if (pixel < -PIXEL_ROUNDING || pixel > 1 + PIXEL_ROUNDING) {
            return bh_fail(
                err, BH_ERR_RANGE,
                "an input of the examples is %.4g, but pixels become %.4g to "
                "%.4g in channel %u: do --input-mean and --input-dev fit?",
                x, -mean / dev, (1 - mean) / dev, c);
        }
    }
    return BH_OK;
}

// The means' logits, which are in one of the two buffers.
static const float *run(const bh_model *m, const float *input, float *const buffers[2])
{
    const float *in = input;
    for (uint32_t at = 0, i = 0; at < m->graph.n_layers; at++) {
        const bh_layer *layer = &m->graph.layers[at];
        bool linear = bh_layer_is_linear(layer);
        bh_reals_layer(layer, buffers[at % 2], in,
                       linear ? bh_model_posterior(m, 0, i++)->mean : NULL);
        in = buffers[at % 2];
    }
    return in;
}

static bh_status compare(double *out, const bh_examples *e, const bh_model *m,
                         float *const buffers[2], bh_error *err)
{
    double difference = 0, largest = 0;
    size_t classes = bh_model_classes(m);
    for (size_t i = 0; i < e->count; i++) {
        const float *wanted = e->outputs + i * classes;
        const float *logits = run(m, e->inputs + i * bh_model_input_len(m), buffers);
        for (size_t k = 0; k < classes; k++) {
            const double d = fabs((double)logits[k] - (double)wanted[k]);
            if (!isfinite(d)) {
                return bh_fail(err, BH_ERR_RANGE,
                               "the imported means answer example %zu by a logit that "
                               "is not finite",
                               i);
            }
            difference = fmax(difference, d);
            largest = fmax(largest, fabs((double)wanted[k]));
        }
    }
    *out = difference > 0 ? difference / largest : 0;
    return BH_OK;
}

bh_status bh_examples_compare(double *difference, const bh_examples *examples,
                              const bh_model *m, bh_error *err)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < m->graph.n_layers; i++) {
        size_t len = bh_shape_len(m->graph.layers[i].out);
        longest = len > longest ? len : longest;
    }
    float *buffers[2] = {bh_alloc(longest, sizeof(float)),
                         bh_alloc(longest, sizeof(float))};
    *difference = 0;
    bh_status status = buffers[0] != NULL && buffers[1] != NULL
                           ? compare(difference, examples, m, buffers, err)
                           : bh_fail_plain(err, BH_ERR_NOMEM);
    bh_free(buffers[0]);
    bh_free(buffers[1]);
    return status;
}
