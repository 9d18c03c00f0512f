// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of single layers over a batch of `count` tensors, each
// channel-major as in model/graph.h, one after the other.
#ifndef BH_BAYES_LAYERS_H
#define BH_BAYES_LAYERS_H

#include "bayes/real.h"
#include "model/graph.h"

// Elements of the scratch matrix `columns` that the layer needs; 0 for most kinds.
size_t bh_train_layer_columns_len(const bh_layer *layer);

// params: weights, then biases, of a linear layer; NULL for the others.
void bh_train_layer_forward(const bh_layer *layer, bh_real *out, bh_real *columns,
                            const bh_real *in, const bh_real *params, size_t count);

// From the gradient of the loss in `out`: sets d_in (unless NULL) and ADDS to d_params.
// in and params as in the forward pass.
void bh_train_layer_backward(const bh_layer *layer, bh_real *d_in, bh_real *d_params,
                             bh_real *columns, const bh_real *d_out, const bh_real *in,
                             const bh_real *params, size_t count);

// One linear layer (linear.c) and one pooling layer (pool.c).
void bh_train_linear_forward(const bh_layer *layer, bh_real *out, bh_real *columns,
                             const bh_real *in, const bh_real *params, size_t count);
void bh_train_linear_backward(const bh_layer *layer, bh_real *d_in, bh_real *d_params,
                              bh_real *columns, const bh_real *d_out, const bh_real *in,
                              const bh_real *params, size_t count);
void bh_train_pool_forward(const bh_layer *layer, bh_real *out, const bh_real *in,
                           size_t count);
void bh_train_pool_backward(const bh_layer *layer, bh_real *d_in, const bh_real *d_out,
                            const bh_real *in, size_t count);

#endif
