// SPDX-License-Identifier: Apache-2.0
// Training that is interrupted and goes on ends with the same bits.
#include "support/bars.h"
#include "support/stopped.h"

#define COUNT 130

// What was reported at the ends of epochs.
typedef struct report {
    uint32_t count;
    double numbers[100][5];
} report;

typedef struct watcher {
    stopper stopper; // first, so that it is should_stop's
    report report;
} watcher;

static void note_epoch(void *user, const bh_train_progress *p)
{
    report *r = &((watcher *)user)->report;
    if (p->epoch_done) {
        assert_true(r->count < 100);
        double *n = r->numbers[r->count++];
        n[0] = p->loss;
        n[1] = p->accuracy;
        n[2] = p->kl;
        n[3] = p->validated ? p->val_loss : 0;
        n[4] = p->rate;
    }
}

// Trains, stopped again and again after a few steps; returns how often it was.
static uint32_t train_in_pieces(bh_model **out, const bh_images *images,
                                bh_train_options o, watcher *w, test_rng *rng)
{
    uint32_t stops = 0;
    bh_status status = BH_WANT_MORE;
    *out = NULL;
    o.should_stop = should_stop;
    while (status == BH_WANT_MORE) {
        bh_error err = {0};
        w->stopper.left = (uint32_t)test_rng_below(rng, 8);
        bh_model_free(*out);
        *out = bars_model(BARS_NET, o.members); // as a new process would
        assert_ok(bh_pool_new(&o.pool, 1 + (uint32_t)test_rng_below(rng, 3)));
        status = bh_train(*out, images, &o, &err);
        bh_pool_free(o.pool);
        if (status != BH_OK && status != BH_WANT_MORE) {
            fail_msg("%s", err.message);
        }
        stops += status == BH_WANT_MORE;
        o.resume = true;
    }
    return stops;
}

static void check_resumes(const bh_images *images, bh_train_options o, test_rng *rng)
{
    const place p = place_new();
    watcher of_whole = {0}, of_pieces = {0};
    bh_model *whole = bars_model(BARS_NET, o.members), *pieces;
    o.on_progress = note_epoch;
    o.user = &of_whole;
    assert_ok(bh_train(whole, images, &o, NULL));
    o.checkpoint = p.path;
    o.user = &of_pieces;
    const uint32_t stops = train_in_pieces(&pieces, images, o, &of_pieces, rng);
    assert_true(stops >= 1);
    assert_true(bars_same(whole, pieces));
    assert_int_equal(of_whole.report.count, of_pieces.report.count);
    assert_memory_equal(of_whole.report.numbers, of_pieces.report.numbers,
                        sizeof of_whole.report.numbers);
    assert_true(pieces->graph.quantised);
    bh_model_free(whole);
    bh_model_free(pieces);
    place_clear(&p);
}

static void test_resumes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("resumes");
    bh_images images = bars_noise(COUNT, 99), validation = bars_noise(50, 100);
    for (int i = 0; i < 5; i++) {
        for (int e = BH_ESTIMATOR_LOCAL; e <= BH_ESTIMATOR_SAMPLE; e++) {
            bh_train_options o = bars_short_options();
            o.estimator = (bh_estimator)e;
            o.prior.mixture = i % 2 == 1;
            check_resumes(&images, o, &rng);
        }
        bh_train_options o = bars_short_options(); // members, and best weights so far
        o.members = 3;
        o.epochs = 12;
        o.validation = &validation;
        o.patience = 2;
        check_resumes(&images, o, &rng);
        o.bayesian = false;
        o.sgd = true;
        o.learning_rate = 0.1;
        check_resumes(&images, o, &rng);
    }
    bh_images_clear(&images);
    bh_images_clear(&validation);
}

// A finished run's checkpoint gives the result once more.
static void test_resumes_at_the_end(void **state)
{
    (void)state;
    const place p = place_new();
    bh_images images = bars_images(COUNT, 99);
    bh_train_options o = bars_short_options();
    o.checkpoint = p.path;
    bh_model *a = bars_model(BARS_NET, 1), *b = bars_model(BARS_NET, 1);
    assert_ok(bh_train(a, &images, &o, NULL));
    o.resume = true;
    assert_ok(bh_train(b, &images, &o, NULL));
    assert_true(bars_same(a, b));
    bh_model_free(a);
    bh_model_free(b);
    bh_images_clear(&images);
    place_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_resumes_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
