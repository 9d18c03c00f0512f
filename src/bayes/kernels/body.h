// SPDX-License-Identifier: Apache-2.0
// The kernels of one level: included by kernels_<level>.c, which names the table, the
// length of a vector, and how many of them fit into the registers. A block of images is
// PARTS vectors wide; loops that keep sums in registers take one part at a time.
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PARTS (BH_LANES / VECTOR)
#ifdef BH_BAYES_DOUBLE
#define ROOT sqrt
#else
#define ROOT sqrtf
#endif

typedef bh_real lanes __attribute__((vector_size(VECTOR * sizeof(bh_real))));
typedef bh_real loose_lanes // at any address
    __attribute__((vector_size(VECTOR * sizeof(bh_real)), aligned(sizeof(bh_real))));
typedef __typeof__((lanes){0} == (lanes){0}) masks;
typedef float floats __attribute__((vector_size(BH_LANES * 4)));
typedef int32_t ints __attribute__((vector_size(BH_LANES * 4)));
typedef uint32_t words __attribute__((vector_size(BH_LANES * 4)));

#define INLINE static inline __attribute__((always_inline))
// Sizes of register blocks are constants once these are inlined; then all loops over
// them unroll.
#define UNROLL _Pragma("GCC unroll 16")

static bh_real lanes_sum(const lanes *v)
{
    bh_real sum = 0;
    for (size_t l = 0; l < VECTOR; l++) {
        sum += (*v)[l];
    }
    return sum;
}

#include "bayes/kernels/convolution.h"
#include "bayes/kernels/dense.h"
#include "bayes/kernels/elements.h"
#include "bayes/kernels/noise.h"
#include "bayes/kernels/pools.h"

const bh_train_kernels TABLE = {
    .correlate = correlate,
    .correlate_weights = correlate_weights,
    .dense = dense,
    .dense_inputs = dense_inputs,
    .dense_weights = dense_weights,
    .bias_gradient = bias_gradient,
    .max_pool = max_pool,
    .max_pool_back = max_pool_back,
    .mean_pool = mean_pool,
    .mean_pool_back = mean_pool_back,
    .relu = relu,
    .relu_back = relu_back,
    .square = square,
    .square_back = square_back,
    .add_noise = add_noise,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .exponentials = exponentials,
    .adam = adam,
    .normals = normals,
    .signs = signs,
};
