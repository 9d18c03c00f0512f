// SPDX-License-Identifier: Apache-2.0
// A small synthetic problem for whole training runs: images of a bar in one of three
// places, in noise.
#ifndef BH_TESTS_SUPPORT_BARS_H
#define BH_TESTS_SUPPORT_BARS_H

#include "bayes/train.h"
#include "support/test.h"

#define BARS_SIDE    8
#define BARS_CLASSES 3
#define BARS_NET     "conv 4 3x3 pad 1, relu, max 2, fc classes"

// The same images for the same seed and count.
bh_images bars_images(size_t count, uint64_t seed);
// With labels that say nothing about the images.
bh_images bars_noise(size_t count, uint64_t seed);

// An unquantised network for them.
bh_model *bars_model(const char *net, uint32_t members);

// Defaults that learn it within a second, in ordinary and in Bayesian epochs.
static inline bh_train_options bars_options(void)
{
    bh_train_options o = bh_train_defaults();
    o.epochs = 10;
    o.pretrain_epochs = 4;
    o.batch = 50;
    o.learning_rate = 5e-3;
    o.augment.shift = 0;
    o.seed = 42;
    return o;
}

// Few of them: three steps an epoch of 130 images.
static inline bh_train_options bars_short_options(void)
{
    bh_train_options o = bars_options();
    o.epochs = 6;
    o.pretrain_epochs = 3;
    o.augment.shift = 1;
    return o;
}

// Equal to the bit. Members are those of each model.
bool bars_same_member(const bh_model *a, uint32_t member_a, const bh_model *b,
                      uint32_t member_b);
bool bars_same(const bh_model *a, const bh_model *b);

// The share of the images whose largest of the mean of 8 draws' integer outputs is at
// the label.
double bars_accuracy(const bh_model *m, const bh_images *images);

#endif
