// SPDX-License-Identifier: Apache-2.0
// Labelled 8-bit images, and the readers that make them: IDX files (plain, gzip or
// xz) and PNG. Every reader checks sizes before it takes memory.
#ifndef BH_DATA_IMAGES_H
#define BH_DATA_IMAGES_H

#include "model/graph.h"

#define BH_IMAGES_COUNT_MAX 10000000u
#define BH_IMAGES_BYTES_MAX (UINT64_C(16) << 30) // pixels of one data set

typedef struct bh_images {
    size_t count;
    bh_shape shape; // of each image; pixels are [image][channel][row][column]
    uint8_t *pixels;
    uint8_t *labels; // one per image, or NULL
} bh_images;

void bh_images_clear(bh_images *images);

// The images' shape, and mean and deviation of every channel over all of them: what the
// inputs of a network trained on them are normalised by. A channel that never varies
// has deviation 1.
bh_input bh_images_input(const bh_images *images);

// An IDX file of images (magic 0x00000803). labels stays NULL.
bh_status bh_idx_load_images(bh_images *out, const char *path,
                             bh_error *err) BH_MUST_CHECK;
// Adds the labels (magic 0x00000801); their number must match.
bh_status bh_idx_load_labels(bh_images *images, const char *path,
                             bh_error *err) BH_MUST_CHECK;

// A PNG of any size, depth and colour type, converted to the wanted number of channels
// (1: luma, 3: RGB; alpha over white), resized to the wanted size by area averaging
// down and bilinear interpolation up. pixels: bh_shape_len(wanted) bytes.
bh_status bh_png_load(uint8_t *pixels, bh_shape wanted, const char *path,
                      bh_error *err) BH_MUST_CHECK;
// A file's own size, and 1 channel where its colour type is gray, 3 otherwise.
bh_status bh_png_shape(bh_shape *out, const char *path, bh_error *err) BH_MUST_CHECK;

#endif
