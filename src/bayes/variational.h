// SPDX-License-Identifier: Apache-2.0
// The trainable posterior: an independent Gaussian for every parameter of a network,
// mean m and deviation d = softplus(r) = log(1 + exp(r)), which r may be any real.
//
// A draw is w = m + d * e with e standard, so that the gradient g of a loss in w is g
// in m, g * e in d, and g * e * sigmoid(r) in r (Bayes by Backprop, Blundell et al.,
// ICML 2015, section 3.2). The divergence from the prior N(0, p^2) is in closed form:
//
//   KL = sum of log(p / d) + (d^2 + m^2) / (2 p^2) - 1/2
#ifndef BH_BAYES_VARIATIONAL_H
#define BH_BAYES_VARIATIONAL_H

#include "bayes/rng.h"
#include "bayhenn/bayhenn.h"

typedef struct bh_variational {
    size_t len;
    bh_real *mean, *rho;     // what is trained
    bh_real *dev, *slope;    // softplus(rho) and its derivative: bh_variational_refresh
    bh_real *noise, *drawn;  // of the last draw
    bh_real *d_mean, *d_rho; // gradients; d_rho holds that in dev until _finish
} bh_variational;

bh_status bh_variational_init(bh_variational *v, size_t len) BH_MUST_CHECK;
void bh_variational_clear(bh_variational *v);

// Sets dev to `share` of each mean's size, and at least dev_min, and rho to match.
void bh_variational_set_dev(bh_variational *v, double share, double dev_min);
void bh_variational_refresh(bh_variational *v); // after rho has changed

void bh_variational_draw(bh_variational *v, bh_train_rng *rng);

// The gradient of  data loss + kl_scale * KL : _start zeroes it, _add takes the data
// term's gradient in the weights last drawn (any number of draws), _finish adds the
// divergence's part and turns d_rho into the gradient in rho.
void bh_variational_start(bh_variational *v);
void bh_variational_add(bh_variational *v, const bh_real *d_drawn);
void bh_variational_finish(bh_variational *v, double prior_dev, double kl_scale);

double bh_variational_kl(const bh_variational *v, double prior_dev);

#endif
