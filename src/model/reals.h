// SPDX-License-Identifier: Apache-2.0
// One layer in floating point: for calibration only, never for inference.
#ifndef BH_MODEL_REALS_H
#define BH_MODEL_REALS_H

#include "model/graph.h"

// parameters: a linear layer's weights, then its biases; ignored otherwise. out and in
// do not overlap. Average pooling divides here.
void bh_reals_layer(const bh_layer *layer, float *out, const float *in,
                    const float *parameters);

#endif
