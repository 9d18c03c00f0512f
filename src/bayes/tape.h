// SPDX-License-Identifier: Apache-2.0
// One thread's forward and backward pass through a network, for one block of up to
// BH_LANES images (bayes/real.h).
//
// Parameters of the whole network are one vector: for every linear layer in order its
// weights and then its biases, as bh_layer_weights_len describes.
#ifndef BH_BAYES_TAPE_H
#define BH_BAYES_TAPE_H

#include "bayes/layers.h"

typedef struct bh_tape {
    const bh_graph *graph; // borrowed
    size_t n_params;
    size_t param_at[BH_GRAPH_LAYERS_MAX];    // of a linear layer, in the vector
    bh_real *value[BH_GRAPH_LAYERS_MAX + 1]; // [0] is the input, [n_layers] the logits
    bh_real *grad[BH_GRAPH_LAYERS_MAX + 1];  // of the loss in `value`; [0] unused
    bh_layer_state state[BH_GRAPH_LAYERS_MAX];
    bh_layer_scratch scratch;
} bh_tape;

// trains: whether bh_tape_backward and passes other than the point pass are wanted.
bh_status bh_tape_init(bh_tape *t, const bh_graph *graph, bool trains) BH_MUST_CHECK;
void bh_tape_clear(bh_tape *t);
size_t bh_graph_params_len(const bh_graph *graph); // n_params

// Runs the block that the caller has put into value[0]. Noise is drawn from
// scratch.noise.
void bh_tape_forward(bh_tape *t, bh_pass pass, const bh_real *a, const bh_real *b);

// The sum over the first `count` images of -weights[label] log softmax(logits)[label],
// in nats; leaves the gradient of `scale` times it in the logits for bh_tape_backward.
// Adds to *hits the number of images whose largest logit is the label's. weights: of
// every class; NULL: 1.
double bh_tape_loss(bh_tape *t, size_t *hits, const uint8_t *labels, size_t count,
                    const double *weights, double scale);

// Adds the gradient in the parameters of the forward pass to d_a and d_b (NULL in a
// point pass).
void bh_tape_backward(bh_tape *t, bh_pass pass, bh_real *d_a, bh_real *d_b,
                      const bh_real *a, const bh_real *b);

#endif
