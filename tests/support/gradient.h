// SPDX-License-Identifier: Apache-2.0
// Gradients against central finite differences, in double precision (bayes/real.h).
//
// With a step h the difference is off by about h^2 / 6 times the third derivative and
// by 2^-53 |f| / h from rounding: with h = 1e-5 and values of order 1 to 100 both are
// below 1e-9. TOLERANCE leaves room for larger derivatives; a wrong gradient is off by
// much more.
#ifndef BH_TESTS_SUPPORT_GRADIENT_H
#define BH_TESTS_SUPPORT_GRADIENT_H

#include "base/memory.h"
#include "bayes/real.h"
#include "support/close.h"

#define STEP      1e-5
#define TOLERANCE 1e-6

static inline void assert_near(double got, double expected, const char *what, size_t i)
{
    if (!(fabs(got - expected) <= TOLERANCE * (1 + fabs(expected)))) {
        fail_msg("%s[%zu]: gradient %.12g, difference %.12g", what, i, got, expected);
    }
}

static inline void fill_uniform(test_rng *rng, bh_real *x, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        x[i] = (double)test_rng_range(rng, -1000, 1000) / 1000;
    }
}

static inline bh_real *reals(size_t len)
{
    bh_real *x = bh_alloc(len, sizeof *x);
    assert_non_null(x);
    return x;
}

#endif
