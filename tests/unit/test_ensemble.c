// SPDX-License-Identifier: Apache-2.0
// Ensembles, and the steps that one member's training comes to.
#include <math.h>

#include "bayes/trainer.h"
#include "support/bars.h"

#define COUNT 600

// Step `index` of a run, in a phase of `len` steps that began with step `begin`.
static bh_step twin_step(const bh_trainer *t, uint32_t *order, uint64_t index,
                         uint64_t begin, uint64_t len)
{
    const bh_train_options *o = t->options;
    const uint64_t n = t->images->count, per_epoch = (n + o->batch - 1) / o->batch;
    const uint64_t at = index % per_epoch * o->batch;
    const double done = (double)(index - begin) / (double)len;
    bh_train_rng rng = bh_train_rng_make(
        bh_train_seed(t->seed, BH_PURPOSE_ORDER, index / per_epoch, 0));
    bh_train_rng_order(&rng, order, n);
    return (bh_step){.bayesian = begin > 0,
                     .index = index,
                     .rate = o->learning_rate,
                     .kl_scale =
                         fmin(1, done / o->kl_warmup) * o->kl_weight / (double)n,
                     .order = order + at,
                     .count = n - at < o->batch ? n - at : o->batch};
}

// What a member's training comes to, step by step, at a constant rate: an ordinary
// phase and, unless that is all, a Bayesian one.
static void run_twin(bh_trainer *t, uint32_t member)
{
    uint32_t order[COUNT];
    const bh_train_options *o = t->options;
    const uint64_t per_epoch = (t->images->count + o->batch - 1) / o->batch;
    const uint64_t all = o->epochs * per_epoch;
    const uint64_t ordinary = o->bayesian ? o->pretrain_epochs * per_epoch : all;
    t->seed = bh_train_seed(o->seed, BH_PURPOSE_MEMBER, member, 0);
    bh_trainer_first_means(t);
    for (uint64_t i = 0; i < ordinary; i++) {
        bh_step step = twin_step(t, order, i, 0, ordinary);
        bh_trainer_step(t, &step);
    }
    bh_variational_set_dev(&t->posterior, o->first_dev, 1e-3);
    bh_trainer_refresh(t);
    bh_optimiser_reset(&t->mean_optimiser);
    for (uint64_t i = ordinary; i < all; i++) {
        bh_step step = twin_step(t, order, i, ordinary, all - ordinary);
        bh_trainer_step(t, &step);
    }
}

static void assert_twin(const bh_model *m, uint32_t member, const bh_images *images,
                        const bh_train_options *o)
{
    bh_trainer t;
    assert_ok(bh_trainer_init(&t, &m->graph, images, o));
    run_twin(&t, member);
    const float *mean = t.posterior.mean, *dev = t.posterior.dev;
    for (uint32_t i = 0; i < 2; i++) {
        const bh_posterior *p = bh_model_posterior(m, member, i);
        const size_t len = p->n_weights + p->n_bias;
        assert_memory_equal(p->mean, mean, len * sizeof *mean);
        for (size_t j = 0; j < len; j++) {
            assert_true(p->dev[j] == (o->bayesian ? dev[j] : 0));
        }
        mean += len;
        dev += len;
    }
    bh_trainer_clear(&t);
}

// Every member is a run of its own, of which nothing is left for the next one.
static void test_ensemble(void **state)
{
    (void)state;
    enum { MEMBERS = 3 };
    bh_images images = bars_images(130, 99);
    bh_train_options o = bars_options();
    o.epochs = 4;
    o.pretrain_epochs = 2;
    o.schedule = BH_SCHEDULE_CONSTANT;
    o.members = MEMBERS;
    bh_model *m = bars_model(BARS_NET, MEMBERS);
    for (int bayesian = 0; bayesian < 2; bayesian++) {
        o.bayesian = bayesian == 1;
        assert_ok(bh_train(m, &images, &o, NULL));
        for (uint32_t k = 0; k < MEMBERS; k++) {
            assert_twin(m, k, &images, &o);
            assert_false(bars_same_member(m, k, m, (k + 1) % MEMBERS));
        }
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

static void test_ensemble_learns(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99), fresh = bars_images(100, 100);
    bh_train_options o = bars_options();
    o.bayesian = false;
    o.members = 3;
    bh_model *m = bars_model(BARS_NET, 3);
    assert_ok(bh_train(m, &images, &o, NULL));
    assert_true(bars_accuracy(m, &fresh) > 0.96);
    bh_model_free(m);
    bh_images_clear(&images);
    bh_images_clear(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ensemble),
        cmocka_unit_test(test_ensemble_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
