// SPDX-License-Identifier: Apache-2.0
// Comparing doubles; cmocka's assert_float_equal would round them to float first.
#ifndef BH_TESTS_SUPPORT_CLOSE_H
#define BH_TESTS_SUPPORT_CLOSE_H

#include <math.h>

#include "support/test.h"

#define assert_close(got, expected, tolerance)                                         \
    do {                                                                               \
        double got_ = (double)(got), expected_ = (double)(expected);                   \
        if (!(fabs(got_ - expected_) <= (double)(tolerance))) {                        \
            fail_msg("%s: %.12g, expected %.12g", #got, got_, expected_);              \
        }                                                                              \
    } while (0)

#endif
