// SPDX-License-Identifier: Apache-2.0
// Drawing integer weights from the posterior, exactly and in constant time.
//
// The law. A deviate takes 8 bytes of the stream, a little-endian word: u its 12 low
// bits, v its 12 high bits, c the number of bits that are set among the 40 between.
//
//   N = 2^12 (c - 20) + (u + v - 4095)
//   E = clamp((N (A + (N^2 B >> 36)) + 2^24) >> 25, -6 * 2^19, 6 * 2^19)
//
// with A = 1338485727 and B = 1161142459. c is a binomial; u + v spreads each of its
// steps as a triangle, so that the density of N interpolates the binomial's linearly.
// The cubic in N, after Cornish and Fisher, gives back what a sum of 40 coins lacks in
// its tails: A and B make the second and fourth moments those of the normal law. So
// E / 2^19 is a standard deviate, symmetric, of variance 1 and excess kurtosis 0 to
// within 1e-7, clipped at BH_DRAW_CLIP. Against the normal law its density is within
// 2.5 % up to 2 deviations, 6 % up to 3 and 14 % up to 4, its tail beyond 4 is 0.98
// and beyond 5 is 0.84 of the normal one, and a weight of deviation 10 in units of its
// grid has a law within 0.0014 of the normal one's in total variation.
//
// With mean and dev on the layer's grid with BH_DRAW_FRACTION_BITS = 12 fraction bits,
//
//   weight = clamp((mean + ((dev E + 2^18) >> 19) + 2^11) >> 12, -w_max, w_max),
//
// >> being floor division. Weight i takes word i of the stream, bias j word n_weights
// + j; biases are clamped to 31 bits and a sign. Nothing is floating point, so every
// machine draws the same integers from the same stream.
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

// CT for all of these: leak lengths and places, not the seed, the posterior or what is
// drawn. On failure the outputs are zero. Errors: those of the streams.

// The key of all draws of a query, from the query's seed (purpose "weights").
bh_status bh_draw_key(bh_stream_key *out,
                      const uint8_t seed[BH_SEED_BYTES]) BH_MUST_CHECK;

// Weights first .. first + count - 1, and all biases, of a weight set whose stream was
// begun: number bh_stream_number(layer, sample, 0) of the key. They may be drawn in any
// order and in pieces, by as many streams at that number as there are threads.
bh_status bh_draw_weights(const bh_int_posterior *p, int32_t *weights, size_t first,
                          size_t count, bh_stream *stream) BH_MUST_CHECK;
bh_status bh_draw_bias(const bh_int_posterior *p, int32_t *bias,
                       bh_stream *stream) BH_MUST_CHECK;

// The whole weight set of linear layer `layer`, sample `sample`, of a query.
bh_status bh_draw_layer(const bh_int_posterior *p, int32_t *weights, int32_t *bias,
                        const uint8_t seed[BH_SEED_BYTES], uint32_t layer,
                        uint32_t sample) BH_MUST_CHECK;

#endif
