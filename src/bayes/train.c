// SPDX-License-Identifier: Apache-2.0
// Members one after the other; of each, ordinary epochs and then Bayesian ones, every
// phase with its own learning rate schedule (docs/training.md).
#include "bayes/train.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bayes/checkpoint.h"
#include "bayes/clock.h"
#include "bayes/metrics/metrics.h"
#include "bayes/metrics/scores.h"
#include "bayes/net_sample.h"
#include "bayes/options.h"
#include "bayes/rng.h"
#include "model/input.h"

#define CALIBRATION   1000 // images that choose the ranges of the activations
#define FIRST_DEV_MIN 1e-3
#define KL_DRAWS      1
#define PI            3.14159265358979323846

typedef struct session {
    bh_train_run run;
    bh_train_clock clock;
    uint32_t *order; // of the images in this epoch
    // Of the validation images:
    float *logits;
    double *probabilities;
    bh_score *scores;
} session;

// The first epochs of a member, at most half of them.
static uint32_t ordinary_epochs(const bh_train_options *o)
{
    if (!o->bayesian) {
        return o->epochs;
    }
    const uint32_t half = o->epochs / 2;
    const uint32_t wanted = o->init != NULL ? 0 : o->pretrain_epochs;
    return wanted < half ? wanted : half;
}

static double schedule_factor(bh_schedule schedule, double done)
{
    switch (schedule) {
    case BH_SCHEDULE_COSINE:
        return 0.5 * (1 + cos(PI * done));
    case BH_SCHEDULE_STEP:
        return done < 0.5 ? 1 : done < 0.75 ? 0.1 : 0.01;
    case BH_SCHEDULE_CONSTANT:
        break;
    }
    return 1;
}

// The step that comes next.
static bh_step next_step(const session *s)
{
    const bh_train_run *r = &s->run;
    const bh_train_options *o = r->options;
    const uint64_t per_epoch = bh_train_run_steps(r), left = r->images->count - r->at;
    const uint32_t ordinary = ordinary_epochs(o);
    bh_step step = {.bayesian = r->epoch >= ordinary};
    step.index = r->epoch * per_epoch + r->at / o->batch;
    const uint64_t begin = step.bayesian ? ordinary * per_epoch : 0;
    const uint32_t epochs = step.bayesian ? o->epochs - ordinary : ordinary;
    const double done = (double)(step.index - begin) / (double)(epochs * per_epoch);
    step.rate = o->learning_rate * schedule_factor(o->schedule, done);
    const double warm = o->kl_warmup > 0 ? fmin(1, done / o->kl_warmup) : 1;
    step.kl_scale = warm * o->kl_weight / (double)r->images->count;
    step.order = s->order + r->at;
    step.count = left < o->batch ? left : o->batch;
    return step;
}

static void first_weights(bh_train_run *r)
{
    bh_trainer *t = &r->trainer;
    const bh_model *init = r->options->init;
    bh_optimiser_reset(&t->mean_optimiser);
    if (init != NULL) {
        bh_train_run_load(r, init, r->member % init->members);
    } else {
        bh_trainer_first_means(t);
    }
    r->best_loss = INFINITY;
    r->stale = 0;
}

// What happens between epochs, before the first image of one.
static void begin_epoch(session *s)
{
    bh_train_run *r = &s->run;
    bh_trainer *t = &r->trainer;
    if (r->epoch == 0) {
        first_weights(r);
    }
    if (r->options->bayesian && r->epoch == ordinary_epochs(r->options)) {
        bh_variational_set_dev(&t->posterior, r->options->first_dev, FIRST_DEV_MIN);
        bh_trainer_refresh(t);
        bh_optimiser_reset(&t->mean_optimiser);
        bh_optimiser_reset(&t->rho_optimiser);
    }
    r->loss = 0;
    r->hits = 0;
}

static void set_order(session *s)
{
    const bh_train_run *r = &s->run;
    bh_train_rng rng = bh_train_rng_make(
        bh_train_seed(r->trainer.seed, BH_PURPOSE_ORDER, r->epoch, 0));
    bh_train_rng_order(&rng, s->order, r->images->count);
}

static bh_status validate(session *s)
{
    bh_train_run *r = &s->run;
    const bh_train_options *o = r->options;
    const bh_variational *v = &r->trainer.posterior;
    const bool bayesian = o->bayesian && r->epoch >= ordinary_epochs(o);
    const bh_real *mean = v->mean, *dev = v->dev;
    const bh_networks nets = {&r->model->graph, 1, &mean, bayesian ? &dev : NULL};
    const uint32_t samples = bayesian ? o->validation_samples : 1;
    const bh_images *images = o->validation;
    const size_t classes = r->model->graph.n_classes;
    bh_status status = bh_networks_sample(&nets, s->logits, images, 0, images->count,
                                          samples, r->trainer.seed, o->pool);
    if (status == BH_OK) {
        status = bh_scores_compute(s->probabilities, s->scores, s->logits,
                                   images->count, samples, classes);
    }
    if (status == BH_OK) {
        const bh_metrics m = bh_metrics_compute(s->probabilities, images->labels,
                                                images->count, classes);
        s->clock.progress.val_loss = m.nll;
        s->clock.progress.val_accuracy = m.accuracy;
        s->clock.progress.validated = true;
    }
    return status;
}

// Keeps the best weights; true where waiting for better ones is over.
static bool is_stale(bh_train_run *r, double val_loss)
{
    bh_variational *v = &r->trainer.posterior;
    if (r->options->patience == 0 ||
        (r->options->bayesian && r->epoch < ordinary_epochs(r->options))) {
        return false;
    }
    if (val_loss < r->best_loss) {
        r->best_loss = val_loss;
        r->stale = 0;
        memcpy(r->best_mean, v->mean, v->len * sizeof *v->mean);
        memcpy(r->best_rho, v->rho, v->len * sizeof *v->rho);
        return false;
    }
    return ++r->stale >= r->options->patience;
}

static bh_status fail_diverged(const bh_train_run *r, bh_error *err)
{
    return bh_fail(err, BH_ERR_RANGE,
                   "training diverged in epoch %u: lower the learning rate",
                   r->epoch + 1);
}

static bh_status end_epoch(session *s, const bh_step *last, bh_error *err)
{
    bh_train_run *r = &s->run;
    const bh_train_options *o = r->options;
    const bh_trainer *t = &r->trainer;
    bh_train_progress *p = &s->clock.progress;
    p->kl = 0;
    p->validated = false;
    if (last->bayesian) {
        p->kl =
            bh_variational_kl(&t->posterior, t->kernels, &o->prior, t->seed, KL_DRAWS);
    }
    if (!isfinite(r->loss) || !isfinite(p->kl)) {
        return fail_diverged(r, err);
    }
    bh_status status = o->validation != NULL ? validate(s) : BH_OK;
    if (status != BH_OK) {
        return status == BH_ERR_RANGE ? fail_diverged(r, err)
                                      : bh_fail_plain(err, status);
    }
    bh_train_clock_report(&s->clock, r, last, true);
    const bool stale = is_stale(r, p->val_loss);
    r->epoch = stale ? o->epochs : r->epoch + 1;
    r->at = 0;
    return o->checkpoint != NULL ? bh_checkpoint_save(r, o->checkpoint, err) : BH_OK;
}

static bh_status run_epoch(session *s, bh_error *err)
{
    bh_train_run *r = &s->run;
    const bh_train_options *o = r->options;
    if (r->at == 0) {
        begin_epoch(s);
    }
    set_order(s);
    for (;;) {
        bh_step step = next_step(s);
        bh_trainer_step(&r->trainer, &step);
        r->loss += step.loss;
        r->hits += step.hits;
        r->at += step.count;
        if (r->at == r->images->count) {
            return end_epoch(s, &step, err);
        }
        bh_train_clock_report(&s->clock, r, &step, false);
        if (o->should_stop != NULL && o->should_stop(o->user)) {
            bh_status status = o->checkpoint != NULL
                                   ? bh_checkpoint_save(r, o->checkpoint, err)
                                   : BH_OK;
            return status == BH_OK ? bh_fail(err, BH_WANT_MORE, "training was stopped")
                                   : status;
        }
    }
}

static bh_status store_member(bh_train_run *r, bh_error *err)
{
    bh_variational *v = &r->trainer.posterior;
    if (r->best_loss < INFINITY) {
        memcpy(v->mean, r->best_mean, v->len * sizeof *v->mean);
        memcpy(v->rho, r->best_rho, v->len * sizeof *v->rho);
        bh_trainer_refresh(&r->trainer);
    }
    for (size_t i = 0; i < v->len; i++) {
        if (!isfinite(v->mean[i]) || !isfinite(v->dev[i])) {
            return bh_fail(err, BH_ERR_RANGE,
                           "training diverged: lower the learning rate");
        }
    }
    bh_train_run_store(r, r->model, r->member);
    return BH_OK;
}

static bh_status run_members(session *s, bh_error *err)
{
    bh_train_run *r = &s->run;
    const bh_train_options *o = r->options;
    bh_status status = BH_OK;
    s->clock = bh_train_clock_make(r);
    for (; r->member < o->members && status == BH_OK; r->member++, r->epoch = 0) {
        r->trainer.seed = bh_train_seed(o->seed, BH_PURPOSE_MEMBER, r->member, 0);
        while (r->epoch < o->epochs && status == BH_OK) {
            status = run_epoch(s, err);
            if (status == BH_OK && o->should_stop != NULL && o->should_stop(o->user) &&
                !(r->epoch == o->epochs && r->member + 1 == o->members)) {
                status = bh_fail(err, BH_WANT_MORE, "training was stopped");
            }
        }
        status = status == BH_OK ? store_member(r, err) : status;
    }
    return status;
}

static bh_status quantise(const session *s, bh_error *err)
{
    const bh_train_run *r = &s->run;
    const size_t len = bh_shape_len(r->images->shape);
    const size_t n = r->images->count < CALIBRATION ? r->images->count : CALIBRATION;
    float *inputs = bh_alloc(n * len, sizeof *inputs);
    if (inputs == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_train_rng rng = bh_train_rng_make(r->options->seed);
    bh_train_rng_order(&rng, s->order, r->images->count);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *pixels = r->images->pixels + s->order[i] * len;
        bh_normalise_pixels(&r->model->graph, inputs + i * len, pixels);
    }
    bh_status status = bh_model_quantise(r->model, inputs, n, r->options->weight_bits,
                                         r->options->act_bits, err);
    bh_free(inputs);
    return status;
}

static bh_status session_init(session *s, bh_model *m, const bh_images *images,
                              const bh_train_options *o)
{
    const size_t n = o->validation != NULL ? o->validation->count : 0;
    const size_t classes = m->graph.n_classes;
    bh_status status = bh_train_run_init(&s->run, m, images, o);
    s->order = bh_alloc(images->count, sizeof *s->order);
    s->logits = bh_alloc(n * o->validation_samples * classes, sizeof *s->logits);
    s->probabilities = bh_alloc(n * classes, sizeof *s->probabilities);
    s->scores = bh_alloc(n, sizeof *s->scores);
    bool ok = s->order != NULL && s->logits != NULL && s->probabilities != NULL &&
              s->scores != NULL;
    return status == BH_OK && !ok ? BH_ERR_NOMEM : status;
}

static void session_clear(session *s)
{
    bh_train_run_clear(&s->run);
    bh_free(s->order);
    bh_free(s->logits);
    bh_free(s->probabilities);
    bh_free(s->scores);
}

bh_status bh_train(bh_model *m, const bh_images *images,
                   const bh_train_options *options, bh_error *err)
{
    bh_status status = bh_train_check(m, images, options, err);
    if (status != BH_OK) {
        return status;
    }
    session s = {0};
    status = session_init(&s, m, images, options);
    if (status != BH_OK) {
        bh_fail_plain(err, status);
    } else if (options->resume) {
        status = bh_checkpoint_load(&s.run, options->checkpoint, err);
        bh_trainer_refresh(&s.run.trainer);
    }
    status = status == BH_OK ? run_members(&s, err) : status;
    status = status == BH_OK ? quantise(&s, err) : status;
    session_clear(&s);
    return status;
}
