// SPDX-License-Identifier: Apache-2.0
// One step of training, on all threads.
//
// The images of a batch are cut into strands, whose number depends on the batch alone.
// A strand is computed by one thread, block by block, and has gradients of its own,
// which are then added in the order of the strands: the sum does not depend on the
// number of threads.
#ifndef BH_BAYES_TRAINER_H
#define BH_BAYES_TRAINER_H

#include "bayes/optimiser.h"
#include "bayes/tape.h"
#include "bayes/train.h"

#define BH_STRANDS_MAX 16

typedef struct bh_strand {
    bh_real *d_a, *d_b; // gradients; d_b: of estimators with a second product
    bh_real *noise;     // e; not of the local estimator
    bh_real *drawn;     // m + d e, or d e
    double loss;
    size_t hits;
} bh_strand;

// What one thread computes with.
typedef struct bh_train_worker {
    bh_tape tape;
    uint8_t *pixels;
    float *real;
} bh_train_worker;

typedef struct bh_trainer {
    const bh_graph *graph;
    const bh_images *images;
    const bh_train_options *options;
    const bh_train_kernels *kernels;
    uint64_t seed; // of the member that is trained
    bh_variational posterior;
    bh_optimiser mean_optimiser, rho_optimiser;
    bh_real *variance;     // dev^2, of the local estimator
    double *class_weights; // with `balance`; otherwise NULL
    bh_strand strands[BH_STRANDS_MAX];
    bh_train_worker *workers; // of every thread of the pool
} bh_trainer;

// Of a batch as long as `batch`, or shorter.
typedef struct bh_step {
    bool bayesian;
    uint64_t index; // of the member's run: no other step has the same
    double rate, kl_scale;
    const uint32_t *order; // the batch: indexes of images
    size_t count;
    double loss; // results: sums over the batch
    size_t hits;
} bh_step;

bh_status bh_trainer_init(bh_trainer *t, const bh_graph *graph, const bh_images *images,
                          const bh_train_options *options) BH_MUST_CHECK;
void bh_trainer_clear(bh_trainer *t);

// Sets the means: of variance 2 / fan-in (He et al., ICCV 2015) and without biases.
void bh_trainer_first_means(bh_trainer *t);
// To be called when means or deviations were set from outside.
void bh_trainer_refresh(bh_trainer *t);

void bh_trainer_step(bh_trainer *t, bh_step *step);

#endif
