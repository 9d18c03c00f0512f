// SPDX-License-Identifier: Apache-2.0
#include "model/reals.h"

#include <math.h>
#include <string.h>

#include "model/taps.h"

// Adds weight * input to every output of one channel for one tap (a, b) of the kernel.
static void add_tap(const bh_layer *layer, float *restrict out,
                    const float *restrict in, uint32_t a, uint32_t b, float weight)
{
    bh_span rows = bh_tap_span(layer, a, layer->in.height, layer->out.height);
    bh_span columns = bh_tap_span(layer, b, layer->in.width, layer->out.width);
    for (uint32_t i = rows.first; i < rows.end; i++) {
        size_t row = (size_t)i * layer->stride + a - layer->pad;
        const float *in_row = in + row * layer->in.width;
        float *out_row = out + (size_t)i * layer->out.width;
        for (uint32_t j = columns.first; j < columns.end; j++) {
            out_row[j] += weight * in_row[(size_t)j * layer->stride + b - layer->pad];
        }
    }
}

static void conv(const bh_layer *layer, float *out, const float *in,
                 const float *weights, const float *bias)
{
    const size_t in_plane = (size_t)layer->in.height * layer->in.width;
    const size_t out_plane = (size_t)layer->out.height * layer->out.width;
    for (uint32_t o = 0; o < layer->out_channels; o++, out += out_plane) {
        for (size_t i = 0; i < out_plane; i++) {
            out[i] = bias[o];
        }
        for (uint32_t c = 0; c < layer->in.channels; c++) {
            for (uint32_t a = 0; a < layer->kernel_h; a++) {
                for (uint32_t b = 0; b < layer->kernel_w; b++) {
                    add_tap(layer, out, in + c * in_plane, a, b, *weights++);
                }
            }
        }
    }
}

static void linear(const bh_layer *layer, float *out, const float *in,
                   const float *parameters)
{
    const float *bias = parameters + bh_layer_weights_len(layer);
    if (layer->kind == BH_LAYER_CONV2D) {
        conv(layer, out, in, parameters, bias);
        return;
    }
    for (uint32_t o = 0; o < layer->out_channels; o++) {
        float sum = bias[o];
        for (uint32_t i = 0; i < layer->in.channels; i++) {
            sum += *parameters++ * in[i];
        }
        out[o] = sum;
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
