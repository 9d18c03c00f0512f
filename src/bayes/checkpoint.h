// SPDX-License-Identifier: Apache-2.0
// The state of a training run in a file, so that it can go on after an interruption and
// end with the same bits.
//
// A file is of one run: of its network, data, options and seed, whose digest is in it.
// It is read on the machine that wrote it.
#ifndef BH_BAYES_CHECKPOINT_H
#define BH_BAYES_CHECKPOINT_H

#include "bayes/run.h"

// Replaces the file in one piece. BH_ERR_IO, BH_ERR_NOMEM.
bh_status bh_checkpoint_save(bh_train_run *run, const char *path,
                             bh_error *err) BH_MUST_CHECK;

// Into a run that was just made with the same options. BH_ERR_IO, BH_ERR_ENCODING,
// BH_ERR_CHECKSUM for a damaged file, BH_ERR_ARG for one of another run, BH_ERR_NOMEM.
bh_status bh_checkpoint_load(bh_train_run *run, const char *path,
                             bh_error *err) BH_MUST_CHECK;

#endif
