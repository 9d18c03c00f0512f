// SPDX-License-Identifier: Apache-2.0
// From labelled images to blocks of network inputs, each image changed at random.
#ifndef BH_BAYES_AUGMENT_H
#define BH_BAYES_AUGMENT_H

#include "bayes/real.h"
#include "bayes/rng.h"
#include "data/images.h"

// How images are changed at random, every time that they are shown. What moves in from
// outside is the nearest pixel of the edge where `repeat_edge` is set, 0 otherwise.
typedef struct bh_augment {
    uint32_t shift;       // pixels, up to, in both directions
    double rotate;        // degrees, up to, in both directions
    double scale;         // up to this share larger or smaller: 0.1 is 0.9 .. 1.1
    bool flip_horizontal; // left and right, every second time
    bool flip_vertical;
    bool turn; // by a multiple of 90 degrees; square images only
    bool repeat_edge;
} bh_augment;

// Writes image `index` as lane `lane` of a block (bayes/real.h): changed, then
// normalised as the graph says. pixels: room for one image; real: for one tensor.
void bh_augment_image(bh_real *block, size_t lane, const bh_graph *graph,
                      const bh_images *images, size_t index, const bh_augment *augment,
                      bh_train_rng *rng, uint8_t *pixels, float *real);

#endif
