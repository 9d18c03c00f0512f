// SPDX-License-Identifier: Apache-2.0
// Scores against values worked out by hand.
#include <math.h>

#include "bayes/metrics.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_computed),
        cmocka_unit_test(test_certainty),
        cmocka_unit_test(test_ece_cancels_within_a_bin_only),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
