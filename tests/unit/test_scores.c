// SPDX-License-Identifier: Apache-2.0
// Uncertainty scores and the temperature, from logits.
#include <math.h>
#include <string.h>

#include "bayes/metrics/metrics.h"
#include "bayes/metrics/scores.h"
#include "bayes/metrics/temperature.h"
#include "support/close.h"

#define NEAR 1e-6 // logits are floats

// Two draws that are both certain and disagree: all of the entropy is the model's.
static void test_disagreement(void **state)
{
    (void)state;
    const float logits[] = {60, 0, 0, 60};
    double p[2];
    bh_score s;
    assert_ok(bh_scores_compute(p, &s, logits, 1, 2, 2));
    assert_int_equal(s.label, 0);
    assert_close(s.confidence, 0.5, NEAR);
    assert_close(s.entropy, log(2), NEAR);
    assert_close(s.mutual_information, log(2), NEAR);
    assert_close(s.energy, -60, NEAR);
}

// Two equal draws that do not know: none of it is.
static void test_agreement(void **state)
{
    (void)state;
    const float logits[] = {3, 3, 3, 3, 3, 3, 3, 3};
    double p[4];
    bh_score s;
    assert_ok(bh_scores_compute(p, &s, logits, 1, 2, 4));
    assert_close(s.entropy, log(4), NEAR);
    assert_close(s.mutual_information, 0, NEAR);
    assert_close(s.energy, -(3 + log(4)), NEAR);
    assert_close(bh_score_unlike(&s, BH_UNLIKE_ENTROPY), log(4), NEAR);
    assert_close(bh_score_unlike(&s, BH_UNLIKE_MUTUAL_INFORMATION), 0, NEAR);
    assert_close(bh_score_unlike(&s, BH_UNLIKE_ENERGY), -(3 + log(4)), NEAR);
    assert_close(bh_score_unlike(&s, BH_UNLIKE_CONFIDENCE), -0.25, NEAR);
}

// A constant added to all logits of a draw changes nothing but the energy.
static void test_shift(void **state)
{
    (void)state;
    const float a[] = {1, 2, 0.5f, -1, 0, 4}, b[] = {9, 10, 8.5f, -1, 0, 4};
    double p[3], q[3];
    bh_score s, t;
    assert_ok(bh_scores_compute(p, &s, a, 1, 2, 3));
    assert_ok(bh_scores_compute(q, &t, b, 1, 2, 3));
    for (int c = 0; c < 3; c++) {
        assert_close(p[c], q[c], NEAR);
    }
    assert_close(s.entropy, t.entropy, NEAR);
    assert_close(s.mutual_information, t.mutual_information, NEAR);
    assert_close(s.energy, t.energy + 4, NEAR); // 8 in one of two draws
}

static void test_refuses_what_is_no_number(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        float logits[] = {0, 1, 2, 3, 4, 5, 6, 7};
        double p[4];
        bh_score s[2];
        assert_ok(bh_scores_compute(p, s, logits, 2, 2, 2));
        logits[7] = bad[i];
        assert_status(bh_scores_compute(p, s, logits, 2, 2, 2), BH_ERR_RANGE);
    }
}

// Labels drawn by the probabilities of logits, which are then multiplied: that factor
// is the temperature that undoes it.
#define IMAGES  20000
#define CLASSES 4

static float normal(test_rng *rng)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += (double)(test_rng_next(rng) >> 11) * 0x1p-53;
    }
    return (float)sum;
}

static uint8_t draw_label(test_rng *rng, const float *logits)
{
    double p[CLASSES], u = (double)(test_rng_next(rng) >> 11) * 0x1p-53;
    bh_score s;
    uint8_t c = 0;
    assert_ok(bh_scores_compute(p, &s, logits, 1, 1, CLASSES));
    for (; c < CLASSES - 1 && u >= p[c]; c++) {
        u -= p[c];
    }
    return c;
}

static void test_temperature_is_found(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("temperature");
    float *logits = malloc(IMAGES * CLASSES * sizeof *logits);
    uint8_t *labels = malloc(IMAGES);
    assert_true(logits != NULL && labels != NULL);
    for (size_t i = 0; i < IMAGES; i++) {
        for (size_t c = 0; c < CLASSES; c++) {
            logits[i * CLASSES + c] = 2 * normal(&rng);
        }
        labels[i] = draw_label(&rng, logits + i * CLASSES);
    }
    for (double factor = 0.25; factor < 10; factor *= 2) {
        bh_temperature_apply(logits, IMAGES * CLASSES, 1 / factor);
        double t = bh_temperature_fit(logits, labels, IMAGES, 1, CLASSES);
        assert_close(t / factor, 1, 0.1); // the standard error is about 0.015
        bh_temperature_apply(logits, IMAGES * CLASSES, factor);
    }
    free(logits);
    free(labels);
}

static double nll_at(const float *logits, const uint8_t *labels, size_t images,
                     size_t samples, double t)
{
    float scaled[300];
    double p[90];
    bh_score s[30];
    memcpy(scaled, logits, images * samples * 3 * sizeof *logits);
    bh_temperature_apply(scaled, images * samples * 3, t);
    assert_ok(bh_scores_compute(p, s, scaled, images, samples, 3));
    return bh_metrics_compute(p, labels, images, 3).nll;
}

// No temperature of a fine grid does better than the one that is found; metrics.c is
// the judge.
static void test_temperature_is_the_minimum(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("temperature, mixture");
    for (int run = 0; run < 20; run++) {
        float logits[30 * 3 * 3];
        uint8_t labels[30];
        for (size_t i = 0; i < 30; i++) {
            labels[i] = (uint8_t)test_rng_below(&rng, 3);
            for (size_t j = 0; j < 9; j++) {
                logits[i * 9 + j] = normal(&rng) + (j % 3 == labels[i] ? 1 : 0);
            }
        }
        double t = bh_temperature_fit(logits, labels, 30, 3, 3);
        double best = nll_at(logits, labels, 30, 3, t);
        assert_true(t >= BH_TEMPERATURE_FIT_MIN && t <= BH_TEMPERATURE_FIT_MAX);
        for (double other = BH_TEMPERATURE_FIT_MIN; other <= BH_TEMPERATURE_FIT_MAX;
             other *= 1.02) {
            assert_true(best <= nll_at(logits, labels, 30, 3, other) + 1e-6);
        }
    }
}

// Always right: the colder the better. Always wrong: the hotter.
static void test_temperature_has_bounds(void **state)
{
    (void)state;
    const float logits[] = {1, 0, 0, 1};
    const uint8_t right[] = {0, 1}, wrong[] = {1, 0};
    assert_close(bh_temperature_fit(logits, right, 2, 1, 2), BH_TEMPERATURE_FIT_MIN,
                 1e-5);
    assert_close(bh_temperature_fit(logits, wrong, 2, 1, 2), BH_TEMPERATURE_FIT_MAX,
                 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disagreement),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_refuses_what_is_no_number),
        cmocka_unit_test(test_temperature_is_found),
        cmocka_unit_test(test_temperature_is_the_minimum),
        cmocka_unit_test(test_temperature_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
