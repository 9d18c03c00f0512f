// SPDX-License-Identifier: Apache-2.0
//
// A Bayesian network: a public graph and, for every weight and bias, the mean and the
// deviation of an independent Gaussian posterior. Loading and saving .bhn files,
// drawing weights, exact clear inference.
#ifndef BAYHENN_MODEL_H
#define BAYHENN_MODEL_H

#include "bayhenn/bayhenn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bh_model bh_model;

// Reads a model file (docs/model-format.md). Bounds are checked before memory is
// taken. Errors: BH_ERR_IO, BH_ERR_ENCODING, BH_ERR_VERSION, BH_ERR_CHECKSUM,
// BH_ERR_NOMEM. The caller frees *out.
bh_status bh_model_load(bh_model **out, const char *path, bh_error *err) BH_MUST_CHECK;

// Writes a temporary file beside path and renames it, so that a reader sees the old
// file or the new one. BH_ERR_IO also if path exists and is no regular file; a symbolic
// link is none.
bh_status bh_model_save(const bh_model *m, const char *path,
                        bh_error *err) BH_MUST_CHECK;

void bh_model_free(bh_model *m);

// Length of the input tensor and of the logits.
size_t bh_model_input_len(const bh_model *m);
size_t bh_model_classes(const bh_model *m);

// What S draws of a network say about one input. Probabilities are the mean of the
// draws' softmax outputs; entropies are in nats.
typedef struct bh_prediction {
    uint32_t label; // the class of the largest probability
    double entropy; // of the mean: total uncertainty, 0 .. log(classes)
    double
        mutual_information; // entropy of the mean less mean entropy: the model's part
} bh_prediction;

// The prediction from logits [samples][classes] in real units, both at least 1;
// probabilities receives n_classes values. Of equal probabilities the first is the
// label. CT: not constant time in the logits.
bh_prediction bh_predict_from_logits(double *probabilities, const double *logits,
                                     size_t n_samples, size_t n_classes);

// Exact integer inference in the clear: draws `samples` weight sets from the seed
// and evaluates them on a normalised input tensor. logits: [samples][classes].
// The same seed gives what an encrypted inference with that seed would give, bit for
// bit. Errors: BH_ERR_STATE for a model that is not quantised, BH_ERR_ARG for more than
// 65535 samples, BH_ERR_NOMEM, and those of the random stream; the logits are then
// zero.
bh_status bh_model_infer_clear(const bh_model *m, double *logits, const float *input,
                               size_t samples, const uint8_t seed[32]) BH_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
