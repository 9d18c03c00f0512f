// SPDX-License-Identifier: Apache-2.0
// Temperature scaling: one number that all logits are divided by, fitted on images that
// the network was not trained on (Guo et al., ICML 2017).
#ifndef BH_BAYES_TEMPERATURE_H
#define BH_BAYES_TEMPERATURE_H

#include <stddef.h>
#include <stdint.h>

#define BH_TEMPERATURE_FIT_MIN 0.05
#define BH_TEMPERATURE_FIT_MAX 20.0

// The T in BH_TEMPERATURE_FIT_MIN .. BH_TEMPERATURE_FIT_MAX that minimises the mean of
//
//   -log (1/S) sum_s softmax(logits_s / T)_label
//
// over the images; logits: [images][samples][classes], finite, images >= 1. To within a
// part in a million, where the minimum is that sharp.
double bh_temperature_fit(const float *logits, const uint8_t *labels, size_t images,
                          size_t samples, size_t classes);

// Divides logits by a temperature, in place.
void bh_temperature_apply(float *logits, size_t len, double temperature);

#endif
