// SPDX-License-Identifier: Apache-2.0
// The linear layers of bayes/layers.h.
#ifndef BH_BAYES_LINEAR_H
#define BH_BAYES_LINEAR_H

#include "bayes/layers.h"

// How a convolution, a fully connected layer or a pool moves over its padded input.
bh_window bh_layer_window(const bh_layer *layer);

void bh_linear_forward(const bh_layer *layer, bh_layer_state *state,
                       bh_layer_scratch *scratch, bh_pass pass, bh_real *out,
                       const bh_real *in, const bh_real *a, const bh_real *b);
void bh_linear_backward(const bh_layer *layer, const bh_layer_state *state,
                        bh_layer_scratch *scratch, bh_pass pass, bh_real *d_in,
                        bh_real *d_a, bh_real *d_b, const bh_real *d_out,
                        const bh_real *in, const bh_real *a, const bh_real *b);

#endif
