// SPDX-License-Identifier: Apache-2.0
// The three estimators of the data's gradient: equal in the mean, unequal in spread.
#include <math.h>

#include "base/memory.h"
#include "bayes/trainer.h"
#include "support/close.h"

enum { INPUTS = 5, IMAGES = 40, STEPS = 6000, ESTIMATORS = 3 };

typedef struct moments {
    size_t len; // gradients in means, then those in rho
    double *sum, *squares;
} moments;

static double mean_of(const moments *m, size_t i)
{
    return m->sum[i] / STEPS;
}

// Of the gradient of one step.
static double variance_of(const moments *m, size_t i)
{
    return m->squares[i] / STEPS - mean_of(m, i) * mean_of(m, i);
}

static void add(moments *m, const bh_variational *v)
{
    for (size_t i = 0; i < m->len; i++) {
        const double g = (double)(i < v->len ? v->d_mean[i] : v->d_rho[i - v->len]);
        m->sum[i] += g;
        m->squares[i] += g * g;
    }
}

// Every step at the same posterior, without a divergence, with noise of its own.
static moments measure(bh_trainer *t, uint64_t seed)
{
    moments m = {.len = 2 * t->posterior.len};
    m.sum = bh_alloc(m.len, sizeof *m.sum);
    m.squares = bh_alloc(m.len, sizeof *m.squares);
    uint32_t order[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++) {
        order[i] = i;
    }
    t->seed = seed;
    for (uint64_t i = 0; i < STEPS; i++) {
        bh_step step = {.bayesian = true, .index = i, .order = order, .count = IMAGES};
        bh_trainer_step(t, &step);
        add(&m, &t->posterior);
    }
    return m;
}

typedef struct problem {
    bh_graph graph;
    bh_images images;
    bh_train_options options;
} problem;

// Fully connected, so that the outputs of one layer for one image are independent under
// every estimator, and an image's loss has one law.
static void problem_init(problem *p, test_rng *rng, const char *net)
{
    const bh_input input = {.shape = {1, 1, INPUTS}, .mean = {0.5f}, .dev = {0.3f}};
    *p = (problem){.options = bh_train_defaults()};
    assert_ok(bh_graph_from_text(&p->graph, net, "mlp", input, 3, NULL));
    p->options.augment = (bh_augment){0};
    p->images = (bh_images){.count = IMAGES, .shape = input.shape};
    p->images.pixels = bh_alloc(IMAGES, INPUTS);
    p->images.labels = bh_alloc(IMAGES, 1);
    for (size_t i = 0; i < (size_t)IMAGES * INPUTS; i++) {
        p->images.pixels[i] = (uint8_t)test_rng_next(rng);
    }
    for (size_t i = 0; i < IMAGES; i++) {
        p->images.labels[i] = (uint8_t)test_rng_below(rng, 3);
    }
}

static void posterior_fill(bh_trainer *t, test_rng rng)
{
    for (size_t i = 0; i < t->posterior.len; i++) {
        t->posterior.mean[i] = (bh_real)test_rng_range(&rng, -1000, 1000) / 1000;
        t->posterior.rho[i] = (bh_real)test_rng_range(&rng, -2000, -500) / 1000;
    }
    bh_trainer_refresh(t);
}

static double total_variance(const moments *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->len; i++) {
        sum += variance_of(m, i);
    }
    return sum;
}

static void check_same_means(const moments *a, const moments *b)
{
    for (size_t i = 0; i < a->len; i++) {
        const double error = sqrt((variance_of(a, i) + variance_of(b, i)) / STEPS);
        assert_close(mean_of(a, i), mean_of(b, i), 6 * error + 1e-6);
    }
}

static void check_estimators(const char *net)
{
    test_rng rng = test_rng_new(net);
    problem p;
    moments m[ESTIMATORS];
    problem_init(&p, &rng, net);
    for (int e = BH_ESTIMATOR_LOCAL; e <= BH_ESTIMATOR_SAMPLE; e++) {
        bh_trainer t;
        p.options.estimator = (bh_estimator)e;
        assert_ok(bh_trainer_init(&t, &p.graph, &p.images, &p.options));
        posterior_fill(&t, rng);
        m[e] = measure(&t, rng.state + (uint64_t)e);
        bh_trainer_clear(&t);
    }
    check_same_means(&m[BH_ESTIMATOR_LOCAL], &m[BH_ESTIMATOR_SAMPLE]);
    check_same_means(&m[BH_ESTIMATOR_LOCAL], &m[BH_ESTIMATOR_FLIPOUT]);
    check_same_means(&m[BH_ESTIMATOR_FLIPOUT], &m[BH_ESTIMATOR_SAMPLE]);
    const double local = total_variance(&m[BH_ESTIMATOR_LOCAL]);
    printf("variances: local %g, flipout %g, sample %g\n", local,
           total_variance(&m[BH_ESTIMATOR_FLIPOUT]),
           total_variance(&m[BH_ESTIMATOR_SAMPLE]));
    assert_true(local < total_variance(&m[BH_ESTIMATOR_FLIPOUT]));
    assert_true(local < total_variance(&m[BH_ESTIMATOR_SAMPLE]));
    for (size_t e = 0; e < ESTIMATORS; e++) {
        bh_free(m[e].sum);
        bh_free(m[e].squares);
    }
    bh_images_clear(&p.images);
}

static void test_one_layer(void **state)
{
    (void)state;
    check_estimators("fc classes");
}

static void test_two_layers(void **state)
{
    (void)state;
    check_estimators("fc 4, relu, fc classes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_two_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
