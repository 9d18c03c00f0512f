// SPDX-License-Identifier: Apache-2.0
// Calibration: of the predictions made with confidence 0.8, are 80 % right?
//
// Source: Naeini et al., AAAI 2015, and Guo et al., ICML 2017, for the reliability
// diagram and the expected calibration error; Nixon et al., CVPR workshops 2019, for
// bins of equal mass and errors class by class.
#ifndef BH_BAYES_CALIBRATION_H
#define BH_BAYES_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

#define BH_CALIBRATION_BINS 15

// Predictions that are about equally confident. Bin b holds those whose largest
// probability is at least b/15 and below (b + 1)/15; the last one holds 1 itself.
typedef struct bh_bin {
    size_t images;
    double confidence, accuracy; // means; 0 where there are no images
} bh_bin;

// In all of these: probabilities [images][classes], one label below `classes` an image;
// without images every error is 0.
void bh_calibration_bins(bh_bin bins[BH_CALIBRATION_BINS], const double *probabilities,
                         const uint8_t *labels, size_t images, size_t classes);

// ECE: sum over bins of (share of the images) * |accuracy - confidence|.
double bh_calibration_error(const bh_bin bins[BH_CALIBRATION_BINS]);

// The same with every class's own probability in place of the largest one and "it is
// this class" in place of "it is right", averaged over classes.
double bh_calibration_error_by_class(const double *probabilities, const uint8_t *labels,
                                     size_t images, size_t classes);

// ECE over 15 bins that hold equally many images, up to one: empty regions have no say,
// crowded ones are looked at closely. BH_ERR_NOMEM.
bh_status bh_calibration_error_adaptive(double *out, const double *probabilities,
                                        const uint8_t *labels, size_t images,
                                        size_t classes) BH_MUST_CHECK;

#endif
