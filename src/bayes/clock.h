// SPDX-License-Identifier: Apache-2.0
// Progress reports of a training run: running means and the time that is left.
#ifndef BH_BAYES_CLOCK_H
#define BH_BAYES_CLOCK_H

#include "bayes/train.h"

typedef struct bh_train_clock {
    const bh_train_options *options; // borrowed
    bh_train_progress progress;
    double started, reported; // seconds of the monotonic clock
    double loss;              // sums of this epoch
    size_t hits, seen;
} bh_train_clock;

bh_train_clock bh_train_clock_make(const bh_train_options *options, uint64_t steps);
void bh_train_clock_epoch(bh_train_clock *c); // before the steps of an epoch
// After a step on `images` images with this sum of losses; reports a few times a second
// and at the end of an epoch.
void bh_train_clock_step(bh_train_clock *c, double loss, size_t hits, size_t images,
                         bool epoch_done);

#endif
