// SPDX-License-Identifier: Apache-2.0
// Drawing integer weights from the posterior, exactly and in constant time.
//
// The law. A deviate takes 18 bytes of the stream: 128 bits, then u16 little-endian.
//
//   N = 2^16 * (popcount of the 128 bits - 64) + (u16 - 2^15)
//   E = clamp((N * K + 2^31) >> 32, -6 * 2^19, 6 * 2^19),  K = round(2^35 /
//   sqrt(385/12))
//
// E / 2^19 is a standard deviate: a binomial smoothed over one lattice step, of
// variance 32 + 1/12 = 385/12 before scaling, excess kurtosis -0.0156, its density
// within 1 part in 10^2 of the normal one in the bulk, clipped at BH_DRAW_CLIP. With
// mean and dev on the layer's grid with BH_DRAW_FRACTION_BITS = 12 fraction bits,
//
//   weight = clamp((mean + ((dev * E + 2^18) >> 19) + 2^11) >> 12, -w_max, w_max),
//
// >> being floor division. Weights come first in the stream, biases after them, which
// are clamped to 31 bits and a sign. Nothing is floating point, so every machine draws
// the same integers from the same stream.
#ifndef BH_MODEL_DRAW_H
#define BH_MODEL_DRAW_H

#include "base/random.h"
#include "model/graph.h"

#define BH_DRAW_FRACTION_BITS 12
#define BH_DRAW_CLIP          6

#define BH_WEIGHT_MEAN_MAX    (1 << 23)
#define BH_WEIGHT_DEV_MAX     (1 << 23)
#define BH_BIAS_MEAN_MAX      (INT64_C(1) << 44)
#define BH_BIAS_DEV_MAX       (INT64_C(1) << 41)

// Fixed-point posterior of one linear layer, in units of the layer's grid (weights:
// w_scale; biases: x_scale * w_scale) times 2^BH_DRAW_FRACTION_BITS.
typedef struct bh_int_posterior {
    size_t n_weights, n_bias;
    int32_t *weight_mean, *weight_dev; // |mean| <= 2^23, 0 <= dev <= 2^23
    int64_t *bias_mean, *bias_dev;     // |mean| <= 2^44, 0 <= dev <= 2^41
    uint32_t w_max;
} bh_int_posterior;

// Draws one weight set of linear layer `layer`, sample `sample`, from the seed of a
// query (the stream's domain is "weights", layer, sample).
// CT: leaks the lengths, not the seed, the posterior or the result. On failure the
// outputs are zero. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG.
bh_status bh_draw_layer(const bh_int_posterior *p, int32_t *weights, int32_t *bias,
                        const uint8_t seed[BH_SEED_BYTES], uint32_t layer,
                        uint32_t sample) BH_MUST_CHECK;

#endif
