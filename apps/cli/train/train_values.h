// SPDX-License-Identifier: Apache-2.0
// Values of options that are more than a number or a word. Each complains and returns
// false where it cannot be understood.
#ifndef BH_CLI_TRAIN_VALUES_H
#define BH_CLI_TRAIN_VALUES_H

#include "bayes/train.h"

// "shift=2,flip=hv,turn" or "none".
bool train_take_augment(bh_augment *out, const char *text);
// "gauss:0.1" or "mixture:0.5,0.1,0.01".
bool train_take_prior(bh_prior *out, const char *text);
// Of pictures: "3x50x50".
bool train_take_size(bh_shape *out, const char *text);

#endif
