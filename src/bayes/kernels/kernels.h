// SPDX-License-Identifier: Apache-2.0
// The inner loops of training, on blocks of BH_LANES images: tensors are
// [channel][row][column][BH_LANES], aligned to 64 bytes, weights as in model/graph.h.
//
// One source (body.h) is compiled for every level of processors; results of two
// levels differ in roundings only.
#ifndef BH_BAYES_KERNELS_H
#define BH_BAYES_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "bayes/real.h"

// A window that moves over planes without leaving them (padding is in the planes).
typedef struct bh_window {
    size_t channels, height, width; // of the planes
    size_t outputs, out_height, out_width;
    size_t kernel_h, kernel_w, stride;
} bh_window;

// 16 generators side by side: xoshiro128++ (Blackman and Vigna, ACM TOMS 47(4), 2021).
typedef struct bh_noise {
    uint32_t state[4][BH_LANES];
} bh_noise;

// Constants of one step of Adam (bayes/optimiser.h).
typedef struct bh_adam_constants {
    bh_real beta1, beta2, step, floor, decay;
} bh_adam_constants;

typedef struct bh_train_kernels {
    // out = bias + sum of weights * in under the window; bias NULL: zero.
    // weights: [outputs][channels][kernel_h][kernel_w].
    void (*correlate)(const bh_window *w, bh_real *out, const bh_real *in,
                      const bh_real *weights, const bh_real *bias);
    // Adds to d_weights the gradient of sum(d_out * out) in the weights, summed over
    // the images.
    void (*correlate_weights)(const bh_window *w, bh_real *d_weights,
                              const bh_real *d_out, const bh_real *in);
    // The same for a weight matrix [outputs][inputs] over one vector, and the gradient
    // in the vector. scratch: BH_LANES * inputs numbers.
    void (*dense)(size_t outputs, size_t inputs, bh_real *out, const bh_real *in,
                  const bh_real *weights, const bh_real *bias);
    void (*dense_inputs)(size_t outputs, size_t inputs, bh_real *d_in,
                         const bh_real *d_out, const bh_real *weights);
    void (*dense_weights)(size_t outputs, size_t inputs, bh_real *d_weights,
                          const bh_real *d_out, const bh_real *in, bh_real *scratch);
    // Adds to d_bias[o] the sum over the `plane` positions and the images.
    void (*bias_gradient)(size_t outputs, size_t plane, bh_real *d_bias,
                          const bh_real *d_out);

    // Pools over planes; of equal largest values the first one counts.
    void (*max_pool)(const bh_window *w, bh_real *out, const bh_real *in);
    void (*max_pool_back)(const bh_window *w, bh_real *d_in, const bh_real *d_out,
                          const bh_real *out, const bh_real *in); // d_in was zeroed
    void (*mean_pool)(const bh_window *w, bh_real *out, const bh_real *in);
    void (*mean_pool_back)(const bh_window *w, bh_real *d_in, const bh_real *d_out);

    // Element by element; len counts numbers and is a multiple of BH_LANES.
    void (*relu)(bh_real *out, const bh_real *in, size_t len);
    void (*relu_back)(bh_real *d_in, const bh_real *d_out, const bh_real *in,
                      size_t len);
    void (*square)(bh_real *out, const bh_real *in, size_t len);
    void (*square_back)(bh_real *d_in, const bh_real *d_out, const bh_real *in,
                        size_t len);
    // out += sqrt(variance) * noise; gain = noise / (2 sqrt(variance)), which is the
    // derivative of that in the variance.
    void (*add_noise)(bh_real *out, bh_real *gain, const bh_real *variance,
                      const bh_real *noise, size_t len);
    void (*multiply)(bh_real *out, const bh_real *a, const bh_real *b, size_t len);
    // out += factor * a * b
    void (*multiply_add)(bh_real *out, bh_real factor, const bh_real *a,
                         const bh_real *b, size_t len);

    // Of parameters, any number of them.
    // exp of the nearest number within -80 .. 80.
    void (*exponentials)(bh_real *out, const bh_real *in, size_t len);
    void (*adam)(const bh_adam_constants *c, bh_real *x, bh_real *first,
                 bh_real *second, const bh_real *gradient, size_t len);

    // Standard normal deviates, from 24-bit uniforms by Box and Muller's method:
    // |deviate| < 5.9. len is a multiple of 2 * BH_LANES.
    void (*normals)(bh_noise *noise, bh_real *out, size_t len);
    // +1 or -1 with equal chances. len is a multiple of BH_LANES.
    void (*signs)(bh_noise *noise, bh_real *out, size_t len);
} bh_train_kernels;

// Those of the level that bh_cpu_pick gives; of the portable one if that fails.
const bh_train_kernels *bh_train_kernels_pick(void);
// Those of one level, NULL if the machine lacks it.
const bh_train_kernels *bh_train_kernels_of(bh_cpu level);

bh_noise bh_noise_make(uint64_t seed);

// Room for at least len deviates: what `normals` may be asked for.
static inline size_t bh_noise_len(size_t len)
{
    return (len + 2 * BH_LANES - 1) / (2 * BH_LANES) * (2 * BH_LANES);
}

#endif
