// SPDX-License-Identifier: Apache-2.0
// Telling inputs of another kind from those that a network was made for, by one score.
//
// Out-of-distribution inputs are the positive class: a detector raises its alarm at
// scores above a threshold, and accepts the others.
#ifndef BH_BAYES_DETECTION_H
#define BH_BAYES_DETECTION_H

#include <stddef.h>

#include "bayhenn/bayhenn.h"

#define BH_ROC_POINTS 201

typedef struct bh_detection {
    // The chance that an input from elsewhere scores higher than one of the
    // distribution, ties counted half: the Mann-Whitney statistic, hence exactly the
    // area under the curve.
    double auroc;
    // The share of inputs from elsewhere that are accepted at the lowest threshold that
    // accepts 95 % of those of the distribution ("FPR at 95 % TPR" in the literature,
    // where accepting is called positive: Liang et al., ICLR 2018).
    double fpr95;
    // The curve: roc[i] is the share of inputs from elsewhere that raise the alarm
    // where i / (BH_ROC_POINTS - 1) of those of the distribution do.
    double roc[BH_ROC_POINTS];
} bh_detection;

// Scores of both kinds of inputs, n_in, n_out >= 1. BH_ERR_NOMEM.
bh_status bh_detection_compute(bh_detection *out, const double *in, size_t n_in,
                               const double *elsewhere, size_t n_out) BH_MUST_CHECK;

#endif
