// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of one layer over one block of images (bayes/real.h).
//
// A linear layer has parameters a and, for Bayesian passes, a second set b of the same
// shape (weights, then biases). Products with them are the layer's, bias in; e is
// standard noise for every output of every image.
//
//   point     out = a x: one weight set for all images
//   local     out = a x + sqrt(b x^2) e with b = dev^2, the local reparametrisation
//             (Kingma, Salimans, Welling, NIPS 2015): what weights drawn anew for
//             every output of every image give
//   flipout   out = a x + s (b (r x)) with b = dev * e (Wen et al., ICLR 2018): r and s
//             are random signs for every image and channel, by which images see
//             weights whose noise is uncorrelated
#ifndef BH_BAYES_LAYERS_H
#define BH_BAYES_LAYERS_H

#include "bayes/kernels/kernels.h"
#include "model/graph.h"

typedef enum bh_pass {
    BH_PASS_POINT,
    BH_PASS_LOCAL,
    BH_PASS_FLIPOUT,
} bh_pass;

// What the backward pass of a layer needs of its forward pass.
typedef struct bh_layer_state {
    bh_real *planes; // linear: the input with its padding; of other layers NULL
    bh_real *second; // what b was multiplied with
    bh_real *signs;  // flipout: r
    bh_real *gain;   // the outputs' derivative in the product with b
} bh_layer_state;

// Room that all layers of a thread share.
typedef struct bh_layer_scratch {
    const bh_train_kernels *kernels;
    bh_noise noise;
    bh_real *product, *pull; // outputs of the largest linear layer
    bh_real *inner;          // inputs of the largest linear layer
    bh_real *planes;         // outputs with room around them
    bh_real *flipped;        // weights of the largest convolution
} bh_layer_scratch;

// Numbers that these take, for one layer; the shared ones are maxima over layers.
typedef struct bh_layer_room {
    size_t inputs, outputs; // whole vectors, for noise
    size_t planes;          // state
    size_t spread;          // scratch.planes
    size_t flipped;
} bh_layer_room;
bh_layer_room bh_layer_room_of(const bh_layer *layer);

// a, b: NULL for layers that are not linear; b NULL in a point pass.
void bh_layer_forward(const bh_layer *layer, bh_layer_state *state,
                      bh_layer_scratch *scratch, bh_pass pass, bh_real *out,
                      const bh_real *in, const bh_real *a, const bh_real *b);

// From the gradient of the loss in `out`: sets d_in (unless NULL) and adds to d_a and,
// unless it is a point pass, d_b.
void bh_layer_backward(const bh_layer *layer, const bh_layer_state *state,
                       bh_layer_scratch *scratch, bh_pass pass, bh_real *d_in,
                       bh_real *d_a, bh_real *d_b, const bh_real *d_out,
                       const bh_real *out, const bh_real *in, const bh_real *a,
                       const bh_real *b);

#endif
