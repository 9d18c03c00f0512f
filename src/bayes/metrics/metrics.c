// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/metrics.h"

#include <math.h>

#include "bayes/metrics/calibration.h"

// A mean and its standard error from sums.
typedef struct average {
    double sum, squares;
} average;

static void average_add(average *a, double x)
{
    a->sum += x;
    a->squares += x * x;
}

static double average_finish(const average *a, double n, double *error)
{
    double mean = a->sum / n;
    *error = sqrt(fmax(a->squares / n - mean * mean, 0) / n);
    return mean;
}

static double image_brier(const double *p, size_t label, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double d = p[c] - (c == label ? 1 : 0);
        sum += d * d;
    }
    return sum;
}

size_t bh_metrics_label(const double *probabilities, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++) {
        best = probabilities[c] > probabilities[best] ? c : best;
    }
    return best;
}

bh_metrics bh_metrics_compute(const double *probabilities, const uint8_t *labels,
                              size_t images, size_t classes)
{
    bh_metrics m = {.images = images};
    average hits = {0}, nll = {0}, brier = {0};
    bh_bin bins[BH_CALIBRATION_BINS];
    const double n = (double)images;
    if (images == 0) {
        return m;
    }
    for (size_t i = 0; i < images; i++) {
        const double *p = probabilities + i * classes;
        average_add(&hits, bh_metrics_label(p, classes) == labels[i] ? 1 : 0);
        average_add(&nll, -log(fmax(p[labels[i]], 1e-12)));
        average_add(&brier, image_brier(p, labels[i], classes));
    }
    m.accuracy = average_finish(&hits, n, &m.accuracy_error);
    m.nll = average_finish(&nll, n, &m.nll_error);
    m.brier = average_finish(&brier, n, &m.brier_error);
    bh_calibration_bins(bins, probabilities, labels, images, classes);
    m.ece = bh_calibration_error(bins);
    return m;
}
