// SPDX-License-Identifier: Apache-2.0
#include "model/reals.h"

#include <math.h>
#include <string.h>

// One output of a convolution. Rows and columns wrap to huge numbers in the padding.
static float conv_at(const bh_layer *layer, const float *in, const float *weights,
                     uint32_t i, uint32_t j)
{
    float sum = 0;
    for (uint32_t c = 0; c < layer->in.channels; c++) {
        for (uint32_t a = 0; a < layer->kernel_h; a++) {
            uint32_t row = i * layer->stride + a - layer->pad;
            for (uint32_t b = 0; b < layer->kernel_w; b++, weights++) {
                uint32_t column = j * layer->stride + b - layer->pad;
                if (row < layer->in.height && column < layer->in.width) {
                    sum += *weights * in[(size_t)row * layer->in.width + column];
                }
            }
        }
        in += (size_t)layer->in.height * layer->in.width;
    }
    return sum;
}

// Of a fully connected layer as well: a convolution with a kernel of 1 x 1.
static void linear(const bh_layer *layer, float *out, const float *in,
                   const float *parameters)
{
    const float *bias = parameters + bh_layer_weights_len(layer);
    size_t row_len = bh_layer_weights_len(layer) / layer->out_channels;
    for (uint32_t o = 0; o < layer->out_channels; o++) {
        for (uint32_t i = 0; i < layer->out.height; i++) {
            for (uint32_t j = 0; j < layer->out.width; j++) {
                *out++ = bias[o] + conv_at(layer, in, parameters + o * row_len, i, j);
            }
        }
    }
}

static float pool_at(const bh_layer *layer, const float *in)
{
    float max = in[0], sum = 0;
    for (uint32_t a = 0; a < layer->kernel_h; a++) {
        for (uint32_t b = 0; b < layer->kernel_w; b++) {
            float v = in[(size_t)a * layer->in.width + b];
            max = fmaxf(max, v);
            sum += v;
        }
    }
    float window = (float)layer->kernel_h * (float)layer->kernel_w;
    return layer->kind == BH_LAYER_MAX_POOL ? max : sum / window;
}

static void pool(const bh_layer *layer, float *out, const float *in)
{
    for (uint32_t c = 0; c < layer->in.channels; c++) {
        for (uint32_t i = 0; i < layer->out.height; i++) {
            for (uint32_t j = 0; j < layer->out.width; j++) {
                *out++ = pool_at(layer, in + ((size_t)i * layer->in.width + j) *
                                                 layer->stride);
            }
        }
        in += (size_t)layer->in.height * layer->in.width;
    }
}

void bh_reals_layer(const bh_layer *layer, float *out, const float *in,
                    const float *parameters)
{
    size_t len = bh_shape_len(layer->in);
    switch (layer->kind) {
    case BH_LAYER_CONV2D:
    case BH_LAYER_FC:
        linear(layer, out, in, parameters);
        break;
    case BH_LAYER_RELU:
        for (size_t i = 0; i < len; i++) {
            out[i] = fmaxf(in[i], 0);
        }
        break;
    case BH_LAYER_SQUARE:
        for (size_t i = 0; i < len; i++) {
            out[i] = in[i] * in[i];
        }
        break;
    case BH_LAYER_FLATTEN:
        memcpy(out, in, len * sizeof *out);
        break;
    case BH_LAYER_MAX_POOL:
    case BH_LAYER_AVG_POOL:
        pool(layer, out, in);
        break;
    }
}
