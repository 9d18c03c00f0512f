// SPDX-License-Identifier: Apache-2.0
// Training of Bayesian networks by Bayes by Backprop (Blundell et al., ICML 2015):
// docs/training.md.
#ifndef BH_BAYES_TRAIN_H
#define BH_BAYES_TRAIN_H

#include "data/images.h"
#include "model/model.h"

// What is reported after every epoch and, for a progress bar, many times in between.
typedef struct bh_train_progress {
    uint32_t epoch, epochs; // epoch counts from 1
    uint64_t step, steps;   // of the whole run
    double loss, accuracy;  // running means of this epoch on the training batches; the
                            // loss is -log p(label) in nats, without the divergence
    double seconds_left;    // estimate
    int epoch_done;
} bh_train_progress;

typedef struct bh_train_options {
    uint32_t epochs, batch; // epochs of the whole run
    double learning_rate;   // at the start of both phases; falls to zero in each
    double prior_dev;       // deviation of the Gaussian prior
    double kl_weight;       // multiplies KL / N; 1 is the evidence lower bound itself
    // The first epochs, at most half of them: ordinary training, whose weights start
    // the means.
    uint32_t pretrain_epochs;
    uint32_t shift_max; // augmentation: random shifts of up to this many pixels
    uint64_t seed;
    void (*on_progress)(void *user, const bh_train_progress *progress); // or NULL
    void *user;
} bh_train_options;

bh_train_options bh_train_defaults(void);

// Trains the posterior of m (whose graph is set, weights overwritten) and quantises it
// with calibration inputs from the training images. Same seed, options and machine:
// same result, bit for bit. One call at a time in a process: the linear algebra
// library's number of threads, which is set to 1 meanwhile, belongs to the process.
// Errors: BH_ERR_ARG for options or images that do not fit, BH_ERR_NOMEM, BH_ERR_RANGE
// if training diverged or the result cannot be quantised.
bh_status bh_train(bh_model *m, const bh_images *images,
                   const bh_train_options *options, bh_error *err) BH_MUST_CHECK;

#endif
