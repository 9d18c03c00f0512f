// SPDX-License-Identifier: Apache-2.0
// The Adam optimiser (Kingma and Ba, ICLR 2015), beta 0.9 and 0.999.
#ifndef BH_BAYES_ADAM_H
#define BH_BAYES_ADAM_H

#include "bayes/real.h"
#include "bayhenn/bayhenn.h"

typedef struct bh_adam {
    size_t len;
    uint64_t steps;
    bh_real *first, *second; // running moments of the gradient
} bh_adam;

bh_status bh_adam_init(bh_adam *a, size_t len) BH_MUST_CHECK;
void bh_adam_clear(bh_adam *a);
void bh_adam_reset(bh_adam *a); // as after bh_adam_init

// Moves x[len] against the gradient.
void bh_adam_step(bh_adam *a, bh_real *x, const bh_real *gradient, double rate);

#endif
