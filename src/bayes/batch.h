// SPDX-License-Identifier: Apache-2.0
// From labelled images to the network's input tensors, with random shifts.
#ifndef BH_BAYES_BATCH_H
#define BH_BAYES_BATCH_H

#include "bayes/rng.h"
#include "data/images.h"

// What each pixel value of each channel is as the network's input (graph.h, bh_input).
typedef struct bh_pixel_table {
    float real[BH_GRAPH_CHANNELS_MAX][256];
} bh_pixel_table;

void bh_pixel_table_init(bh_pixel_table *table, const bh_input *input);

// Image `index` moved down by dy and right by dx, pixels of value 0 moving in.
void bh_batch_image(bh_real *out, const bh_images *images, const bh_pixel_table *table,
                    size_t index, int dy, int dx);

// The images order[0 .. count - 1] and their labels, each moved by a shift drawn
// uniformly from -shift_max .. shift_max in both directions.
void bh_batch_fill(bh_real *out, uint8_t *labels, const bh_images *images,
                   const bh_pixel_table *table, bh_train_rng *rng,
                   const uint32_t *order, size_t count, uint32_t shift_max);

#endif
