// SPDX-License-Identifier: Apache-2.0
// How training runs: the same bits whatever the threads, schedules, early stopping, and
// what goes wrong.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "support/bars.h"
#include "support/close.h"
#include "support/faults.h"

// So many parameters that several threads update them.
#define WIDE_NET "conv 4 3x3 pad 1, relu, max 2, fc 150, relu, fc classes"

static bh_model *train(const char *net, const bh_images *images, bh_train_options o)
{
    bh_model *m = bars_model(net, o.members);
    bh_error err = {0};
    if (bh_train(m, images, &o, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    return m;
}

// Batches of two full strands and a part of one, the last of two; blocks that are not
// full; everything random that there is.
static bh_train_options busy_options(bh_estimator estimator)
{
    bh_train_options o = bars_options();
    o.epochs = 3;
    o.pretrain_epochs = 1;
    o.batch = 70;
    o.estimator = estimator;
    o.augment = (bh_augment){
        .shift = 1, .rotate = 5, .scale = 0.1, .flip_vertical = true, .turn = false};
    o.prior.mixture = estimator == BH_ESTIMATOR_FLIPOUT;
    return o;
}

static void check_threads(const bh_images *images, bh_train_options o)
{
    bh_model *alone = train(WIDE_NET, images, o);
    const uint32_t threads[] = {1, 2, 3, 5};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        assert_ok(bh_pool_new(&o.pool, threads[i]));
        bh_model *m = train(WIDE_NET, images, o);
        assert_true(bars_same(m, alone));
        bh_model_free(m);
        bh_pool_free(o.pool);
    }
    bh_model_free(alone);
}

static void test_threads(void **state)
{
    (void)state;
    bh_images images = bars_images(133, 99);
    for (int e = BH_ESTIMATOR_LOCAL; e <= BH_ESTIMATOR_SAMPLE; e++) {
        check_threads(&images, busy_options((bh_estimator)e));
    }
    bh_train_options o = busy_options(BH_ESTIMATOR_LOCAL);
    o.bayesian = false;
    o.sgd = true;
    check_threads(&images, o);
    bh_images_clear(&images);
}

// Batches of any size, of one image and of more strands than there may be among them.
static void test_batches(void **state)
{
    (void)state;
    bh_images images = bars_images(600, 99);
    const uint32_t batches[] = {1, 15, 16, 17, 33, 512, 513, 599, 600, 4000};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        bh_train_options o = bars_options();
        o.epochs = 2;
        o.batch = batches[i];
        bh_model *a = train(BARS_NET, &images, o);
        assert_ok(bh_pool_new(&o.pool, 3));
        bh_model *b = train(BARS_NET, &images, o);
        assert_true(bars_same(a, b));
        bh_pool_free(o.pool);
        bh_model_free(a);
        bh_model_free(b);
    }
    bh_images_clear(&images);
}

static void test_seeds(void **state)
{
    (void)state;
    bh_images images = bars_images(130, 99);
    bh_train_options o = busy_options(BH_ESTIMATOR_LOCAL);
    bh_model *a = train(BARS_NET, &images, o), *b = train(BARS_NET, &images, o);
    assert_true(bars_same(a, b));
    assert_ok(bh_train(a, &images, &o, NULL)); // what the model was does not matter
    assert_true(bars_same(a, b));
    o.seed++;
    bh_model *c = train(BARS_NET, &images, o);
    assert_false(bars_same(a, c));
    bh_model_free(a);
    bh_model_free(b);
    bh_model_free(c);
    bh_images_clear(&images);
}

// ---- schedules ----

enum { EPOCHS = 20 };

typedef struct rates {
    double of_epoch[EPOCHS];
    uint32_t count;
} rates;

static void note_rate(void *user, const bh_train_progress *p)
{
    rates *r = user;
    if (p->epoch_done) {
        assert_true(r->count < EPOCHS);
        r->of_epoch[r->count++] = p->rate;
    }
}

// One step an epoch, so that every step reports its rate.
static rates rates_of(bh_schedule schedule)
{
    bh_images images = bars_images(20, 99);
    bh_train_options o = bars_options();
    rates r = {.count = 0};
    o.epochs = EPOCHS;
    o.pretrain_epochs = 8;
    o.schedule = schedule;
    o.on_progress = note_rate;
    o.user = &r;
    bh_model_free(train(BARS_NET, &images, o));
    assert_int_equal(r.count, EPOCHS);
    bh_images_clear(&images);
    return r;
}

// Every phase begins anew.
static void test_schedules(void **state)
{
    (void)state;
    const rates cosine = rates_of(BH_SCHEDULE_COSINE),
                step = rates_of(BH_SCHEDULE_STEP);
    const rates constant = rates_of(BH_SCHEDULE_CONSTANT);
    for (uint32_t i = 0; i < EPOCHS; i++) {
        const double done = i < 8 ? i / 8.0 : (i - 8) / 12.0;
        const double tenths = done < 0.5 ? 1 : done < 0.75 ? 0.1 : 0.01;
        assert_close(cosine.of_epoch[i], 5e-3 * (1 + cos(2 * acos(0) * done)) / 2,
                     1e-15);
        assert_close(step.of_epoch[i], 5e-3 * tenths, 1e-15);
        assert_close(constant.of_epoch[i], 5e-3, 1e-15);
    }
}

// No more than half of the epochs are ordinary.
static void count_bayesian(void *user, const bh_train_progress *p)
{
    uint32_t *count = user;
    *count += p->epoch_done && p->bayesian;
}

static void test_phases(void **state)
{
    (void)state;
    bh_images images = bars_images(20, 99);
    const uint32_t pretrain[] = {0, 2, 4, 100}, expected[] = {7, 5, 4, 4};
    for (size_t i = 0; i < sizeof pretrain / sizeof *pretrain; i++) {
        bh_train_options o = bars_options();
        uint32_t count = 0;
        o.epochs = 7;
        o.pretrain_epochs = pretrain[i];
        o.on_progress = count_bayesian;
        o.user = &count;
        bh_model_free(train(BARS_NET, &images, o));
        assert_int_equal(count, expected[i]);
    }
    bh_images_clear(&images);
}

// ---- validation ----

typedef struct losses {
    double best;
    uint32_t member, epochs, best_epoch; // of the last member
} losses;

static void note_losses(void *user, const bh_train_progress *p)
{
    losses *l = user;
    if (!p->epoch_done) {
        return;
    }
    assert_true(p->validated && p->val_loss >= 0 && p->val_accuracy <= 1);
    if (p->member != l->member || p->val_loss < l->best) {
        l->best = p->val_loss;
        l->best_epoch = p->epoch;
    }
    l->member = p->member;
    l->epochs = p->epoch;
}

// What is kept of a member, the second one, is as a run's that ended at its best epoch.
static void check_early_stopping(const bh_images *images, bh_train_options o)
{
    losses l = {0};
    o.members = 2;
    o.epochs = 60;
    o.pretrain_epochs = 0;
    o.schedule = BH_SCHEDULE_CONSTANT; // so that the length changes no rate,
    o.kl_warmup = 0;                   // and no weight
    o.patience = 5;
    o.on_progress = note_losses;
    o.user = &l;
    bh_model *m = train(BARS_NET, images, o);
    assert_true(l.member == 2 && l.epochs < 60);
    assert_int_equal(l.epochs, l.best_epoch + 5);
    o.patience = 0;
    o.epochs = l.best_epoch;
    bh_model *until_best = train(BARS_NET, images, o);
    assert_true(bars_same_member(m, 1, until_best, 1));
    bh_model_free(m);
    bh_model_free(until_best);
}

// Labels without a reason: what fits the training images is worse on others.
static void test_early_stopping(void **state)
{
    (void)state;
    bh_images images = bars_noise(60, 99), validation = bars_noise(60, 100);
    for (int bayesian = 0; bayesian < 2; bayesian++) {
        bh_train_options o = bars_options();
        o.bayesian = bayesian == 1;
        o.validation = &validation;
        check_early_stopping(&images, o);
    }
    bh_images_clear(&images);
    bh_images_clear(&validation);
}

// Ordinary epochs end no Bayesian run, and it keeps Bayesian weights.
static void test_early_stopping_bayesian(void **state)
{
    (void)state;
    bh_images images = bars_noise(100, 99), validation = bars_noise(100, 100);
    bh_train_options o = bars_options();
    losses l = {0};
    o.epochs = 30;
    o.pretrain_epochs = 10;
    o.validation = &validation;
    o.patience = 1;
    o.on_progress = note_losses;
    o.user = &l;
    bh_model *m = train(BARS_NET, &images, o);
    assert_true(l.epochs > 10 + 1 && l.epochs < 30);
    const bh_posterior *p = bh_model_posterior(m, 0, 0);
    for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
        assert_true(p->dev[j] > 0 && p->dev[j] < 1);
    }
    bh_model_free(m);
    bh_images_clear(&images);
    bh_images_clear(&validation);
}

// ---- what goes wrong ----

static void test_divergence_is_an_error(void **state)
{
    (void)state;
    bh_images images = bars_images(100, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    for (int bayesian = 0; bayesian < 2; bayesian++) {
        for (int validated = 0; validated < 2; validated++) {
            bh_train_options o = bars_options();
            bh_error err = {0};
            o.learning_rate = 1e30;
            o.bayesian = bayesian == 1;
            o.pretrain_epochs = 0;
            o.validation = validated == 1 ? &images : NULL;
            assert_status(bh_train(m, &images, &o, &err), BH_ERR_RANGE);
            assert_non_null(strstr(err.message, "diverged"));
        }
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

static bool stop_now(void *user)
{
    (void)user;
    return true;
}

static void test_stops_without_a_checkpoint(void **state)
{
    (void)state;
    bh_images images = bars_images(100, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bars_options();
    bh_error err = {0};
    o.should_stop = stop_now;
    assert_status(bh_train(m, &images, &o, &err), BH_WANT_MORE);
    assert_string_equal(err.message, "training was stopped");
    o.batch = 100; // stopped between epochs
    assert_status(bh_train(m, &images, &o, &err), BH_WANT_MORE);
    o.epochs = 1; // finished all the same
    assert_ok(bh_train(m, &images, &o, &err));
    bh_model_free(m);
    bh_images_clear(&images);
}

typedef struct job {
    bh_images images;
    bh_train_options options;
} job;

static bh_status train_afresh(void *job_)
{
    const job *j = job_;
    bh_error err = {0};
    size_t *at = &bh_hooks_get()->fail_alloc_at, kept = *at;
    *at = 0; // the model itself is always there
    bh_model *m = bars_model(BARS_NET, 1);
    *at = kept;
    bh_status status = bh_train(m, &j->images, &j->options, &err);
    assert_true(status == BH_OK || err.message[0] != '\0');
    bh_model_free(m);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int e = BH_ESTIMATOR_LOCAL; e <= BH_ESTIMATOR_SAMPLE; e++) {
        job j = {bars_images(40, 99), bars_options()};
        j.options.epochs = 2;
        j.options.estimator = (bh_estimator)e;
        j.options.validation = &j.images;
        j.options.patience = 2;
        size_t failed =
            fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, train_afresh, &j);
        assert_true(failed > 40 && failed < 200);
        bh_images_clear(&j.images);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_early_stopping),
        cmocka_unit_test(test_early_stopping_bayesian),
        cmocka_unit_test(test_divergence_is_an_error),
        cmocka_unit_test(test_stops_without_a_checkpoint),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
