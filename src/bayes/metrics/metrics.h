// SPDX-License-Identifier: Apache-2.0
// Scores of probabilistic predictions, with the standard errors that their finite
// number of images leaves.
#ifndef BH_BAYES_METRICS_H
#define BH_BAYES_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef struct bh_metrics {
    size_t images;
    double accuracy;
    double nll;   // mean of -log p(label), nats, p floored at 1e-12
    double brier; // mean over images of the sum over classes of (p - onehot)^2
                  // (Brier, 1950, as it was first stated: 0 .. 2)
    double ece;   // expected calibration error, 15 equal-width bins of max p
    // Deviation of the mean over images, divided by the root of their number.
    double accuracy_error, nll_error, brier_error;
} bh_metrics;

// probabilities: [images][classes].
bh_metrics bh_metrics_compute(const double *probabilities, const uint8_t *labels,
                              size_t images, size_t classes);

// The class of the largest probability; of equal ones the first.
size_t bh_metrics_label(const double *probabilities, size_t classes);

#endif
