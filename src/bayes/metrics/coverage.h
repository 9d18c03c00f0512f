// SPDX-License-Identifier: Apache-2.0
// Selective prediction: a network that may keep silent about the inputs it is least
// certain of answers a share of them (coverage) and errs in some of its answers (risk).
// Certain first means: by the largest probability, the largest first.
//
// Source: Geifman and El-Yaniv, NeurIPS 2017, for the curve; Geifman, Uziel and
// El-Yaniv, ICLR 2019, for the area under it.
#ifndef BH_BAYES_COVERAGE_H
#define BH_BAYES_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bayes/metrics/scores.h"

// risk: [images]; risk[k] is the share of errors among the k + 1 most certain images;
// among equally certain ones, errors are spread evenly. BH_ERR_NOMEM.
bh_status bh_coverage_risk(double *risk, const bh_score *scores, const uint8_t *labels,
                           size_t images) BH_MUST_CHECK;

// AURC: the mean of all of risk.
double bh_coverage_area(const double *risk, size_t images);

// 1 - risk among the most certain images, as many as are at least this share of all,
// 0 < coverage <= 1; images >= 1.
double bh_coverage_accuracy(const double *risk, size_t images, double coverage);

#endif
