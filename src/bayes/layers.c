// SPDX-License-Identifier: Apache-2.0
#include "bayes/layers.h"

#include <string.h>

#include "bayes/linear.h"

void bh_layer_forward(const bh_layer *layer, bh_layer_state *state,
                      bh_layer_scratch *scratch, bh_pass pass, bh_real *out,
                      const bh_real *in, const bh_real *a, const bh_real *b)
{
    const bh_train_kernels *k = scratch->kernels;
    const bh_window window = bh_layer_window(layer);
    const size_t len = bh_shape_len(layer->in) * BH_LANES;
    switch (layer->kind) {
    case BH_LAYER_CONV2D:
    case BH_LAYER_FC:
        bh_linear_forward(layer, state, scratch, pass, out, in, a, b);
        break;
    case BH_LAYER_RELU:
        k->relu(out, in, len);
        break;
    case BH_LAYER_SQUARE:
        k->square(out, in, len);
        break;
    case BH_LAYER_MAX_POOL:
        k->max_pool(&window, out, in);
        break;
    case BH_LAYER_AVG_POOL:
        k->mean_pool(&window, out, in);
        break;
    case BH_LAYER_FLATTEN:
        memcpy(out, in, len * sizeof *out);
        break;
    }
}

void bh_layer_backward(const bh_layer *layer, const bh_layer_state *state,
                       bh_layer_scratch *scratch, bh_pass pass, bh_real *d_in,
                       bh_real *d_a, bh_real *d_b, const bh_real *d_out,
                       const bh_real *out, const bh_real *in, const bh_real *a,
                       const bh_real *b)
{
    const bh_train_kernels *k = scratch->kernels;
    const bh_window window = bh_layer_window(layer);
    const size_t len = bh_shape_len(layer->in) * BH_LANES;
    if (bh_layer_is_linear(layer)) {
        bh_linear_backward(layer, state, scratch, pass, d_in, d_a, d_b, d_out, in, a,
                           b);
        return;
    }
    if (d_in == NULL) {
        return;
    }
    switch (layer->kind) {
    case BH_LAYER_RELU:
        k->relu_back(d_in, d_out, in, len);
        break;
    case BH_LAYER_SQUARE:
        k->square_back(d_in, d_out, in, len);
        break;
    case BH_LAYER_MAX_POOL:
        memset(d_in, 0, len * sizeof *d_in);
        k->max_pool_back(&window, d_in, d_out, out, in);
        break;
    case BH_LAYER_AVG_POOL:
        memset(d_in, 0, len * sizeof *d_in);
        k->mean_pool_back(&window, d_in, d_out);
        break;
    case BH_LAYER_FLATTEN:
        memcpy(d_in, d_out, len * sizeof *d_in);
        break;
    case BH_LAYER_CONV2D:
    case BH_LAYER_FC:
        break;
    }
}
