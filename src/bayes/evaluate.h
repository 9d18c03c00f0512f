// SPDX-License-Identifier: Apache-2.0
// Logits of many images, in the clear, along the two ways that a model can go there.
#ifndef BH_BAYES_EVALUATE_H
#define BH_BAYES_EVALUATE_H

#include "base/pool.h"
#include "data/images.h"
#include "model/model.h"

typedef struct bh_evaluation {
    const bh_model *model;
    const bh_images *images; // of the shape that the model takes
    size_t count;            // images to predict, the first ones
    uint32_t samples;
    uint64_t seed;
    bh_pool *pool; // or NULL; it changes no result
    float *logits; // [count][samples][classes]: the result, in real units
    void (*on_progress)(void *user, size_t done); // on the caller's thread; or NULL
    void *user;
} bh_evaluation;

// What a server computes: integers, weights drawn anew for every image. Image number
// `index` draws its weights from a seed that is SHA-256 of "bayhenn eval", the seed of
// the job and the index, both as 8 bytes little-endian. Errors: those of
// bh_model_infer_clear.
bh_status bh_evaluate_quantised(const bh_evaluation *job) BH_MUST_CHECK;

// The posterior before quantisation, in floating point (net_sample.h), with a report
// after every BH_EVALUATE_CHUNK images. Errors: those of bh_net_sample.
#define BH_EVALUATE_CHUNK 1024
bh_status bh_evaluate_float(const bh_evaluation *job) BH_MUST_CHECK;

#endif
