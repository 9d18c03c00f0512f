// SPDX-License-Identifier: Apache-2.0
#include "subject.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/draw.h"
#include "model/input.h"
#include "model/synthetic.h"

enum { DRAWS = 64, SYNTHETIC_SEED = 1 };

bool subject_take(const char *command, subject_options *o, int option,
                  const char *value)
{
    uint64_t number = 0;
    bool ok = true;
    switch (option) {
    case SUBJECT_NET:
        o->net = value;
        break;
    case SUBJECT_MODEL:
        o->model = value;
        break;
    case SUBJECT_GUARD:
        ok = cli_guard(command, value, &o->guard);
        break;
    case SUBJECT_SAMPLES:
        ok = cli_number(command, "--samples", value, 1, BH_SAMPLES_MAX, &number);
        o->samples = (uint32_t)number;
        break;
    default:
        ok = false;
    }
    return ok;
}

bool subject_is_named(const char *command, const subject_options *o)
{
    return cli_one_model(command, o->model, o->net);
}

const char *subject_name(const subject_options *o)
{
    return o->net != NULL ? o->net : o->model;
}

bh_status subject_load(bh_model **out, const subject_options *o, bh_error *err)
{
    return o->net != NULL ? bh_model_synthetic(out, o->net, SYNTHETIC_SEED, err)
                          : bh_model_load(out, o->model, err);
}

static void remove_deviations(bh_model *m)
{
    for (uint32_t k = 0; k < m->members * bh_graph_linear_count(&m->graph); k++) {
        bh_int_posterior *p = &m->integer[k];
        memset(p->weight_dev, 0, p->n_weights * sizeof *p->weight_dev);
        memset(p->bias_dev, 0, p->n_bias * sizeof *p->bias_dev);
    }
}

// A smooth pattern: noise would saturate the activations of a trained network.
static void fill_pixels(subject *s)
{
    bh_shape shape = s->model->graph.input.shape;
    size_t i = 0;
    for (uint32_t c = 0; c < shape.channels; c++) {
        for (uint32_t y = 0; y < shape.height; y++) {
            for (uint32_t x = 0; x < shape.width; x++) {
                s->pixels[i++] = (uint8_t)(128 + 127 * sin(0.4 * x) * cos(0.3 * y + c));
            }
        }
    }
}

// Mean and deviation of each logit, from draws [DRAWS][n_classes].
static void fill_statistics(subject *s, const double *draws)
{
    for (size_t k = 0; k < s->n_classes; k++) {
        double sum = 0, squares = 0;
        for (size_t d = 0; d < DRAWS; d++) {
            sum += draws[d * s->n_classes + k];
        }
        s->mean[k] = sum / DRAWS;
        for (size_t d = 0; d < DRAWS; d++) {
            double off = draws[d * s->n_classes + k] - s->mean[k];
            squares += off * off;
        }
        s->dev[k] = sqrt(squares / (DRAWS - 1));
    }
}

static bh_status infer(subject *s, float *input, double *draws)
{
    const uint8_t seed[BH_SEED_BYTES] = {0};
    bh_normalise_pixels(&s->model->graph, input, s->pixels);
    bh_status status = bh_model_infer_clear(s->twin, s->certain, input, 1, seed);
    if (status == BH_OK) {
        status = bh_model_infer_clear(s->model, draws, input, DRAWS, seed);
    }
    if (status == BH_OK) {
        fill_statistics(s, draws);
    }
    return status;
}

bh_status subject_init(subject *s, const subject_options *o, bh_error *err)
{
    *s = (subject){0};
    bh_status status = subject_load(&s->model, o, err);
    if (status == BH_OK) {
        status = subject_load(&s->twin, o, err);
    }
    if (status != BH_OK) {
        return status;
    }
    if (!s->model->graph.quantised) {
        return bh_fail(err, BH_ERR_STATE, "the model is not quantised");
    }
    size_t len = bh_model_input_len(s->model);
    s->n_classes = bh_model_classes(s->model);
    s->pixels = bh_alloc(len, 1);
    s->certain = bh_alloc(s->n_classes, sizeof *s->certain);
    s->mean = bh_alloc(s->n_classes, sizeof *s->mean);
    s->dev = bh_alloc(s->n_classes, sizeof *s->dev);
    float *input = bh_alloc(len, sizeof *input);
    double *draws = bh_alloc(DRAWS * s->n_classes, sizeof *draws);
    status = BH_ERR_NOMEM;
    if (s->pixels != NULL && s->certain != NULL && s->mean != NULL && s->dev != NULL &&
        input != NULL && draws != NULL) {
        remove_deviations(s->twin);
        fill_pixels(s);
        status = infer(s, input, draws);
    }
    bh_free(input);
    bh_free(draws);
    return status == BH_OK ? BH_OK : bh_fail_plain(err, status);
}

void subject_clear(subject *s)
{
    bh_model_free(s->model);
    bh_model_free(s->twin);
    bh_free(s->pixels);
    bh_free(s->certain);
    bh_free(s->mean);
    bh_free(s->dev);
    *s = (subject){0};
}

bool subject_is_exact(const subject *s, const double *logits, size_t samples)
{
    bool same = true;
    for (size_t i = 0; i < samples * s->n_classes; i++) {
        same = same && logits[i] == s->certain[i % s->n_classes];
    }
    return same;
}

bool subject_is_near(const subject *s, const double *logits, size_t samples)
{
    double least = INFINITY, most = -INFINITY, off = 0;
    for (size_t k = 0; k < s->n_classes; k++) {
        least = fmin(least, s->certain[k]);
        most = fmax(most, s->certain[k]);
    }
    for (size_t i = 0; i < samples * s->n_classes; i++) {
        off = fmax(off, fabs(logits[i] - s->certain[i % s->n_classes]));
    }
    return off <= (most - least) / 16;
}

bool subject_is_likely(const subject *s, const double *logits, size_t samples)
{
    bool likely = true;
    double unit = bh_graph_logit_scale(&s->model->graph);
    for (size_t k = 0; k < s->n_classes; k++) {
        double sum = 0;
        for (size_t i = 0; i < samples; i++) {
            sum += logits[i * s->n_classes + k];
        }
        // Both means deviate, the one of the draws that these are compared with too.
        double off = sum / (double)samples - s->mean[k];
        double dev = s->dev[k] * sqrt(1 / (double)samples + 1.0 / DRAWS);
        likely = likely && fabs(off) <= 8 * dev + unit;
    }
    return likely;
}
