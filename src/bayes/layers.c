// SPDX-License-Identifier: Apache-2.0
#include "bayes/layers.h"

#include <string.h>

void bh_train_layer_forward(const bh_layer *layer, bh_real *out, bh_real *columns,
                            const bh_real *in, const bh_real *params, size_t count)
{
    size_t len = count * bh_shape_len(layer->in);
    switch (layer->kind) {
    case BH_LAYER_CONV2D:
    case BH_LAYER_FC:
        bh_train_linear_forward(layer, out, columns, in, params, count);
        break;
    case BH_LAYER_RELU:
        for (size_t i = 0; i < len; i++) {
            out[i] = in[i] > 0 ? in[i] : 0;
        }
        break;
    case BH_LAYER_SQUARE:
        for (size_t i = 0; i < len; i++) {
            out[i] = in[i] * in[i];
        }
        break;
    case BH_LAYER_MAX_POOL:
    case BH_LAYER_AVG_POOL:
        bh_train_pool_forward(layer, out, in, count);
        break;
    case BH_LAYER_FLATTEN:
        memcpy(out, in, len * sizeof *out);
        break;
    }
}

// Both loads happen whatever the sign is, so that the compiler makes vectors of this:
// signs are too random for branches.
static void relu_backward(bh_real *restrict d_in, const bh_real *restrict d_out,
                          const bh_real *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bh_real x = in[i], d = d_out[i];
        d_in[i] = x > 0 ? d : 0;
    }
}

void bh_train_layer_backward(const bh_layer *layer, bh_real *d_in, bh_real *d_params,
                             bh_real *columns, const bh_real *d_out, const bh_real *in,
                             const bh_real *params, size_t count)
{
    if (bh_layer_is_linear(layer)) {
        bh_train_linear_backward(layer, d_in, d_params, columns, d_out, in, params,
                                 count);
        return;
    }
    if (d_in == NULL) {
        return;
    }
    size_t len = count * bh_shape_len(layer->in);
    switch (layer->kind) {
    case BH_LAYER_RELU:
        relu_backward(d_in, d_out, in, len);
        break;
    case BH_LAYER_SQUARE:
        for (size_t i = 0; i < len; i++) {
            d_in[i] = 2 * in[i] * d_out[i];
        }
        break;
    case BH_LAYER_MAX_POOL:
    case BH_LAYER_AVG_POOL:
        bh_train_pool_backward(layer, d_in, d_out, in, count);
        break;
    case BH_LAYER_FLATTEN:
        memcpy(d_in, d_out, len * sizeof *d_in);
        break;
    case BH_LAYER_CONV2D:
    case BH_LAYER_FC:
        break;
    }
}
