// SPDX-License-Identifier: Apache-2.0
// What the logits of S draws of the weights say about an image: probabilities, and how
// much the image looks unlike what the network has learnt.
#ifndef BH_BAYES_SCORES_H
#define BH_BAYES_SCORES_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

// With p_s = softmax(logits of draw s), p = (p_1 + ... + p_S) / S and
// H(q) = -sum_c q_c log q_c, in nats:
typedef struct bh_score {
    uint32_t label;            // the class of the largest p_c; of equal ones the first
    double confidence;         // that p_c
    double entropy;            // H(p), 0 .. log(classes)
    double mutual_information; // H(p) - mean of H(p_s): where the draws disagree
                               // (Houlsby et al., arXiv 1112.5745)
    double energy;             // mean over draws of -log sum_c exp(logit_c)
                               // (Liu et al., NeurIPS 2020) of the logits as they
                               // are given, divided by the model's temperature
} bh_score;

// A score of each kind, all of one direction: the higher, the more unlike the training
// data.
typedef enum bh_unlike {
    BH_UNLIKE_ENTROPY,
    BH_UNLIKE_MUTUAL_INFORMATION,
    BH_UNLIKE_ENERGY,
    BH_UNLIKE_CONFIDENCE, // the negative of confidence (Hendrycks, Gimpel, ICLR 2017)
    BH_UNLIKE_KINDS,
} bh_unlike;

double bh_score_unlike(const bh_score *score, bh_unlike kind);

// logits: [images][samples][classes] in real units; samples, classes >= 1.
// probabilities: [images][classes]; scores: [images]. BH_ERR_RANGE for a logit that is
// not finite, BH_ERR_NOMEM.
bh_status bh_scores_compute(double *probabilities, bh_score *scores,
                            const float *logits, size_t images, size_t samples,
                            size_t classes) BH_MUST_CHECK;

#endif
