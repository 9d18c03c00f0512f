// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma and Ba, ICLR 2015), beta 0.9 and 0.999, and stochastic gradient descent
// with momentum; weight decay apart from the gradient (Loshchilov and Hutter, ICLR
// 2019).
#ifndef BH_BAYES_OPTIMISER_H
#define BH_BAYES_OPTIMISER_H

#include <stdbool.h>

#include "bayes/kernels/kernels.h"
#include "bayhenn/bayhenn.h"

typedef struct bh_optimiser {
    bool is_sgd;
    double momentum; // of SGD
    double decay;    // weights shrink by rate * decay a step
    size_t len;
    uint64_t steps;
    bh_real *first, *second; // moments of the gradient; SGD has no second
    bh_adam_constants now;   // of this step
} bh_optimiser;

// settings: everything before `len`.
bh_status bh_optimiser_init(bh_optimiser *o, const bh_optimiser *settings,
                            size_t len) BH_MUST_CHECK;
void bh_optimiser_clear(bh_optimiser *o);
void bh_optimiser_reset(bh_optimiser *o); // as after bh_optimiser_init

// A step: _begin once, then _part for every part of the vector.
void bh_optimiser_begin(bh_optimiser *o, double rate);
void bh_optimiser_part(bh_optimiser *o, const bh_train_kernels *k, bh_real *x,
                       const bh_real *gradient, size_t first, size_t len);

#endif
