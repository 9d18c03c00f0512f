// SPDX-License-Identifier: Apache-2.0
// Which classes are taken for which.
#ifndef BH_BAYES_CONFUSION_H
#define BH_BAYES_CONFUSION_H

#include <stddef.h>
#include <stdint.h>

#include "bayes/metrics/scores.h"

// counts: [classes][classes], row: what an image is, column: what it was taken for.
void bh_confusion_count(uint32_t *counts, const bh_score *scores, const uint8_t *labels,
                        size_t images, size_t classes);

// One class against all others. A ratio of nothing to nothing is 0.
typedef struct bh_class_score {
    size_t support, taken;    // images of this class; taken for it
    double precision, recall; // right ones, of those taken for it; of those that are
    double f1;                // their harmonic mean
} bh_class_score;

bh_class_score bh_confusion_class(const uint32_t *counts, size_t classes, size_t c);

// The mean of f1 over the classes that an image is of or was taken for, whatever the
// number of these images; 0 without any.
double bh_confusion_macro_f1(const uint32_t *counts, size_t classes);

#endif
