// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "bayhenn/model.h"

// Adds softmax(logits) / n_samples to sums and returns the entropy of the softmax.
// With d = logit - max <= 0 and Z = sum exp d >= 1, nothing overflows, and the entropy
// is log Z - sum (exp d / Z) d.
static double add_softmax(double *sums, const double *logits, size_t n_classes,
                          size_t n_samples)
{
    double max = logits[0], total = 0, weighted = 0;
    for (size_t i = 1; i < n_classes; i++) {
        max = fmax(max, logits[i]);
    }
    for (size_t i = 0; i < n_classes; i++) {
        total += exp(logits[i] - max);
    }
    for (size_t i = 0; i < n_classes; i++) {
        double p = exp(logits[i] - max) / total;
        weighted += p * (logits[i] - max);
        sums[i] += p / (double)n_samples;
    }
    return log(total) - weighted;
}

bh_prediction bh_predict_from_logits(double *probabilities, const double *logits,
                                     size_t n_samples, size_t n_classes)
{
    bh_prediction out = {0};
    double mean_entropy = 0;
    for (size_t i = 0; i < n_classes; i++) {
        probabilities[i] = 0;
    }
    for (size_t s = 0; s < n_samples; s++) {
        mean_entropy +=
            add_softmax(probabilities, logits + s * n_classes, n_classes, n_samples) /
            (double)n_samples;
    }
    for (size_t i = 0; i < n_classes; i++) {
        double p = probabilities[i];
        out.entropy -= p > 0 ? p * log(p) : 0;
        out.label = p > probabilities[out.label] ? (uint32_t)i : out.label;
    }
    // Both are at least 0 by Jensen's inequality; rounding may leave -1e-16.
    out.entropy = fmax(out.entropy, 0);
    out.mutual_information = fmax(out.entropy - mean_entropy, 0);
    return out;
}
