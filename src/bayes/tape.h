// SPDX-License-Identifier: Apache-2.0
// The values of every layer of one forward pass, kept for the backward pass.
//
// Parameters of the whole network are one vector: for every linear layer in order its
// weights and then its biases, as bh_layer_weights_len describes.
#ifndef BH_BAYES_TAPE_H
#define BH_BAYES_TAPE_H

#include "bayes/real.h"
#include "model/graph.h"

typedef struct bh_tape {
    const bh_graph *graph; // borrowed
    size_t capacity;       // images of one pass at most
    size_t n_params;
    size_t param_at[BH_GRAPH_LAYERS_MAX];    // of a linear layer, in the vector
    bh_real *value[BH_GRAPH_LAYERS_MAX + 1]; // [0] is the input, [n_layers] the logits
    bh_real *grad[BH_GRAPH_LAYERS_MAX + 1];  // of the loss in `value`
    bh_real *columns;
} bh_tape;

bh_status bh_tape_init(bh_tape *t, const bh_graph *graph,
                       size_t capacity) BH_MUST_CHECK;
void bh_tape_clear(bh_tape *t);

// Runs count images, which the caller has put into value[0].
void bh_tape_forward(bh_tape *t, const bh_real *params, size_t count);

// The sum over the images of -log softmax(logits)[label], in nats; leaves the gradient
// of `scale` times it in the logits for bh_tape_backward. *hits receives the number of
// images whose largest logit is the label's.
double bh_tape_loss(bh_tape *t, size_t *hits, const uint8_t *labels, size_t count,
                    double scale);

// Adds the gradient in the parameters of the forward pass to d_params.
void bh_tape_backward(bh_tape *t, bh_real *d_params, const bh_real *params,
                      size_t count);

#endif
