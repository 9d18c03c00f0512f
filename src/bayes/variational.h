// SPDX-License-Identifier: Apache-2.0
// The trainable posterior: an independent Gaussian for every parameter of a network,
// mean m and deviation d = exp(r), which r may be any real.
//
// Three ways to the gradient of the data's loss in m and d, all unbiased:
//
//   sample    w = m + d e is drawn for a few images; the gradient g in w is g in m and
//             g e in d (Bayes by Backprop, Blundell et al., ICML 2015)
//   local     bayes/layers.h; with b = d^2 the gradient g in b is 2 d g in d
//   flipout   bayes/layers.h; with b = d e the gradient g in b is g e in d
//
// The divergence from the prior p is KL = sum of E[log q(w)] - E[log p(w)]:
//
//   Gaussian N(0, s^2)        log(s / d) + (d^2 + m^2) / (2 s^2) - 1/2
//   scale mixture             p(w) = share N(0, s^2) + (1 - share) N(0, s2^2)
//   (Blundell et al.)         -log d - log(2 pi e) / 2 - log p(m + d e), averaged over
//                             draws e: one a step for gradients
#ifndef BH_BAYES_VARIATIONAL_H
#define BH_BAYES_VARIATIONAL_H

#include <stdbool.h>

#include "bayes/kernels/kernels.h"
#include "bayhenn/bayhenn.h"

typedef enum bh_estimator {
    BH_ESTIMATOR_LOCAL,
    BH_ESTIMATOR_FLIPOUT,
    BH_ESTIMATOR_SAMPLE,
} bh_estimator;

typedef struct bh_prior {
    double dev;
    bool mixture;
    double share, dev2; // of a mixture; 0 < share < 1
} bh_prior;

typedef struct bh_variational {
    size_t len;
    bh_real *mean, *rho;     // what is trained
    bh_real *dev;            // exp(rho): bh_variational_refresh
    bh_real *d_mean, *d_rho; // gradients; d_rho holds that in dev until _finish
} bh_variational;

bh_status bh_variational_init(bh_variational *v, size_t len) BH_MUST_CHECK;
void bh_variational_clear(bh_variational *v);

// Sets dev to `share` of each mean's size, and at least dev_min, and rho to match.
void bh_variational_set_dev(bh_variational *v, double share, double dev_min);

// These take a part of the vector, [first, first + len), so that threads may share the
// work; first is a multiple of 2 * BH_LANES.
void bh_variational_refresh(bh_variational *v, const bh_train_kernels *k, size_t first,
                            size_t len);
// Adds the gradient of kl_scale * KL to that of the data's loss and turns d_rho into
// the gradient in rho. seed: of a mixture's draws.
void bh_variational_finish(bh_variational *v, const bh_train_kernels *k,
                           const bh_prior *prior, double kl_scale, uint64_t seed,
                           size_t first, size_t len);

// The whole divergence. draws: of a mixture, its Monte Carlo mean.
double bh_variational_kl(const bh_variational *v, const bh_train_kernels *k,
                         const bh_prior *prior, uint64_t seed, uint32_t draws);

#endif
