// SPDX-License-Identifier: Apache-2.0
// Predictions of many labelled images, in the clear on several threads.
#ifndef BH_BAYES_EVALUATE_H
#define BH_BAYES_EVALUATE_H

#include "base/random.h"
#include "data/images.h"
#include "model/model.h"

typedef struct bh_evaluation {
    const bh_model *model;
    const bh_images *images;
    size_t count; // images to predict, the first ones
    uint32_t samples;
    uint64_t seed;
    unsigned threads;
    double *probabilities; // [count][classes]: the result
    void (*on_progress)(void *user, size_t done);
    void *user;
} bh_evaluation;

// Image number `index` draws its weights from a seed that is SHA-256 of "bayhenn eval",
// the seed of the job and the index, both as 8 bytes little-endian.
bh_status bh_evaluate(const bh_evaluation *job);

#endif
