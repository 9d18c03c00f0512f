// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics.h"

#include <math.h>

#define N_BINS 15

// What falls into one bin of the largest probability.
typedef struct bin {
    double confidence, correct; // sums
} bin;

static double image_brier(const double *p, size_t label, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double d = p[c] - (c == label ? 1 : 0);
        sum += d * d;
    }
    return sum;
}

static size_t largest(const double *p, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++) {
        best = p[c] > p[best] ? c : best;
    }
    return best;
}

static size_t bin_of(double confidence)
{
    size_t b = confidence > 0 ? (size_t)(confidence * N_BINS) : 0;
    return b < N_BINS ? b : N_BINS - 1; // the last bin holds 1 itself
}

bh_metrics bh_metrics_compute(const double *probabilities, const uint8_t *labels,
                              size_t images, size_t classes)
{
    bh_metrics sum = {.images = images};
    if (images == 0) {
        return sum;
    }
    bin bins[N_BINS] = {{0, 0}};
    for (size_t i = 0; i < images; i++) {
        const double *p = probabilities + i * classes;
        size_t top = largest(p, classes), b = bin_of(p[top]);
        double correct = top == labels[i] ? 1 : 0;
        sum.accuracy += correct;
        sum.nll -= log(fmax(p[labels[i]], 1e-12));
        sum.brier += image_brier(p, labels[i], classes);
        bins[b].confidence += p[top];
        bins[b].correct += correct;
    }
    for (size_t b = 0; b < N_BINS; b++) {
        sum.ece += fabs(bins[b].confidence - bins[b].correct);
    }
    const double n = (double)images;
    sum.accuracy /= n;
    sum.nll /= n;
    sum.brier /= n;
    sum.ece /= n;
    return sum;
}
