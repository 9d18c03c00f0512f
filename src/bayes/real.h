// SPDX-License-Identifier: Apache-2.0
// The number type of training. It is float; the gradient tests compile the same sources
// with double, where finite differences are sharp enough to tell a wrong gradient.
#ifndef BH_BAYES_REAL_H
#define BH_BAYES_REAL_H

#ifdef BH_BAYES_DOUBLE
typedef double bh_real;
#else
typedef float bh_real;
#endif

// Images are computed with 16 at a time. A tensor of such a block is [element][16]: the
// numbers of one element of all images lie side by side, so that every layer, whatever
// its shape, is arithmetic on whole vectors.
#define BH_LANES 16

#endif
