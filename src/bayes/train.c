// SPDX-License-Identifier: Apache-2.0
//
// Two phases (docs/training.md). Ordinary training finds weights; they become the
// means, with small deviations, and Bayes by Backprop trains both. Weights are drawn
// anew for every CHUNK images: the more draws a step averages over, the less noise its
// gradient has, and a chunk's values stay in the cache.
#include "bayes/train.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bayes/adam.h"
#include "bayes/batch.h"
#include "bayes/clock.h"
#include "bayes/options.h"
#include "bayes/tape.h"
#include "bayes/variational.h"
#include "model/input.h"

#define CHUNK           32
#define CALIBRATION     1000 // images that choose the ranges of the activations
#define FIRST_DEV_SHARE 0.1  // deviation at the start, of the mean's size
#define FIRST_DEV_MIN   1e-3
#define PI              3.14159265358979323846

typedef struct trainer {
    bh_model *model;
    const bh_images *images;
    const bh_train_options *options;
    bh_pixel_table table;
    bh_tape tape;
    bh_variational posterior;
    bh_adam mean_adam, rho_adam;
    bh_real *d_weights;
    uint32_t *order; // of the images in this epoch
    uint8_t labels[CHUNK];
    bh_train_rng rng;
    bh_train_clock clock;
} trainer;

// A run of epochs with a learning rate that falls to zero along half a cosine.
typedef struct phase {
    bool bayesian;
    uint64_t step, steps;
} phase;

static void trainer_clear(trainer *t)
{
    bh_tape_clear(&t->tape);
    bh_variational_clear(&t->posterior);
    bh_adam_clear(&t->mean_adam);
    bh_adam_clear(&t->rho_adam);
    bh_free(t->d_weights);
    bh_free(t->order);
}

static bh_status trainer_init(trainer *t)
{
    bh_status status = bh_tape_init(&t->tape, &t->model->graph, CHUNK);
    const size_t n = t->tape.n_params;
    status = status == BH_OK ? bh_variational_init(&t->posterior, n) : status;
    status = status == BH_OK ? bh_adam_init(&t->mean_adam, n) : status;
    status = status == BH_OK ? bh_adam_init(&t->rho_adam, n) : status;
    if (status != BH_OK) {
        return status;
    }
    t->d_weights = bh_alloc(n, sizeof *t->d_weights);
    t->order = bh_alloc(t->images->count, sizeof *t->order);
    if (t->d_weights == NULL || t->order == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_pixel_table_init(&t->table, &t->model->graph.input);
    t->rng = bh_train_rng_make(t->options->seed);
    return BH_OK;
}

// Weights of variance 2 / fan-in (He et al., ICCV 2015) and no biases.
static void set_first_means(trainer *t)
{
    const bh_graph *g = &t->model->graph;
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        uint32_t at = bh_graph_linear_index(g, i);
        size_t len = bh_layer_weights_len(&g->layers[at]);
        bh_real *mean = t->posterior.mean + t->tape.param_at[at];
        bh_real size = (bh_real)sqrt(2.0 * g->layers[at].out_channels / (double)len);
        bh_train_rng_normals(&t->rng, mean, len);
        for (size_t j = 0; j < len; j++) {
            mean[j] *= size;
        }
    }
}

// One chunk of a batch; adds to the posterior's gradients, returns the sum of losses.
static double run_chunk(trainer *t, size_t *hits, const uint32_t *order, size_t count,
                        double scale, bool bayesian)
{
    bh_variational *v = &t->posterior;
    const bh_real *weights = bayesian ? v->drawn : v->mean;
    bh_real *gradient = bayesian ? t->d_weights : v->d_mean;
    if (bayesian) {
        bh_variational_draw(v, &t->rng);
        memset(t->d_weights, 0, v->len * sizeof *t->d_weights);
    }
    bh_batch_fill(t->tape.value[0], t->labels, t->images, &t->table, &t->rng, order,
                  count, t->options->shift_max);
    bh_tape_forward(&t->tape, weights, count);
    double loss = bh_tape_loss(&t->tape, hits, t->labels, count, scale);
    bh_tape_backward(&t->tape, gradient, weights, count);
    if (bayesian) {
        bh_variational_add(v, t->d_weights);
    }
    return loss;
}

static void update(trainer *t, const phase *ph)
{
    bh_variational *v = &t->posterior;
    const bh_train_options *o = t->options;
    const double done = (double)ph->step / (double)ph->steps;
    const double rate = o->learning_rate * 0.5 * (1 + cos(PI * done));
    if (ph->bayesian) {
        // The divergence enters over the first third, while the deviations settle.
        double warm = fmin(1, 3 * done);
        bh_variational_finish(v, o->prior_dev,
                              warm * o->kl_weight / (double)t->images->count);
        bh_adam_step(&t->rho_adam, v->rho, v->d_rho, rate);
        bh_variational_refresh(v);
    }
    bh_adam_step(&t->mean_adam, v->mean, v->d_mean, rate);
}

static double run_step(trainer *t, size_t *hits, const uint32_t *order, size_t count,
                       const phase *ph)
{
    double loss = 0;
    *hits = 0;
    bh_variational_start(&t->posterior);
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t len = count - at < CHUNK ? count - at : CHUNK;
        size_t chunk_hits;
        loss +=
            run_chunk(t, &chunk_hits, order + at, len, 1 / (double)count, ph->bayesian);
        *hits += chunk_hits;
    }
    update(t, ph);
    return loss;
}

static uint64_t steps_per_epoch(const trainer *t)
{
    return (t->images->count + t->options->batch - 1) / t->options->batch;
}

static void run_phase(trainer *t, uint32_t epochs, bool bayesian)
{
    const size_t n = t->images->count, batch = t->options->batch;
    phase ph = {.bayesian = bayesian, .steps = epochs * steps_per_epoch(t)};
    for (uint32_t e = 0; e < epochs; e++) {
        bh_train_rng_order(&t->rng, t->order, n);
        bh_train_clock_epoch(&t->clock);
        for (size_t at = 0; at < n; at += batch) {
            size_t count = n - at < batch ? n - at : batch;
            size_t hits;
            double loss = run_step(t, &hits, t->order + at, count, &ph);
            ph.step++;
            bh_train_clock_step(&t->clock, loss, hits, count, at + count == n);
        }
    }
}

static void run_phases(trainer *t)
{
    const bh_train_options *o = t->options;
    const uint32_t half = o->epochs / 2;
    const uint32_t ordinary = o->pretrain_epochs < half ? o->pretrain_epochs : half;
    t->clock = bh_train_clock_make(o, o->epochs * steps_per_epoch(t));
    set_first_means(t);
    run_phase(t, ordinary, false);
    bh_variational_set_dev(&t->posterior, FIRST_DEV_SHARE, FIRST_DEV_MIN);
    bh_adam_reset(&t->mean_adam);
    run_phase(t, o->epochs - ordinary, true);
}

static bh_status store_posterior(trainer *t, bh_error *err)
{
    const bh_graph *g = &t->model->graph;
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        bh_posterior *to = &t->model->posterior[i];
        size_t at = t->tape.param_at[bh_graph_linear_index(g, i)];
        for (size_t j = 0; j < to->n_weights + to->n_bias; j++) {
            to->mean[j] = (float)t->posterior.mean[at + j];
            to->dev[j] = (float)t->posterior.dev[at + j];
            if (!isfinite(to->mean[j]) || !isfinite(to->dev[j])) {
                return bh_fail(err, BH_ERR_RANGE,
                               "training diverged: lower the learning rate");
            }
        }
    }
    return BH_OK;
}

static bh_status quantise(trainer *t, bh_error *err)
{
    const size_t len = bh_shape_len(t->images->shape);
    const size_t n = t->images->count < CALIBRATION ? t->images->count : CALIBRATION;
    float *inputs = bh_alloc(n * len, sizeof *inputs);
    if (inputs == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    // `order` holds the last epoch's random order: the first n are a random sample.
    for (size_t i = 0; i < n; i++) {
        const uint8_t *pixels = t->images->pixels + t->order[i] * len;
        bh_normalise_pixels(&t->model->graph, inputs + i * len, pixels);
    }
    bh_status status = bh_model_quantise(t->model, inputs, n, 8, 8, err);
    bh_free(inputs);
    return status;
}

bh_status bh_train(bh_model *m, const bh_images *images,
                   const bh_train_options *options, bh_error *err)
{
    bh_status status = bh_train_check(&m->graph, images, options, err);
    if (status != BH_OK) {
        return status;
    }
    trainer t = {.model = m, .images = images, .options = options};
    status = trainer_init(&t);
    if (status != BH_OK) {
        trainer_clear(&t);
        return bh_fail_plain(err, status);
    }
    // One thread: the order of additions, and so the result, must not vary.
    const int threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    run_phases(&t);
    openblas_set_num_threads(threads);
    status = store_posterior(&t, err);
    status = status == BH_OK ? quantise(&t, err) : status;
    trainer_clear(&t);
    return status;
}
