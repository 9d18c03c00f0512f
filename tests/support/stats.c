// SPDX-License-Identifier: Apache-2.0
#include "support/stats.h"

#include <math.h>
#include <stdlib.h>

double stats_correlation(const double *a, const double *b, size_t len)
{
    double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < len; i++) {
        mean_a += a[i] / (double)len;
        mean_b += b[i] / (double)len;
    }
    for (size_t i = 0; i < len; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / sqrt(aa * bb);
}

double stats_relative_error(const double *a, const double *b, size_t len)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < len; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

static int compare(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double stats_ks(double *a, double *b, size_t len)
{
    qsort(a, len, sizeof *a, compare);
    qsort(b, len, sizeof *b, compare);
    double largest = 0;
    for (size_t i = 0, j = 0; i < len && j < len;) {
        double x = a[i] < b[j] ? a[i] : b[j]; // ties advance both
        while (i < len && a[i] <= x) {
            i++;
        }
        while (j < len && b[j] <= x) {
            j++;
        }
        largest = fmax(largest, fabs((double)i - (double)j) / (double)len);
    }
    return largest;
}

double stats_ks_limit(size_t len)
{
    return sqrt(-log(1e-6 / 2) / 2) * sqrt(2 / (double)len);
}

double stats_chi_square(const uint64_t *counts, const double *expected, size_t len)
{
    double sum = 0;
    for (size_t i = 0; i < len; i++) {
        double d = (double)counts[i] - expected[i];
        sum += d * d / expected[i];
    }
    return sum;
}

double stats_chi_square_limit(size_t degrees_of_freedom)
{
    double k = (double)degrees_of_freedom, h = 2 / (9 * k);
    double root = 1 - h + 4.7534 * sqrt(h); // the normal law's quantile for 1e-6
    return k * root * root * root;
}

// What a normal number exceeds with this probability.
static double normal_limit(double probability)
{
    double low = 0, high = 40;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (erfc(middle / sqrt(2)) / 2 > probability) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

double stats_chi_square_limit_at(size_t degrees_of_freedom, double probability)
{
    double k = (double)degrees_of_freedom, h = 2 / (9 * k);
    if (degrees_of_freedom == 1) { // the square of a normal number
        double z = normal_limit(probability / 2);
        return z * z;
    }
    double root = 1 - h + normal_limit(probability) * sqrt(h);
    return k * root * root * root;
}
