// SPDX-License-Identifier: Apache-2.0
// Progress reports of a training run: running means and the time that is left.
#ifndef BH_BAYES_CLOCK_H
#define BH_BAYES_CLOCK_H

#include "bayes/run.h"

typedef struct bh_train_clock {
    bh_train_progress progress;
    double started, reported; // seconds of the monotonic clock
    uint64_t first_step;      // where the run began, or went on
} bh_train_clock;

bh_train_clock bh_train_clock_make(const bh_train_run *run);
// After a step; reports a few times a second and at the end of an epoch, before which
// the caller has set what progress says of an epoch.
void bh_train_clock_report(bh_train_clock *c, const bh_train_run *run,
                           const bh_step *last, bool epoch_done);

#endif
