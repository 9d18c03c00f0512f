// SPDX-License-Identifier: Apache-2.0
// Exact integer inference in the clear: the oracle of every encrypted path. It knows
// nothing of encryption, and is written to be obviously right rather than fast.
#ifndef BH_MODEL_CLEAR_H
#define BH_MODEL_CLEAR_H

#include "model/graph.h"

// Accumulators of one linear layer: out[o] = bias[o] + sum of weights * in, over the
// integers. weights as bh_layer_weights_len describes.
void bh_clear_linear(const bh_layer *layer, int64_t *out, const int64_t *in,
                     const int32_t *weights, const int32_t *bias);

#endif
