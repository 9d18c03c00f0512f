// SPDX-License-Identifier: Apache-2.0
// What the libraries of Bayesian networks call their tensors, and what the numbers in
// them mean (docs/import.md).
#ifndef BH_EXCHANGE_LIBRARY_H
#define BH_EXCHANGE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange/safetensors.h"

// How a stored number becomes a deviation.
typedef enum bh_transform {
    BH_TRANSFORM_NONE,
    BH_TRANSFORM_EXP,          // exp(x)
    BH_TRANSFORM_SOFTPLUS,     // log(1 + exp(x))
    BH_TRANSFORM_SOFTPLUS_EPS, // 2^-23 + log(1 + exp(x))
    BH_TRANSFORM_SQRT,         // sqrt(x): variances
} bh_transform;

// Not finite, or negative, where x is no such number.
double bh_transform_apply(bh_transform transform, double x);
// The x of a deviation, or of bh_transform_least where that is larger: no x gives 0.
double bh_transform_invert(bh_transform transform, double dev);
// 1e-10; 2^-23 more where the transform adds that.
double bh_transform_least(bh_transform transform);
// "none", "exp", "softplus", "softplus-eps" or "sqrt"; false for another word.
bool bh_transform_from_name(bh_transform *out, const char *name);

// Patterns hold {layer} once: a layer's name.
typedef struct bh_library {
    const char *name;
    const char *conv_mean, *conv_dev; // of rank 4
    const char *fc_mean, *fc_dev;     // of rank 2
    const char *bias_mean, *bias_dev;
    bh_transform transform;
    bool has_dev;    // false: the patterns of deviations are NULL
    bool point_bias; // a bias without deviation is nothing unusual
    bool keras;      // layout.h
} bh_library;

// Libraries that write in more than one way have several entries of one name, the one
// that is exported first. The last entry, "plain", fits whatever no other fits.
extern const bh_library bh_libraries[];
extern const size_t bh_libraries_count;
#define BH_LIBRARY_NAMES                                                               \
    "bayesian-torch, blitz, torchbnn, pytorch-bayesiancnn, tfp, pyro or plain"
// The first entry of that name; NULL if there is none.
const bh_library *bh_library_find(const char *name);

// Where {layer} is in a name that fits the pattern; false if it does not fit.
typedef struct bh_layer_name {
    const char *text;
    size_t len;
} bh_layer_name;
bool bh_pattern_match(bh_layer_name *out, const char *pattern, const char *name);
// The name of a layer's tensor, cut at the size.
#define BH_PATTERN_BYTES (BH_TENSORS_NAME_MAX + 64)
char *bh_pattern_fill(char out[BH_PATTERN_BYTES], const char *pattern,
                      bh_layer_name layer);

// By name as people count: conv2 before conv10. As strcmp returns.
int bh_layer_name_compare(bh_layer_name a, bh_layer_name b);

#endif
