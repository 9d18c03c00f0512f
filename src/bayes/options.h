// SPDX-License-Identifier: Apache-2.0
// What training accepts.
#ifndef BH_BAYES_OPTIONS_H
#define BH_BAYES_OPTIONS_H

#include "bayes/train.h"

// BH_ERR_ARG with a sentence if the options make no sense, or the images do not fit the
// model's graph or have no labels.
bh_status bh_train_check(const bh_model *m, const bh_images *images,
                         const bh_train_options *options, bh_error *err) BH_MUST_CHECK;

#endif
