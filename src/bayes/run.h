// SPDX-License-Identifier: Apache-2.0
// Where a training run is, and all that going on with it takes.
#ifndef BH_BAYES_RUN_H
#define BH_BAYES_RUN_H

#include "bayes/trainer.h"

typedef struct bh_train_run {
    bh_model *model; // members before `member` are finished and stored in it
    const bh_images *images;
    const bh_train_options *options;
    bh_trainer trainer;
    uint32_t member; // that is trained now
    uint32_t epoch;  // finished ones of this member
    uint64_t at;     // images of this epoch that are done
    double loss;     // sums over them
    uint64_t hits;
    // With patience: the best weights so far.
    bh_real *best_mean, *best_rho;
    double best_loss;
    uint32_t stale; // epochs since then
    // Of network, data and options: kept once a checkpoint has asked for it.
    bool has_digest;
    uint8_t digest[32];
} bh_train_run;

bh_status bh_train_run_init(bh_train_run *r, bh_model *m, const bh_images *images,
                            const bh_train_options *options) BH_MUST_CHECK;
void bh_train_run_clear(bh_train_run *r);
uint64_t bh_train_run_steps(const bh_train_run *r); // of one epoch

// The posterior that is trained to and from member `member` of a model.
void bh_train_run_store(const bh_train_run *r, bh_model *m, uint32_t member);
void bh_train_run_load(bh_train_run *r, const bh_model *m, uint32_t member);

#endif
