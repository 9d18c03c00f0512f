// SPDX-License-Identifier: Apache-2.0
// A convolution is a window that moves over planes to which the padding was added. The
// gradient in its input is a convolution too: of the outputs' gradient, spread by the
// stride and with room around it, with the kernel turned by half a turn.
#include "bayes/linear.h"

#include <string.h>

static size_t tensor_len(bh_shape s)
{
    return bh_shape_len(s) * BH_LANES;
}

bh_window bh_layer_window(const bh_layer *l)
{
    return (bh_window){.channels = l->in.channels,
                       .height = l->in.height + 2 * (size_t)l->pad,
                       .width = l->in.width + 2 * (size_t)l->pad,
                       .outputs = l->out.channels,
                       .out_height = l->out.height,
                       .out_width = l->out.width,
                       .kernel_h = l->kernel_h,
                       .kernel_w = l->kernel_w,
                       .stride = l->stride};
}

static bh_window backward_window(const bh_layer *l)
{
    return (bh_window){.channels = l->out.channels,
                       .height = l->in.height + l->kernel_h - 1,
                       .width = l->in.width + l->kernel_w - 1,
                       .outputs = l->in.channels,
                       .out_height = l->in.height,
                       .out_width = l->in.width,
                       .kernel_h = l->kernel_h,
                       .kernel_w = l->kernel_w,
                       .stride = 1};
}

static size_t window_len(bh_window w)
{
    return w.channels * w.height * w.width * BH_LANES;
}

bh_layer_room bh_layer_room_of(const bh_layer *l)
{
    bh_layer_room room = {0};
    if (!bh_layer_is_linear(l)) {
        return room;
    }
    // Noise comes in pairs of vectors; a fully connected layer transposes its input.
    room.inputs = tensor_len(l->in) + BH_LANES;
    room.outputs = tensor_len(l->out) + BH_LANES;
    room.planes = window_len(bh_layer_window(l));
    room.spread = tensor_len(l->in);
    if (l->kind == BH_LAYER_CONV2D) {
        // With fewer channels than the input the spread outputs may be smaller.
        const size_t spread_len = window_len(backward_window(l));
        room.spread = spread_len > room.spread ? spread_len : room.spread;
        room.flipped = bh_layer_weights_len(l);
    }
    return room;
}

// Copies planes into larger ones, whose numbers between are left alone: row y, column x
// to row top + y * stride, column left + x * stride.
static void spread(bh_real *out, size_t out_height, size_t out_width, size_t top,
                   size_t left, size_t stride, const bh_real *in, bh_shape s)
{
    for (size_t c = 0; c < s.channels; c++) {
        for (size_t y = 0; y < s.height; y++) {
            size_t at = (c * out_height + top + y * stride) * out_width + left;
            bh_real *to = out + at * BH_LANES;
            if (stride == 1) {
                memcpy(to, in, s.width * BH_LANES * sizeof *to);
                in += s.width * BH_LANES;
                continue;
            }
            for (size_t x = 0; x < s.width; x++, in += BH_LANES) {
                memcpy(to + x * stride * BH_LANES, in, BH_LANES * sizeof *to);
            }
        }
    }
}

// Of planes in padding: the planes.
static void cut(bh_real *out, const bh_real *in, const bh_window *w, size_t pad,
                bh_shape s)
{
    for (size_t c = 0; c < s.channels; c++) {
        for (size_t y = 0; y < s.height; y++) {
            size_t at = (c * w->height + pad + y) * w->width + pad;
            memcpy(out, in + at * BH_LANES, s.width * BH_LANES * sizeof *out);
            out += s.width * BH_LANES;
        }
    }
}

static void product(const bh_layer *l, const bh_train_kernels *k, bh_real *out,
                    const bh_real *planes, const bh_real *params)
{
    const bh_real *bias = params + bh_layer_weights_len(l);
    const bh_window w = bh_layer_window(l);
    if (l->kind == BH_LAYER_FC) {
        k->dense(l->out_channels, l->in.channels, out, planes, params, bias);
    } else {
        k->correlate(&w, out, planes, params, bias);
    }
}

// A random sign for every image and channel, for all positions of the channel.
static void channel_signs(bh_layer_scratch *s, bh_real *out, size_t channels,
                          size_t plane)
{
    for (size_t c = 0; c < channels; c++) {
        bh_real sign[BH_LANES];
        s->kernels->signs(&s->noise, sign, BH_LANES);
        for (size_t i = 0; i < plane; i++, out += BH_LANES) {
            memcpy(out, sign, sizeof sign);
        }
    }
}

void bh_linear_forward(const bh_layer *l, bh_layer_state *state, bh_layer_scratch *s,
                       bh_pass pass, bh_real *out, const bh_real *in, const bh_real *a,
                       const bh_real *b)
{
    const bh_train_kernels *k = s->kernels;
    const bh_window w = bh_layer_window(l);
    const size_t planes_len = window_len(w), out_len = tensor_len(l->out);
    spread(state->planes, w.height, w.width, l->pad, l->pad, 1, in, l->in);
    product(l, k, out, state->planes, a);
    if (pass == BH_PASS_LOCAL) {
        k->multiply(state->second, state->planes, state->planes, planes_len);
        product(l, k, s->product, state->second, b);
        k->normals(&s->noise, s->pull, bh_noise_len(out_len));
        k->add_noise(out, state->gain, s->product, s->pull, out_len);
    } else if (pass == BH_PASS_FLIPOUT) {
        channel_signs(s, state->signs, w.channels, w.height * w.width);
        k->multiply(state->second, state->planes, state->signs, planes_len);
        product(l, k, s->product, state->second, b);
        channel_signs(s, state->gain, l->out.channels,
                      (size_t)l->out.height * l->out.width);
        k->multiply_add(out, 1, s->product, state->gain, out_len);
    }
}

static void flip(const bh_layer *l, bh_real *out, const bh_real *weights)
{
    const size_t kernel = (size_t)l->kernel_h * l->kernel_w;
    for (size_t o = 0; o < l->out_channels; o++) {
        for (size_t c = 0; c < l->in.channels; c++, weights += kernel) {
            bh_real *to = out + (c * l->out_channels + o) * kernel;
            for (size_t i = 0; i < kernel; i++) {
                to[kernel - 1 - i] = weights[i];
            }
        }
    }
}

static void product_inputs(const bh_layer *l, bh_layer_scratch *s, bh_real *d_in,
                           const bh_real *d_out, const bh_real *params)
{
    const bh_window w = backward_window(l);
    if (l->kind == BH_LAYER_FC) {
        s->kernels->dense_inputs(l->out_channels, l->in.channels, d_in, d_out, params);
        return;
    }
    memset(s->planes, 0, window_len(w) * sizeof *s->planes);
    spread(s->planes, w.height, w.width, l->kernel_h - 1 - l->pad,
           l->kernel_w - 1 - l->pad, l->stride, d_out, l->out);
    flip(l, s->flipped, params);
    s->kernels->correlate(&w, d_in, s->planes, s->flipped, NULL);
}

static void product_params(const bh_layer *l, bh_layer_scratch *s, bh_real *d_params,
                           const bh_real *d_out, const bh_real *planes)
{
    const bh_train_kernels *k = s->kernels;
    const bh_window w = bh_layer_window(l);
    if (l->kind == BH_LAYER_FC) {
        k->dense_weights(l->out_channels, l->in.channels, d_params, d_out, planes,
                         s->inner);
    } else {
        k->correlate_weights(&w, d_params, d_out, planes);
    }
    k->bias_gradient(l->out_channels, (size_t)l->out.height * l->out.width,
                     d_params + bh_layer_weights_len(l), d_out);
}

// Adds what the product with b does to the gradient in the input.
static void add_second(const bh_layer *l, const bh_layer_state *state,
                       bh_layer_scratch *s, bh_pass pass, bh_real *d_in,
                       const bh_real *in, const bh_real *b)
{
    const bh_train_kernels *k = s->kernels;
    const bh_window w = bh_layer_window(l);
    const size_t in_len = tensor_len(l->in);
    product_inputs(l, s, s->inner, s->pull, b);
    if (pass == BH_PASS_LOCAL) {
        k->multiply_add(d_in, 2, s->inner, in, in_len);
    } else {
        cut(s->planes, state->signs, &w, l->pad, l->in);
        k->multiply_add(d_in, 1, s->inner, s->planes, in_len);
    }
}

void bh_linear_backward(const bh_layer *l, const bh_layer_state *state,
                        bh_layer_scratch *s, bh_pass pass, bh_real *d_in, bh_real *d_a,
                        bh_real *d_b, const bh_real *d_out, const bh_real *in,
                        const bh_real *a, const bh_real *b)
{
    product_params(l, s, d_a, d_out, state->planes);
    if (pass != BH_PASS_POINT) {
        s->kernels->multiply(s->pull, d_out, state->gain, tensor_len(l->out));
        product_params(l, s, d_b, s->pull, state->second);
    }
    if (d_in == NULL) {
        return;
    }
    product_inputs(l, s, d_in, d_out, a);
    if (pass != BH_PASS_POINT) {
        add_second(l, state, s, pass, d_in, in, b);
    }
}
