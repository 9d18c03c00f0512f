// SPDX-License-Identifier: Apache-2.0
// The attacker's tools: dividing by a known polynomial in R_q and over the reals.
#ifndef BH_TESTS_SUPPORT_DECONVOLVE_H
#define BH_TESTS_SUPPORT_DECONVOLVE_H

#include <stdbool.h>

#include "support/he_pair.h"

// out = product / known in Z_q0[X] / (X^n + 1), centred; residues modulo the first
// prime in, coefficient form. False if known is not invertible.
bool deconvolve_exact(const he_pair *c, double *out, const uint64_t *product,
                      const uint64_t *known);

// Values at the n odd roots exp(i pi (2k + 1) / n) of a real polynomial.
typedef struct spectrum {
    size_t n;
    double *re, *im;
} spectrum;

// A least-squares estimate of W from noises v_j = W e_j + the rest, gathered one answer
// after another: sum V conj E / (sum |E|^2 + rest), rest = the power of what is not
// W e relative to that of W.
typedef struct wiener {
    spectrum numerator, v, e;
    double *power; // sum |E|^2
} wiener;

wiener wiener_new(size_t n);
void wiener_free(wiener *w);
void wiener_add(wiener *w, const double *v, const double *e);
void wiener_estimate(wiener *w, double *out, double rest);

#endif
