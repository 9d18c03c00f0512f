// SPDX-License-Identifier: Apache-2.0
// Scores against values worked out by hand.
#include <math.h>

#include "bayes/metrics/calibration.h"
#include "bayes/metrics/confusion.h"
#include "bayes/metrics/metrics.h"
#include "support/close.h"

#define NEAR 1e-12

static void test_hand_computed(void **state)
{
    (void)state;
    const double p[] = {
        0.7, 0.2, 0.1, // right, bin 10
        0.1, 0.6, 0.3, // wrong, bin 9 (0.6 * 15 is 9)
        0.2, 0.2, 0.6, // right, bin 9
        0.5, 0.3, 0.2, // wrong, bin 7
    };
    const uint8_t labels[] = {0, 2, 2, 1};
    bh_metrics m = bh_metrics_compute(p, labels, 4, 3);
    assert_int_equal(m.images, 4);
    assert_close(m.accuracy, 0.5, NEAR);
    assert_close(m.nll, -(log(0.7) + log(0.3) + log(0.6) + log(0.3)) / 4, NEAR);
    // 0.09 + 0.04 + 0.01, 0.01 + 0.36 + 0.49, 0.04 + 0.04 + 0.16, 0.25 + 0.49 + 0.04
    assert_close(m.brier, (0.14 + 0.86 + 0.24 + 0.78) / 4, NEAR);
    // |0.7 - 1|, |1.2 - 1|, |0.5 - 0| weigh as the sums that they are
    assert_close(m.ece, (0.3 + 0.2 + 0.5) / 4, NEAR);
}

static void test_certainty(void **state)
{
    (void)state;
    const double p[] = {1, 0, 0, 1, 0, 1};
    const uint8_t right[] = {0, 1, 1}, wrong[] = {1, 0, 0};
    bh_metrics m = bh_metrics_compute(p, right, 3, 2);
    assert_close(m.accuracy, 1, NEAR);
    assert_close(m.nll, 0, NEAR);
    assert_close(m.brier, 0, NEAR);
    assert_close(m.ece, 0, NEAR); // confidence 1 belongs to the last bin
    m = bh_metrics_compute(p, wrong, 3, 2);
    assert_close(m.accuracy, 0, NEAR);
    assert_close(m.nll, -log(1e-12), NEAR); // the floor, not infinity
    assert_close(m.brier, 2, NEAR);
    assert_close(m.ece, 1, NEAR);
}

static void test_ece_cancels_within_a_bin_only(void **state)
{
    (void)state;
    // Two images of confidence 0.5 in one bin, one right: perfectly calibrated.
    const double same[] = {0.5, 0.3, 0.2, 0.5, 0.3, 0.2};
    const uint8_t labels[] = {0, 1};
    assert_close(bh_metrics_compute(same, labels, 2, 3).ece, 0, NEAR);
    // In two bins the errors 0.5 and 0.6 add up.
    const double apart[] = {0.5, 0.3, 0.2, 0.6, 0.2, 0.2};
    assert_close(bh_metrics_compute(apart, labels, 2, 3).ece, 0.55, NEAR);
}

static void test_nothing(void **state)
{
    (void)state;
    bh_metrics m = bh_metrics_compute(NULL, NULL, 0, 10);
    assert_int_equal(m.images, 0);
    assert_close(m.accuracy + m.nll + m.brier + m.ece, 0, 0);
}

// Deviation over the root of the number: of 0, 1, 1, 1 it is sqrt(3) / 4 / 2.
static void test_standard_errors(void **state)
{
    (void)state;
    const double p[] = {0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6, 0.4};
    const uint8_t labels[] = {1, 0, 0, 0};
    bh_metrics m = bh_metrics_compute(p, labels, 4, 2);
    assert_close(m.accuracy_error, sqrt(3) / 8, NEAR);
    assert_close(m.nll_error, sqrt(3) / 8 * (log(0.6) - log(0.4)), NEAR);
    assert_close(m.brier_error, sqrt(3) / 8 * (0.72 - 0.32), NEAR);
}

static void test_bins(void **state)
{
    (void)state;
    const double p[] = {0.7, 0.3, 0.69, 0.31, 1, 0, 0.5, 0.5};
    const uint8_t labels[] = {0, 1, 0, 1};
    bh_bin bins[BH_CALIBRATION_BINS];
    bh_calibration_bins(bins, p, labels, 4, 2);
    assert_int_equal(bins[10].images, 2);
    assert_close(bins[10].confidence, 0.695, NEAR);
    assert_close(bins[10].accuracy, 0.5, NEAR);
    assert_int_equal(bins[14].images, 1);
    assert_close(bins[14].accuracy, 1, NEAR);
    assert_int_equal(bins[7].images, 1); // 0.5 * 15 is 7.5; of equals the first class
    assert_close(bins[7].accuracy, 0, NEAR);
    assert_int_equal(bins[0].images, 0);
    assert_close(bins[0].confidence + bins[0].accuracy, 0, 0);
}

// With two classes both see the same errors: 0.3 and 0.2 in bins of their own.
static void test_error_by_class(void **state)
{
    (void)state;
    const double p[] = {0.7, 0.3, 0.2, 0.8};
    const uint8_t labels[] = {0, 1};
    assert_close(bh_calibration_error_by_class(p, labels, 2, 2), 0.25, NEAR);
}

static double adaptive(const double *p, const uint8_t *labels, size_t images)
{
    double out;
    assert_ok(bh_calibration_error_adaptive(&out, p, labels, images, 2));
    return out;
}

// 30 images, two a bin: one of confidence 0.6 and one of 0.7 would share the bin of
// equal width; here pairs of neighbours do.
static void test_adaptive_error(void **state)
{
    (void)state;
    double p[60], expected = 0;
    uint8_t labels[30];
    test_rng rng = test_rng_new("adaptive");
    for (size_t i = 0; i < 30; i++) {
        p[2 * i] = 0.6 + 0.01 * (double)i;
        p[2 * i + 1] = 1 - p[2 * i];
        labels[i] = (uint8_t)test_rng_below(&rng, 2);
    }
    for (size_t b = 0; b < 15; b++) {
        expected += fabs(p[4 * b] - (labels[2 * b] == 0) + p[4 * b + 2] -
                         (labels[2 * b + 1] == 0)) /
                    30;
    }
    assert_close(adaptive(p, labels, 30), expected, NEAR);
    assert_close(adaptive(p, labels, 0), 0, 0);
}

// Equal confidences that two bins share: as often right in both, in whatever order.
static void test_adaptive_error_of_ties(void **state)
{
    (void)state;
    double p[60];
    uint8_t labels[30], turned[30];
    for (size_t i = 0; i < 30; i++) {
        p[2 * i] = 0.75;
        p[2 * i + 1] = 0.25;
        labels[i] = i < 15;
        turned[i] = i % 2 == 0;
    }
    assert_close(adaptive(p, labels, 30), 0.25, NEAR);
    assert_close(adaptive(p, turned, 30), 0.25, NEAR);
}

// The example of scikit-learn's classification_report: classes 0, 1, 2; true 0 1 2 2 2,
// predicted 0 0 2 2 1.
static void test_confusion(void **state)
{
    (void)state;
    const uint8_t labels[] = {0, 1, 2, 2, 2};
    const uint32_t predicted[] = {0, 0, 2, 2, 1};
    bh_score scores[5] = {{0}};
    uint32_t counts[9];
    for (int i = 0; i < 5; i++) {
        scores[i].label = predicted[i];
    }
    bh_confusion_count(counts, scores, labels, 5, 3);
    const uint32_t expected[] = {1, 0, 0, 1, 0, 0, 0, 1, 2};
    assert_memory_equal(counts, expected, sizeof expected);
    bh_class_score c = bh_confusion_class(counts, 3, 0);
    assert_int_equal(c.support, 1);
    assert_close(c.precision, 0.5, NEAR);
    assert_close(c.recall, 1, NEAR);
    assert_close(c.f1, 2 / 3.0, NEAR);
    c = bh_confusion_class(counts, 3, 1);
    assert_close(c.precision + c.recall + c.f1, 0, 0);
    c = bh_confusion_class(counts, 3, 2);
    assert_int_equal(c.support, 3);
    assert_close(c.precision, 1, NEAR);
    assert_close(c.recall, 2 / 3.0, NEAR);
    assert_close(c.f1, 0.8, NEAR);
    assert_close(bh_confusion_macro_f1(counts, 3), (2 / 3.0 + 0.8) / 3, NEAR);
}

// A class that occurs nowhere does not lower the mean.
static void test_macro_f1_of_absent_classes(void **state)
{
    (void)state;
    const uint32_t counts[] = {5, 0, 0, 0, 0, 0, 0, 0, 3}, none[4] = {0};
    assert_close(bh_confusion_macro_f1(counts, 3), 1, NEAR);
    assert_close(bh_confusion_macro_f1(none, 2), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_errors),
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_error_by_class),
        cmocka_unit_test(test_adaptive_error),
        cmocka_unit_test(test_adaptive_error_of_ties),
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_macro_f1_of_absent_classes),
        cmocka_unit_test(test_hand_computed),
        cmocka_unit_test(test_certainty),
        cmocka_unit_test(test_ece_cancels_within_a_bin_only),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
