// SPDX-License-Identifier: Apache-2.0
// Scores of probabilistic predictions.
#ifndef BH_BAYES_METRICS_H
#define BH_BAYES_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef struct bh_metrics {
    size_t images;
    double accuracy;
    double nll;   // mean of -log p(label), nats, p floored at 1e-12
    double brier; // mean over images of the sum over classes of (p - onehot)^2
    double ece;   // expected calibration error, 15 equal-width bins of max p
} bh_metrics;

// probabilities: [images][classes].
bh_metrics bh_metrics_compute(const double *probabilities, const uint8_t *labels,
                              size_t images, size_t classes);

#endif
