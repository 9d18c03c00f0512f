// SPDX-License-Identifier: Apache-2.0
// What training makes of a small problem: every method, estimator, prior and optimiser
// learns it, and starts where it is told.
#include <math.h>

#include "support/bars.h"
#include "support/close.h"

#define COUNT 600

// What the progress calls said.
typedef struct record {
    uint64_t last_step;
    uint32_t epochs_done, bayesian_epochs;
    double first_loss, last_loss, last_accuracy, last_kl;
} record;

static void on_progress(void *user, const bh_train_progress *p)
{
    record *r = user;
    assert_true(p->step > r->last_step && p->step <= p->steps);
    assert_true(p->epoch >= 1 && p->epoch <= p->epochs && p->seconds_left >= 0);
    r->last_step = p->step;
    if (p->epoch_done) {
        r->epochs_done++;
        r->bayesian_epochs += p->bayesian;
        assert_int_equal(r->epochs_done, p->epoch);
        r->first_loss = p->epoch == 1 ? p->loss : r->first_loss;
        r->last_loss = p->loss;
        r->last_accuracy = p->accuracy;
        r->last_kl = p->kl;
        assert_true(p->bayesian ? p->kl > 0 : p->kl == 0);
    }
}

// Images that it was not trained on, too. The caller frees the model.
static bh_model *check_learns(const char *net, bh_train_options o)
{
    bh_images images = bars_images(COUNT, 99), fresh = bars_images(100, 100);
    bh_model *m = bars_model(net, o.members);
    record r = {0};
    o.on_progress = on_progress;
    o.user = &r;
    bh_error err = {0};
    if (bh_train(m, &images, &o, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(r.epochs_done, o.epochs);
    assert_int_equal(r.last_step, o.epochs * ((COUNT + o.batch - 1) / o.batch));
    assert_int_equal(r.bayesian_epochs, o.bayesian ? o.epochs - o.pretrain_epochs : 0);
    assert_true(r.last_loss < 0.15 && r.last_loss < r.first_loss / 4);
    assert_true(r.last_accuracy > 0.98);
    assert_true(m->graph.quantised);
    assert_true(bars_accuracy(m, &fresh) > 0.96);
    bh_images_clear(&images);
    bh_images_clear(&fresh);
    return m;
}

// Whether all deviations are in low .. high.
static bool devs_within(const bh_model *m, double low, double high)
{
    bool within = true;
    for (uint32_t i = 0; i < m->members * bh_graph_linear_count(&m->graph); i++) {
        const bh_posterior *p = &m->posterior[i];
        for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
            within = within && (double)p->dev[j] >= low && (double)p->dev[j] <= high;
        }
    }
    return within;
}

static void test_bayesian(void **state)
{
    (void)state;
    for (int e = BH_ESTIMATOR_LOCAL; e <= BH_ESTIMATOR_SAMPLE; e++) {
        bh_train_options o = bars_options();
        o.estimator = (bh_estimator)e;
        bh_model *m = check_learns(BARS_NET, o);
        assert_true(devs_within(m, 1e-9, 1));
        bh_model_free(m);
    }
}

static void test_mixture_prior(void **state)
{
    (void)state;
    bh_train_options o = bars_options();
    o.prior = (bh_prior){.dev = 0.5, .mixture = true, .share = 0.5, .dev2 = 0.05};
    bh_model_free(check_learns(BARS_NET, o));
}

static void test_ordinary(void **state)
{
    (void)state;
    bh_train_options o = bars_options();
    o.bayesian = false;
    o.weight_decay = 0.01;
    bh_model *m = check_learns(BARS_NET, o);
    assert_true(devs_within(m, 0, 0));
    bh_model_free(m);
}

static void test_sgd(void **state)
{
    (void)state;
    bh_train_options o = bars_options();
    o.sgd = true;
    o.learning_rate = 0.1;
    bh_model_free(check_learns(BARS_NET, o));
}

static void test_square(void **state)
{
    (void)state;
    bh_train_options o = bars_options();
    o.bayesian = false;
    bh_model_free(
        check_learns("conv 4 3x3 pad 1, square, avg 2, fc 8, square, fc classes", o));
}

// Where the divergence is all that counts, the posterior becomes the prior.
static void test_divergence_rules(void **state)
{
    (void)state;
    bh_images images = bars_images(100, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bars_options();
    o.kl_weight = 1e4; // a hundred times the data's loss
    o.kl_warmup = 0;
    o.epochs = 200;
    o.prior.dev = 0.5;
    o.sgd = true;
    o.momentum = 0;
    o.learning_rate = 1e-3;
    assert_ok(bh_train(m, &images, &o, NULL));
    for (uint32_t i = 0; i < 2; i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i);
        for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
            assert_close(p->mean[j], 0, 0.02);
            assert_close(p->dev[j], 0.5, 0.02);
        }
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

// ---- where it starts ----

// Trains without moving: what is left is where it started.
static bh_model *start_of(const bh_images *images, bh_train_options o)
{
    bh_model *m = bars_model(BARS_NET, o.members);
    o.learning_rate = 1e-30;
    assert_ok(bh_train(m, images, &o, NULL));
    return m;
}

// He's variance for weights, no biases, and deviations of a share of the weights.
static void test_first_weights(void **state)
{
    (void)state;
    enum { MEMBERS = 64 };
    bh_images images = bars_images(60, 99);
    bh_train_options o = bars_options();
    o.members = MEMBERS;
    o.epochs = 1;
    o.first_dev = 0.2;
    bh_model *m = start_of(&images, o);
    const double fan_in[2] = {9, 64};
    for (uint32_t i = 0; i < 2; i++) {
        double sum = 0, squares = 0, n = 0;
        for (uint32_t k = 0; k < MEMBERS; k++) {
            const bh_posterior *p = bh_model_posterior(m, k, i);
            for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
                const double mean = (double)p->mean[j];
                sum += mean;
                squares += mean * mean;
                n += j < p->n_weights;
                assert_true(j < p->n_weights || fabs(mean) < 1e-20);
                assert_close(p->dev[j], fmax(0.2 * fabs(mean), 1e-3), 1e-6);
            }
        }
        assert_close(sum / n, 0, 6 * sqrt(2 / fan_in[i] / n));
        assert_close(squares / n * fan_in[i] / 2, 1, 6 * sqrt(2 / n));
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

// From a trained ordinary network: its means, and deviations of a share of their size
// (MOPED); of an ensemble, member k from member k modulo their number.
static void test_init(void **state)
{
    (void)state;
    bh_images images = bars_images(60, 99);
    bh_train_options o = bars_options();
    o.members = 2;
    o.bayesian = false;
    o.epochs = 1;
    bh_model *init = bars_model(BARS_NET, 2);
    assert_ok(bh_train(init, &images, &o, NULL));
    o.init = init;
    o.bayesian = true;
    o.epochs = 3;
    o.members = 3;
    o.first_dev = 0.3;
    bh_model *m = start_of(&images, o);
    for (uint32_t at = 0; at < 3 * 2; at++) {
        const bh_posterior *p = bh_model_posterior(m, at / 2, at % 2);
        const bh_posterior *q = bh_model_posterior(init, at / 2, at % 2);
        for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
            assert_true(p->mean[j] == q->mean[j]);
            assert_close(p->dev[j], fmax(0.3 * fabs((double)q->mean[j]), 1e-3), 1e-6);
        }
    }
    bh_model_free(m);
    bh_model_free(init);
    bh_images_clear(&images);
}

static void test_init_learns(void **state)
{
    (void)state;
    bh_train_options o = bars_options();
    o.bayesian = false;
    bh_model *init = check_learns(BARS_NET, o);
    bh_images images = bars_images(COUNT, 99);
    o = bars_options();
    o.init = init;
    o.epochs = 2;
    o.learning_rate = 1e-4;
    record r = {0};
    o.on_progress = on_progress;
    o.user = &r;
    bh_model *m = bars_model(BARS_NET, 1);
    assert_ok(bh_train(m, &images, &o, NULL));
    assert_int_equal(r.bayesian_epochs, 2); // no ordinary ones
    assert_true(r.first_loss < 0.15);
    bh_model_free(m);
    bh_model_free(init);
    bh_images_clear(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bayesian),      cmocka_unit_test(test_mixture_prior),
        cmocka_unit_test(test_ordinary),      cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_square),        cmocka_unit_test(test_divergence_rules),
        cmocka_unit_test(test_first_weights), cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
