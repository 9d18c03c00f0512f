// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/scores.h"

#include <math.h>

#include "base/memory.h"
#include "bayhenn/model.h"

double bh_score_unlike(const bh_score *score, bh_unlike kind)
{
    switch (kind) {
    case BH_UNLIKE_ENTROPY:
        return score->entropy;
    case BH_UNLIKE_MUTUAL_INFORMATION:
        return score->mutual_information;
    case BH_UNLIKE_ENERGY:
        return score->energy;
    default:
        return -score->confidence;
    }
}

static double log_sum_exp(const double *logits, size_t classes)
{
    double max = logits[0], sum = 0;
    for (size_t c = 1; c < classes; c++) {
        max = fmax(max, logits[c]);
    }
    for (size_t c = 0; c < classes; c++) {
        sum += exp(logits[c] - max);
    }
    return max + log(sum);
}

static bh_score score_image(double *probabilities, const double *logits, size_t samples,
                            size_t classes)
{
    bh_prediction p = bh_predict_from_logits(probabilities, logits, samples, classes);
    bh_score score = {.label = p.label,
                      .confidence = probabilities[p.label],
                      .entropy = p.entropy,
                      .mutual_information = p.mutual_information};
    for (size_t s = 0; s < samples; s++) {
        score.energy -= log_sum_exp(logits + s * classes, classes) / (double)samples;
    }
    return score;
}

bh_status bh_scores_compute(double *probabilities, bh_score *scores,
                            const float *logits, size_t images, size_t samples,
                            size_t classes)
{
    const size_t len = samples * classes;
    bh_status status = BH_OK;
    double *wide = bh_alloc(len, sizeof *wide);
    if (wide == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < images && status == BH_OK; i++) {
        for (size_t j = 0; j < len; j++) {
            wide[j] = (double)logits[i * len + j];
            status = isfinite(wide[j]) ? status : BH_ERR_RANGE;
        }
        if (status == BH_OK) {
            scores[i] =
                score_image(probabilities + i * classes, wide, samples, classes);
        }
    }
    bh_free(wide);
    return status;
}
