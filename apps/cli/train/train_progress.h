// SPDX-License-Identifier: Apache-2.0
// How training goes: a bar and a line for every epoch, or JSON.
#ifndef BH_CLI_TRAIN_PROGRESS_H
#define BH_CLI_TRAIN_PROGRESS_H

#include "bayes/train.h"
#include "ui.h"

typedef struct train_watcher {
    bool json;
    ui u;
} train_watcher;

// bh_train's on_progress; user: a train_watcher.
void train_on_progress(void *user, const bh_train_progress *progress);

#endif
