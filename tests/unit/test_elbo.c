// SPDX-License-Identifier: Apache-2.0
// The gradient of the whole objective, data term and divergence, of every estimator and
// prior; and the loss of logits.
#include <string.h>

#include "bayes/trainer.h"
#include "support/gradient.h"

#define IMAGES   35 // a strand of two blocks, and one of a block that is not full
#define SIDE     6
#define KL_SCALE 0.03

static bh_graph every_kind(void)
{
    bh_graph g;
    const bh_input input = {
        .shape = {1, SIDE, SIDE + 1}, .mean = {0.5f}, .dev = {0.3f}};
    assert_ok(
        bh_graph_from_text(&g,
                           "conv 2 3x2 pad 1, relu, max 2, conv 3 2 stride 1, "
                           "square, avg 2 stride 1, flatten, fc 4, relu, fc classes",
                           "every kind", input, 3, NULL));
    return g;
}

// One step whose rates are zero, so that it leaves the gradients and moves nothing.
typedef struct objective {
    bh_graph graph;
    bh_images images;
    bh_train_options options;
    bh_trainer trainer;
    uint32_t order[IMAGES];
    bh_real *mixture_noise;
} objective;

// A fixed seed: the network's inner values keep away from kinks for this one.
static void objective_init(objective *o, bh_estimator estimator, bool mixture)
{
    test_rng rng = {20};
    *o = (objective){.graph = every_kind(), .options = bh_train_defaults()};
    o->options.estimator = estimator;
    o->options.prior =
        (bh_prior){.dev = 0.7, .mixture = mixture, .share = 0.3, .dev2 = 0.1};
    const size_t len = bh_shape_len(o->graph.input.shape);
    o->images = (bh_images){.count = IMAGES, .shape = o->graph.input.shape};
    o->images.pixels = bh_alloc(IMAGES, len);
    o->images.labels = bh_alloc(IMAGES, 1);
    for (size_t i = 0; i < IMAGES * len; i++) {
        o->images.pixels[i] = (uint8_t)test_rng_next(&rng);
    }
    for (size_t i = 0; i < IMAGES; i++) {
        o->images.labels[i] = (uint8_t)test_rng_below(&rng, 3);
        o->order[i] = (uint32_t)((i * 3) % IMAGES);
    }
    assert_ok(bh_trainer_init(&o->trainer, &o->graph, &o->images, &o->options));
    bh_variational *v = &o->trainer.posterior;
    fill_uniform(&rng, v->mean, v->len);
    for (size_t i = 0; i < v->len; i++) {
        v->rho[i] = (double)test_rng_range(&rng, -3000, -1000) / 1000;
    }
    o->mixture_noise = reals(v->len + 2 * BH_LANES);
}

static void objective_clear(objective *o)
{
    bh_trainer_clear(&o->trainer);
    bh_images_clear(&o->images);
    bh_free(o->mixture_noise);
}

// The draw that step `index` takes for a mixture.
static void draw_mixture(objective *o, uint64_t index)
{
    const bh_trainer *t = &o->trainer;
    bh_noise noise =
        bh_noise_make(bh_train_seed(t->seed + index, BH_PURPOSE_PRIOR, 0, 0));
    t->kernels->normals(&noise, o->mixture_noise,
                        (t->posterior.len + 2 * BH_LANES - 1) / (2 * BH_LANES) *
                            (2 * BH_LANES));
}

static double density(double x, double dev)
{
    return exp(-x * x / (2 * dev * dev)) / (dev * sqrt(4 * acos(0)));
}

// log q(w) - log p(w) of w = mean + exp(rho) e, less what is constant.
static double mixture_kl(const objective *o)
{
    const bh_variational *v = &o->trainer.posterior;
    const bh_prior *p = &o->options.prior;
    double sum = 0;
    for (size_t i = 0; i < v->len; i++) {
        const double w = v->mean[i] + exp(v->rho[i]) * o->mixture_noise[i];
        sum -= v->rho[i] + log(p->share * density(w, p->dev) +
                               (1 - p->share) * density(w, p->dev2));
    }
    return sum;
}

static double objective_value(objective *o)
{
    bh_trainer *t = &o->trainer;
    bh_step step = {.bayesian = true,
                    .index = 3,
                    .kl_scale = KL_SCALE,
                    .order = o->order,
                    .count = IMAGES};
    bh_trainer_refresh(t);
    bh_trainer_step(t, &step);
    const double kl =
        o->options.prior.mixture
            ? mixture_kl(o)
            : bh_variational_kl(&t->posterior, t->kernels, &o->options.prior, 0, 1);
    return step.loss / IMAGES + KL_SCALE * kl;
}

static double objective_difference(objective *o, bh_real *x)
{
    const double h = 1e-6; // fewer kinks are met, and the values are of order 1
    const bh_real kept = *x;
    *x = kept + h;
    double above = objective_value(o);
    *x = kept - h;
    double below = objective_value(o);
    *x = kept;
    return (above - below) / (2 * h);
}

static void check_objective(bh_estimator estimator, bool mixture)
{
    objective o;
    objective_init(&o, estimator, mixture);
    bh_variational *v = &o.trainer.posterior;
    bh_real *d_mean = reals(v->len), *d_rho = reals(v->len);
    draw_mixture(&o, 3);
    (void)objective_value(&o); // of which nothing may be left in the next one
    (void)objective_value(&o);
    memcpy(d_mean, v->d_mean, v->len * sizeof *d_mean);
    memcpy(d_rho, v->d_rho, v->len * sizeof *d_rho);
    for (size_t i = 0; i < v->len; i++) {
        assert_near(d_mean[i], objective_difference(&o, &v->mean[i]), "mean", i);
        assert_near(d_rho[i], objective_difference(&o, &v->rho[i]), "rho", i);
    }
    bh_free(d_mean);
    bh_free(d_rho);
    objective_clear(&o);
}

static void test_local(void **state)
{
    (void)state;
    check_objective(BH_ESTIMATOR_LOCAL, false);
    check_objective(BH_ESTIMATOR_LOCAL, true);
}

static void test_flipout(void **state)
{
    (void)state;
    check_objective(BH_ESTIMATOR_FLIPOUT, false);
    check_objective(BH_ESTIMATOR_FLIPOUT, true);
}

static void test_sample(void **state)
{
    (void)state;
    check_objective(BH_ESTIMATOR_SAMPLE, false);
    check_objective(BH_ESTIMATOR_SAMPLE, true);
}

// Without deviations there is no divergence, and no gradient in them.
static void test_ordinary(void **state)
{
    (void)state;
    objective o;
    objective_init(&o, BH_ESTIMATOR_LOCAL, false);
    bh_variational *v = &o.trainer.posterior;
    bh_step step = {.order = o.order, .count = IMAGES, .kl_scale = KL_SCALE};
    bh_real *d_mean = reals(v->len);
    bh_trainer_step(&o.trainer, &step);
    memcpy(d_mean, v->d_mean, v->len * sizeof *d_mean);
    for (size_t i = 0; i < v->len; i++) {
        const bh_real kept = v->mean[i];
        double losses[2];
        for (int side = 0; side < 2; side++) {
            v->mean[i] = kept + (side == 0 ? 1e-6 : -1e-6);
            bh_trainer_step(&o.trainer, &step);
            losses[side] = step.loss / IMAGES;
        }
        v->mean[i] = kept;
        assert_near(d_mean[i], (losses[0] - losses[1]) / 2e-6, "mean", i);
    }
    bh_free(d_mean);
    objective_clear(&o);
}

// Logits whose exponentials are no numbers; images from `count` on have no part.
static void test_loss_of_huge_logits(void **state)
{
    (void)state;
    bh_graph g = every_kind();
    bh_tape t;
    assert_ok(bh_tape_init(&t, &g, true));
    bh_real *logits = t.value[g.n_layers], *grad = t.grad[g.n_layers];
    const double first[] = {1e4, 0, -1e4};
    for (size_t i = 0; i < 3 * BH_LANES; i++) {
        logits[i] = i % BH_LANES == 0 ? first[i / BH_LANES] : 0;
        grad[i] = 7;
    }
    const uint8_t labels[] = {1, 2, 0};
    size_t hits = 10;
    const double weights[] = {1, 1, 3};
    double loss = bh_tape_loss(&t, &hits, labels, 3, weights, 0.5);
    assert_close(loss, 1e4 + 3 * log(3) + log(3), 1e-9);
    const double heavy = grad[2 * BH_LANES + 1]; // of the image of class 2
    assert_close(heavy, 0.5 * 3 * (1.0 / 3 - 1), 1e-12);
    hits = 10;
    loss = bh_tape_loss(&t, &hits, labels, 3, NULL, 0.5);
    assert_close(loss, 1e4 + 2 * log(3), 1e-9);
    assert_int_equal(hits, 11); // of equal logits the first counts
    const double sixth = 1.0 / 6;
    const double expected[3][3] = {{0.5, sixth, sixth - 0.5}, // [class][image]
                                   {-0.5, sixth, sixth},
                                   {0, sixth - 0.5, sixth}};
    for (size_t c = 0; c < 3; c++) {
        for (size_t l = 0; l < 3; l++) {
            assert_close(grad[c * BH_LANES + l], expected[c][l], 1e-12);
        }
        for (size_t l = 3; l < BH_LANES; l++) {
            assert_true(grad[c * BH_LANES + l] == 0);
        }
    }
    bh_tape_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_flipout),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_ordinary),
        cmocka_unit_test(test_loss_of_huge_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
