// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/coverage.h"

#include <math.h>

#include "base/memory.h"
#include "bayes/metrics/pairs.h"

bh_status bh_coverage_risk(double *risk, const bh_score *scores, const uint8_t *labels,
                           size_t images)
{
    double errors = 0;
    bh_pair *pairs = bh_alloc(images, sizeof *pairs);
    if (pairs == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < images; i++) {
        pairs[i] =
            (bh_pair){-scores[i].confidence, scores[i].label != labels[i] ? 1 : 0};
    }
    bh_pairs_sort(pairs, images);
    for (size_t i = 0; i < images; i++) {
        errors += pairs[i].value;
        risk[i] = errors / (double)(i + 1);
    }
    bh_free(pairs);
    return BH_OK;
}

double bh_coverage_area(const double *risk, size_t images)
{
    double sum = 0;
    for (size_t i = 0; i < images; i++) {
        sum += risk[i];
    }
    return images > 0 ? sum / (double)images : 0;
}

double bh_coverage_accuracy(const double *risk, size_t images, double coverage)
{
    // 0.8 * 10 is a rounding above 8 in some cases: a billionth of an image is none.
    double wanted = ceil(coverage * (double)images - 1e-9 * (double)images);
    size_t k = wanted > 1 ? (size_t)wanted : 1;
    return 1 - risk[k - 1];
}
