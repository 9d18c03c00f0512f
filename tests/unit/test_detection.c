// SPDX-License-Identifier: Apache-2.0
// Out-of-distribution detection and selective prediction, against their definitions.
#include <math.h>

#include "bayes/metrics/coverage.h"
#include "bayes/metrics/detection.h"
#include "support/close.h"

#define NEAR 1e-9

// The definition: over all pairs.
static double auroc_of_pairs(const double *in, size_t n_in, const double *out,
                             size_t n_out)
{
    double sum = 0;
    for (size_t i = 0; i < n_in; i++) {
        for (size_t j = 0; j < n_out; j++) {
            sum += out[j] > in[i] ? 1 : out[j] == in[i] ? 0.5 : 0;
        }
    }
    return sum / (double)(n_in * n_out);
}

static double share_up_to(const double *x, size_t n, double threshold)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += x[i] <= threshold;
    }
    return (double)count / (double)n;
}

// The definition: every score of an input of the distribution is tried as a threshold.
static double fpr95_of_thresholds(const double *in, size_t n_in, const double *out,
                                  size_t n_out)
{
    double least = INFINITY;
    for (size_t i = 0; i < n_in; i++) {
        if (share_up_to(in, n_in, in[i]) >= 0.95 - 1e-12) {
            least = fmin(least, in[i]);
        }
    }
    return share_up_to(out, n_out, least);
}

static void check_against_definitions(const double *in, size_t n_in, const double *out,
                                      size_t n_out)
{
    bh_detection d, turned;
    assert_ok(bh_detection_compute(&d, in, n_in, out, n_out));
    assert_close(d.auroc, auroc_of_pairs(in, n_in, out, n_out), NEAR);
    assert_close(d.fpr95, fpr95_of_thresholds(in, n_in, out, n_out), NEAR);
    assert_ok(bh_detection_compute(&turned, out, n_out, in, n_in));
    assert_close(d.auroc + turned.auroc, 1, NEAR);
    for (size_t i = 1; i < BH_ROC_POINTS; i++) {
        assert_true(d.roc[i] >= d.roc[i - 1] - NEAR && d.roc[i] <= 1 + NEAR);
    }
    assert_close(d.roc[BH_ROC_POINTS - 1], 1, NEAR);
}

// Few values, so that ties are everywhere, and many.
static void test_random_scores(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("detection");
    for (int run = 0; run < 300; run++) {
        double in[120], out[120];
        size_t n_in = 1 + test_rng_below(&rng, 120),
               n_out = 1 + test_rng_below(&rng, 120);
        uint64_t values = run % 2 == 0 ? 5 : 100000;
        for (size_t i = 0; i < n_in; i++) {
            in[i] = (double)test_rng_below(&rng, values);
        }
        for (size_t i = 0; i < n_out; i++) {
            out[i] = (double)test_rng_below(&rng, values) + (run % 3 == 0 ? 2 : 0);
        }
        check_against_definitions(in, n_in, out, n_out);
    }
}

// Fawcett, "An introduction to ROC analysis" (Pattern Recognition Letters 27, 2006),
// figure 3: ten positives and ten negatives; the area of his curve is 0.68.
static void test_published_example(void **state)
{
    (void)state;
    const double positive[] = {0.9, 0.8, 0.6, 0.55, 0.54, 0.51, 0.4, 0.38, 0.34, 0.3};
    const double negative[] = {0.7,  0.53, 0.52, 0.505, 0.39,
                               0.37, 0.36, 0.35, 0.33,  0.1};
    bh_detection d;
    assert_ok(bh_detection_compute(&d, negative, 10, positive, 10));
    assert_close(d.auroc, 0.68, NEAR);
    assert_close(d.roc[0], 0.2, NEAR); // before the first mistake
    assert_close(d.roc[(BH_ROC_POINTS - 1) / 10], 0.5, NEAR); // after it
}

static void test_ends(void **state)
{
    (void)state;
    const double low[] = {1, 2, 3}, high[] = {4, 5}, same[] = {7, 7, 7};
    bh_detection d;
    assert_ok(bh_detection_compute(&d, low, 3, high, 2));
    assert_close(d.auroc, 1, 0);
    assert_close(d.fpr95, 0, 0);
    assert_close(d.roc[0], 1, 0);
    assert_ok(bh_detection_compute(&d, high, 2, low, 3));
    assert_close(d.auroc, 0, 0);
    assert_close(d.fpr95, 1, 0);
    assert_ok(bh_detection_compute(&d, same, 3, same, 2));
    assert_close(d.auroc, 0.5, NEAR);
    assert_close(d.fpr95, 1, NEAR);
    assert_close(d.roc[(BH_ROC_POINTS - 1) / 4], 0.25, NEAR);
}

// 19 of 20 are 95 %: the twentieth is not needed.
static void test_95_percent(void **state)
{
    (void)state;
    double in[20];
    const double out[] = {18, 18.5, 19.5, 30};
    bh_detection d;
    for (int i = 0; i < 20; i++) {
        in[i] = i;
    }
    assert_ok(bh_detection_compute(&d, in, 20, out, 4));
    assert_close(d.fpr95, 0.25, NEAR);
    assert_ok(bh_detection_compute(&d, in, 19, out, 4)); // 18 of 19 are not enough
    assert_close(d.fpr95, 0.25, NEAR);
    assert_ok(bh_detection_compute(&d, in, 18, out, 4));
    assert_close(d.fpr95, 0, NEAR);
}

static bh_score certain(double confidence, uint32_t label)
{
    return (bh_score){.label = label, .confidence = confidence};
}

static void test_risk(void **state)
{
    (void)state;
    // Certain first: right, wrong, right, right, wrong.
    const bh_score scores[] = {certain(0.5, 1), certain(0.9, 0), certain(0.3, 1),
                               certain(0.8, 1), certain(0.4, 0)};
    const uint8_t labels[] = {1, 0, 0, 0, 0};
    double risk[5];
    assert_ok(bh_coverage_risk(risk, scores, labels, 5));
    assert_close(risk[0], 0, NEAR);
    assert_close(risk[1], 1 / 2.0, NEAR);
    assert_close(risk[2], 1 / 3.0, NEAR);
    assert_close(risk[3], 1 / 4.0, NEAR);
    assert_close(risk[4], 2 / 5.0, NEAR);
    assert_close(bh_coverage_area(risk, 5), (1 / 2.0 + 1 / 3.0 + 1 / 4.0 + 0.4) / 5,
                 NEAR);
    assert_close(bh_coverage_accuracy(risk, 5, 0.8), 0.75, NEAR);
    assert_close(bh_coverage_accuracy(risk, 5, 0.61), 0.75, NEAR);
    assert_close(bh_coverage_accuracy(risk, 5, 0.6), 1 - 1 / 3.0, NEAR);
    assert_close(bh_coverage_accuracy(risk, 5, 1), 0.6, NEAR);
    assert_close(bh_coverage_accuracy(risk, 5, 0.01), 1, NEAR);
}

// Equally certain images: the order in which they stand does not matter.
static void test_risk_of_ties(void **state)
{
    (void)state;
    const bh_score scores[] = {certain(0.9, 0), certain(0.5, 0), certain(0.5, 1),
                               certain(0.5, 0)};
    const uint8_t a[] = {0, 0, 0, 0}, b[] = {0, 1, 1, 0};
    double risk[4], other[4];
    assert_ok(bh_coverage_risk(risk, scores, a, 4));
    assert_ok(bh_coverage_risk(other, scores, b, 4));
    for (int i = 0; i < 4; i++) {
        assert_close(risk[i], i / 3.0 / (i + 1), NEAR);
        assert_close(other[i], risk[i], NEAR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_scores), cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_ends),          cmocka_unit_test(test_95_percent),
        cmocka_unit_test(test_risk),          cmocka_unit_test(test_risk_of_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
