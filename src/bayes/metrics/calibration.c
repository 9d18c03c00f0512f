// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/calibration.h"

#include <math.h>

#include "base/memory.h"
#include "bayes/metrics/metrics.h"
#include "bayes/metrics/pairs.h"

#define BINS BH_CALIBRATION_BINS

// Adds to sums, which bins_finish turns into means.
static void bin_add(bh_bin *bins, double confidence, double hit)
{
    size_t b = confidence > 0 ? (size_t)(confidence * BINS) : 0;
    bh_bin *bin = &bins[b < BINS ? b : BINS - 1];
    bin->images++;
    bin->confidence += confidence;
    bin->accuracy += hit;
}

static void bins_finish(bh_bin *bins)
{
    for (size_t b = 0; b < BINS; b++) {
        double n = bins[b].images > 0 ? (double)bins[b].images : 1;
        bins[b].confidence /= n;
        bins[b].accuracy /= n;
    }
}

void bh_calibration_bins(bh_bin bins[BH_CALIBRATION_BINS], const double *probabilities,
                         const uint8_t *labels, size_t images, size_t classes)
{
    for (size_t b = 0; b < BINS; b++) {
        bins[b] = (bh_bin){0};
    }
    for (size_t i = 0; i < images; i++) {
        const double *p = probabilities + i * classes;
        size_t top = bh_metrics_label(p, classes);
        bin_add(bins, p[top], top == labels[i] ? 1 : 0);
    }
    bins_finish(bins);
}

double bh_calibration_error(const bh_bin bins[BH_CALIBRATION_BINS])
{
    double sum = 0, images = 0;
    for (size_t b = 0; b < BINS; b++) {
        sum += (double)bins[b].images * fabs(bins[b].accuracy - bins[b].confidence);
        images += (double)bins[b].images;
    }
    return images > 0 ? sum / images : 0;
}

double bh_calibration_error_by_class(const double *probabilities, const uint8_t *labels,
                                     size_t images, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        bh_bin bins[BINS] = {{0}};
        for (size_t i = 0; i < images; i++) {
            bin_add(bins, probabilities[i * classes + c], labels[i] == c ? 1 : 0);
        }
        bins_finish(bins);
        sum += bh_calibration_error(bins);
    }
    return sum / (double)classes;
}

bh_status bh_calibration_error_adaptive(double *out, const double *probabilities,
                                        const uint8_t *labels, size_t images,
                                        size_t classes)
{
    bh_pair *pairs = bh_alloc(images, sizeof *pairs);
    if (pairs == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < images; i++) {
        const double *p = probabilities + i * classes;
        size_t top = bh_metrics_label(p, classes);
        pairs[i] = (bh_pair){p[top], top == labels[i] ? 1 : 0};
    }
    bh_pairs_sort(pairs, images);
    *out = 0;
    for (size_t b = 0; b < BINS; b++) {
        double gap = 0;
        for (size_t i = b * images / BINS; i < (b + 1) * images / BINS; i++) {
            gap += pairs[i].value - pairs[i].key;
        }
        *out += fabs(gap) / (double)images;
    }
    *out = images > 0 ? *out : 0;
    bh_free(pairs);
    return BH_OK;
}
