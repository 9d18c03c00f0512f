// SPDX-License-Identifier: Apache-2.0
#include "bayes/trainer.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "bayes/rng.h"

// Images of a strand, unless that makes too many of them.
#define STRAND 32
// Parameters that a thread updates at a time.
#define PART 8192

// Images of every strand of a batch but the last, whole blocks.
static size_t strand_len(size_t count)
{
    const size_t blocks = (count + BH_LANES - 1) / BH_LANES;
    const size_t len = (blocks + BH_STRANDS_MAX - 1) / BH_STRANDS_MAX * BH_LANES;
    return len > STRAND ? len : STRAND;
}

static size_t strand_count(size_t count)
{
    return (count + strand_len(count) - 1) / strand_len(count);
}

static bool take(bh_real **out, size_t len)
{
    *out = bh_alloc(bh_noise_len(len), sizeof **out);
    return *out != NULL;
}

static bool take_strand(bh_strand *s, const bh_train_options *o, size_t n)
{
    bool ok = take(&s->d_a, n);
    if (o->bayesian && o->estimator != BH_ESTIMATOR_SAMPLE) {
        ok = ok && take(&s->d_b, n);
    }
    if (o->bayesian && o->estimator != BH_ESTIMATOR_LOCAL) {
        ok = ok && take(&s->noise, n) && take(&s->drawn, n);
    }
    return ok;
}

static bh_status take_worker(bh_train_worker *w, const bh_graph *graph)
{
    w->pixels = bh_alloc(bh_shape_len(graph->input.shape), 1);
    w->real = bh_alloc(bh_shape_len(graph->input.shape), sizeof *w->real);
    bool ok = w->pixels != NULL && w->real != NULL;
    return ok ? bh_tape_init(&w->tape, graph, true) : BH_ERR_NOMEM;
}

// Weights whose mean over the images is 1, and whose sum over the images of a class is
// the same for all classes that occur.
static bool take_class_weights(bh_trainer *t)
{
    if (!t->options->balance) {
        return true;
    }
    const bh_images *images = t->images;
    double *weights = bh_alloc(t->graph->n_classes, sizeof *weights), classes = 0;
    t->class_weights = weights;
    for (size_t i = 0; i < images->count && weights != NULL; i++) {
        classes += weights[images->labels[i]]++ == 0;
    }
    for (uint32_t c = 0; c < t->graph->n_classes && weights != NULL; c++) {
        weights[c] =
            weights[c] > 0 ? (double)images->count / (classes * weights[c]) : 0;
    }
    return weights != NULL;
}

static bh_status init(bh_trainer *t)
{
    const bh_train_options *o = t->options;
    const size_t n = bh_graph_params_len(t->graph);
    const bh_optimiser settings = {
        .is_sgd = o->sgd, .momentum = o->momentum, .decay = o->weight_decay};
    const bh_optimiser undecayed = {.is_sgd = o->sgd, .momentum = o->momentum};
    bh_status status = bh_variational_init(&t->posterior, n);
    status =
        status == BH_OK ? bh_optimiser_init(&t->mean_optimiser, &settings, n) : status;
    if (status == BH_OK && o->bayesian) {
        status = bh_optimiser_init(&t->rho_optimiser, &undecayed, n);
    }
    bool ok = status == BH_OK && take(&t->variance, n) && take_class_weights(t);
    // A shorter batch may have more strands than a longer one.
    size_t strands = (o->batch + STRAND - 1) / STRAND;
    strands = strands < BH_STRANDS_MAX ? strands : BH_STRANDS_MAX;
    for (size_t i = 0; i < strands && ok; i++) {
        ok = take_strand(&t->strands[i], o, n);
    }
    t->workers = bh_alloc(bh_pool_threads(o->pool), sizeof *t->workers);
    status = ok && t->workers != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < bh_pool_threads(o->pool) && status == BH_OK; i++) {
        status = take_worker(&t->workers[i], t->graph);
    }
    return status;
}

bh_status bh_trainer_init(bh_trainer *t, const bh_graph *graph, const bh_images *images,
                          const bh_train_options *options)
{
    *t = (bh_trainer){.graph = graph,
                      .images = images,
                      .options = options,
                      .kernels = bh_train_kernels_pick()};
    bh_status status = init(t);
    if (status != BH_OK) {
        bh_trainer_clear(t);
    }
    return status;
}

void bh_trainer_clear(bh_trainer *t)
{
    bh_variational_clear(&t->posterior);
    bh_optimiser_clear(&t->mean_optimiser);
    bh_optimiser_clear(&t->rho_optimiser);
    bh_free(t->variance);
    bh_free(t->class_weights);
    for (size_t i = 0; i < BH_STRANDS_MAX; i++) {
        bh_free(t->strands[i].d_a);
        bh_free(t->strands[i].d_b);
        bh_free(t->strands[i].noise);
        bh_free(t->strands[i].drawn);
    }
    for (uint32_t i = 0; t->workers != NULL && i < bh_pool_threads(t->options->pool);
         i++) {
        bh_tape_clear(&t->workers[i].tape);
        bh_free(t->workers[i].pixels);
        bh_free(t->workers[i].real);
    }
    bh_free(t->workers);
    *t = (bh_trainer){0};
}

void bh_trainer_first_means(bh_trainer *t)
{
    bh_real *mean = t->posterior.mean;
    for (uint32_t i = 0; i < t->graph->n_layers; i++) {
        const bh_layer *layer = &t->graph->layers[i];
        if (!bh_layer_is_linear(layer)) {
            continue;
        }
        bh_noise noise = bh_noise_make(bh_train_seed(t->seed, BH_PURPOSE_FIRST, i, 0));
        const size_t len = bh_layer_weights_len(layer);
        const bh_real size = (bh_real)sqrt(2.0 * layer->out_channels / (double)len);
        for (size_t at = 0; at < len; at += 2 * BH_LANES) {
            _Alignas(BH_ALIGNMENT) bh_real e[2 * BH_LANES];
            t->kernels->normals(&noise, e, 2 * BH_LANES);
            for (size_t j = at; j < len && j < at + 2 * BH_LANES; j++) {
                mean[j] = size * e[j - at];
            }
        }
        memset(mean + len, 0, bh_layer_bias_len(layer) * sizeof *mean);
        mean += len + bh_layer_bias_len(layer);
    }
}

// ---- the data's loss: a task for every strand ----

typedef struct strand_job {
    bh_trainer *trainer;
    const bh_step *step;
} strand_job;

// The weights of a strand: a and, where the estimator has one, b.
static void draw(const bh_trainer *t, bh_strand *s, const bh_step *step,
                 bh_noise *noise, const bh_real **a, const bh_real **b)
{
    const bh_variational *v = &t->posterior;
    const bh_estimator estimator = t->options->estimator;
    *a = v->mean;
    *b = step->bayesian ? t->variance : NULL;
    if (!step->bayesian || estimator == BH_ESTIMATOR_LOCAL) {
        return;
    }
    t->kernels->normals(noise, s->noise, bh_noise_len(v->len));
    t->kernels->multiply(s->drawn, v->dev, s->noise, v->len);
    *b = s->drawn;
    if (estimator == BH_ESTIMATOR_SAMPLE) {
        for (size_t i = 0; i < v->len; i++) {
            s->drawn[i] += v->mean[i];
        }
        *a = s->drawn;
        *b = NULL;
    }
}

static bh_pass pass_of(const bh_trainer *t, const bh_step *step)
{
    if (!step->bayesian || t->options->estimator == BH_ESTIMATOR_SAMPLE) {
        return BH_PASS_POINT;
    }
    return t->options->estimator == BH_ESTIMATOR_LOCAL ? BH_PASS_LOCAL
                                                       : BH_PASS_FLIPOUT;
}

// One block: up to BH_LANES images. Lanes without an image keep those of the block
// before; no gradient reaches them.
static void run_block(const bh_trainer *t, bh_strand *s, const bh_step *step,
                      bh_train_worker *w, bh_train_rng *rng, size_t at, size_t count,
                      const bh_real *a, const bh_real *b)
{
    uint8_t labels[BH_LANES];
    for (size_t i = 0; i < count; i++) {
        const uint32_t index = step->order[at + i];
        bh_augment_image(w->tape.value[0], i, t->graph, t->images, index,
                         &t->options->augment, rng, w->pixels, w->real);
        labels[i] = t->images->labels[index];
    }
    const bh_pass pass = pass_of(t, step);
    bh_tape_forward(&w->tape, pass, a, b);
    s->loss += bh_tape_loss(&w->tape, &s->hits, labels, count, t->class_weights,
                            1 / (double)step->count);
    bh_tape_backward(&w->tape, pass, s->d_a, b != NULL ? s->d_b : NULL, a, b);
}

static bh_status run_strand(void *arg, size_t index, uint32_t worker)
{
    const strand_job *p = arg;
    const bh_trainer *t = p->trainer;
    const bh_step *step = p->step;
    bh_strand *s = &p->trainer->strands[index];
    bh_train_worker *w = &p->trainer->workers[worker];
    const uint64_t seed = bh_train_seed(t->seed, BH_PURPOSE_STRAND, step->index, index);
    bh_train_rng rng = bh_train_rng_make(seed);
    w->tape.scratch.noise = bh_noise_make(bh_train_rng_next(&rng));
    const bh_real *a, *b;
    draw(t, s, step, &w->tape.scratch.noise, &a, &b);
    memset(s->d_a, 0, t->posterior.len * sizeof *s->d_a);
    if (b != NULL) {
        memset(s->d_b, 0, t->posterior.len * sizeof *s->d_b);
    }
    s->loss = 0;
    s->hits = 0;
    const size_t len = strand_len(step->count), end = (index + 1) * len;
    const size_t stop = end < step->count ? end : step->count;
    for (size_t at = index * len; at < stop; at += BH_LANES) {
        const size_t count = stop - at < BH_LANES ? stop - at : BH_LANES;
        run_block(t, s, step, w, &rng, at, count, a, b);
    }
    return BH_OK;
}

// ---- the update: a task for every part of the parameters ----

// The strands' gradients in the means and deviations, in the order of the strands.
static void add_strands(bh_trainer *t, const bh_step *step, size_t first, size_t len)
{
    bh_variational *v = &t->posterior;
    const bh_train_kernels *k = t->kernels;
    const bh_estimator estimator = t->options->estimator;
    memcpy(v->d_mean + first, t->strands[0].d_a + first, len * sizeof *v->d_mean);
    for (size_t i = 1; i < strand_count(step->count); i++) {
        const bh_real *d_a = t->strands[i].d_a;
        for (size_t j = first; j < first + len; j++) {
            v->d_mean[j] += d_a[j];
        }
    }
    if (!step->bayesian) {
        return;
    }
    memset(v->d_rho + first, 0, len * sizeof *v->d_rho);
    for (size_t i = 0; i < strand_count(step->count); i++) {
        const bh_strand *s = &t->strands[i];
        if (estimator == BH_ESTIMATOR_LOCAL) {
            k->multiply_add(v->d_rho + first, 2, v->dev + first, s->d_b + first, len);
        } else {
            const bh_real *d = estimator == BH_ESTIMATOR_SAMPLE ? s->d_a : s->d_b;
            k->multiply_add(v->d_rho + first, 1, s->noise + first, d + first, len);
        }
    }
}

static void refresh_part(bh_trainer *t, size_t first, size_t len)
{
    bh_variational_refresh(&t->posterior, t->kernels, first, len);
    t->kernels->multiply(t->variance + first, t->posterior.dev + first,
                         t->posterior.dev + first, len);
}

static bh_status update_part(void *arg, size_t index, uint32_t worker)
{
    const strand_job *p = arg;
    bh_trainer *t = p->trainer;
    const bh_step *step = p->step;
    bh_variational *v = &t->posterior;
    const size_t first = index * PART;
    const size_t len = v->len - first < PART ? v->len - first : PART;
    (void)worker;
    add_strands(t, step, first, len);
    if (step->bayesian) {
        bh_variational_finish(v, t->kernels, &t->options->prior, step->kl_scale,
                              t->seed + step->index, first, len);
        bh_optimiser_part(&t->rho_optimiser, t->kernels, v->rho, v->d_rho, first, len);
        refresh_part(t, first, len);
    }
    bh_optimiser_part(&t->mean_optimiser, t->kernels, v->mean, v->d_mean, first, len);
    return BH_OK;
}

void bh_trainer_refresh(bh_trainer *t)
{
    refresh_part(t, 0, t->posterior.len);
}

void bh_trainer_step(bh_trainer *t, bh_step *step)
{
    strand_job p = {t, step};
    const size_t strands = strand_count(step->count);
    bh_status status = bh_pool_run(t->options->pool, strands, run_strand, &p);
    step->loss = 0;
    step->hits = 0;
    for (size_t i = 0; i < strands; i++) {
        step->loss += t->strands[i].loss;
        step->hits += t->strands[i].hits;
    }
    bh_optimiser_begin(&t->mean_optimiser, step->rate);
    if (step->bayesian) {
        bh_optimiser_begin(&t->rho_optimiser, step->rate);
    }
    const size_t parts = (t->posterior.len + PART - 1) / PART;
    status = status == BH_OK ? bh_pool_run(t->options->pool, parts, update_part, &p)
                             : status;
    (void)status; // the tasks cannot fail
}
