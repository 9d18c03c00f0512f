// SPDX-License-Identifier: Apache-2.0
// Training of ordinary and Bayesian networks and of ensembles: docs/training.md.
#ifndef BH_BAYES_TRAIN_H
#define BH_BAYES_TRAIN_H

#include "bayes/augment.h"
#include "bayes/variational.h"
#include "bayhenn/pool.h"
#include "model/model.h"

typedef enum bh_schedule {
    BH_SCHEDULE_COSINE, // to zero along half a cosine
    BH_SCHEDULE_STEP,   // a tenth after half, a hundredth after three quarters
    BH_SCHEDULE_CONSTANT,
} bh_schedule;

// What is reported after every epoch and, for a progress bar, many times in between.
typedef struct bh_train_progress {
    uint32_t member, members;
    uint32_t epoch, epochs; // of this member; epoch counts from 1
    bool bayesian;          // this epoch; the first ones are ordinary training
    uint64_t step, steps;   // of the whole run
    double loss, accuracy;  // running means of this epoch on the training batches; the
                            // loss is -log p(label) in nats, without the divergence
    double rate;            // learning rate of the last step
    double seconds;         // since the run began, or went on
    double seconds_left;    // estimate
    bool epoch_done;
    // Where epoch_done is set:
    double kl;                     // nats; 0 in ordinary epochs
    bool validated;                // the following two are set
    double val_loss, val_accuracy; // -log of the draws' mean probability, in nats
} bh_train_progress;

typedef struct bh_train_options {
    bool bayesian;    // otherwise ordinary training: deviations are 0
    uint32_t members; // trained one after the other from different first weights
    uint32_t epochs;  // of one member
    uint32_t batch;   // images of a step
    bool sgd;         // with momentum; otherwise Adam
    double momentum;
    double learning_rate; // at the start of every phase
    bh_schedule schedule;
    double weight_decay; // weights, means and biases shrink by rate * this a step
    bh_augment augment;
    bool balance; // every class counts the same in the loss, however many its images

    // Of Bayesian training:
    bh_estimator estimator;
    bh_prior prior;
    double kl_weight; // multiplies KL / N; 1 is the evidence lower bound itself
    double kl_warmup; // the KL weight grows from 0 over this share of the steps
    // The first epochs, at most half of them: ordinary training, whose weights start
    // the means.
    uint32_t pretrain_epochs;
    double first_dev; // of deviations at the start: this share of the mean's size

    // A model of the same shapes whose means are the first weights, in place of random
    // ones and of the ordinary epochs; NULL: none. Member k starts from member k of it
    // modulo their number.
    const bh_model *init;

    const bh_images *validation; // or NULL
    uint32_t validation_samples; // draws for every image
    uint32_t patience; // stop after so many epochs without a lower val_loss, and keep
                       // the best weights; 0: never

    unsigned weight_bits, act_bits; // of the quantisation, 2 .. 8
    uint64_t seed;
    bh_pool *pool; // or NULL

    // A file that the state of the run is kept in, written at the end of every epoch
    // and when it is stopped; NULL: none. It goes on from there if `resume` is set.
    const char *checkpoint;
    bool resume;

    void (*on_progress)(void *user, const bh_train_progress *progress); // or NULL
    bool (*should_stop)(void *user); // asked after every step; or NULL
    void *user;
} bh_train_options;

bh_train_options bh_train_defaults(void);

// Trains m, whose graph is set and has as many members as the options say, and
// quantises it with calibration inputs from the training images. Same seed, options,
// images and level of processor: same result, bit for bit, with any number of threads
// and whether the run was interrupted or not.
// Errors: BH_ERR_ARG for options or images that do not fit, BH_ERR_NOMEM, BH_ERR_RANGE
// if training diverged or the result cannot be quantised, BH_WANT_MORE if should_stop
// said so, those of the checkpoint (bayes/checkpoint.h).
bh_status bh_train(bh_model *m, const bh_images *images,
                   const bh_train_options *options, bh_error *err) BH_MUST_CHECK;

#endif
