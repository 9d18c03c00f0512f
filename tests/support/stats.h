// SPDX-License-Identifier: Apache-2.0
// Statistics that the tests judge by.
#ifndef BH_TESTS_SUPPORT_STATS_H
#define BH_TESTS_SUPPORT_STATS_H

#include <stddef.h>
#include <stdint.h>

// Pearson's correlation of two samples.
double stats_correlation(const double *a, const double *b, size_t len);

// sqrt(sum (a - b)^2 / sum b^2).
double stats_relative_error(const double *a, const double *b, size_t len);

// Kolmogorov and Smirnov's distance between two samples of len each; sorts both.
double stats_ks(double *a, double *b, size_t len);
// What stats_ks exceeds with probability 1e-6 under equal laws:
// sqrt(-ln(1e-6 / 2) / 2) sqrt(2 / len).
double stats_ks_limit(size_t len);

// Chi-square of counts against expected values.
double stats_chi_square(const uint64_t *counts, const double *expected, size_t len);
// What it exceeds with probability 1e-6 (Wilson and Hilferty's approximation).
double stats_chi_square_limit(size_t degrees_of_freedom);
// The same for any probability up to 0.1; exact for one degree of freedom.
double stats_chi_square_limit_at(size_t degrees_of_freedom, double probability);

#endif
