// SPDX-License-Identifier: Apache-2.0
#include "bayes/metrics/confusion.h"

#include <string.h>

void bh_confusion_count(uint32_t *counts, const bh_score *scores, const uint8_t *labels,
                        size_t images, size_t classes)
{
    memset(counts, 0, classes * classes * sizeof *counts);
    for (size_t i = 0; i < images; i++) {
        counts[labels[i] * classes + scores[i].label]++;
    }
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

bh_class_score bh_confusion_class(const uint32_t *counts, size_t classes, size_t c)
{
    size_t support = 0, taken = 0;
    double right = counts[c * classes + c];
    for (size_t k = 0; k < classes; k++) {
        support += counts[c * classes + k];
        taken += counts[k * classes + c];
    }
    return (bh_class_score){.support = support,
                            .taken = taken,
                            .precision = ratio(right, (double)taken),
                            .recall = ratio(right, (double)support),
                            .f1 = ratio(2 * right, (double)(support + taken))};
}

double bh_confusion_macro_f1(const uint32_t *counts, size_t classes)
{
    double sum = 0, seen = 0;
    for (size_t c = 0; c < classes; c++) {
        bh_class_score score = bh_confusion_class(counts, classes, c);
        sum += score.f1;
        seen += score.support + score.taken > 0 ? 1 : 0;
    }
    return ratio(sum, seen);
}
