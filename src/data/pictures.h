// SPDX-License-Identifier: Apache-2.0
// A list of picture files that become a data set: all are found before any is read.
#ifndef BH_DATA_PICTURES_H
#define BH_DATA_PICTURES_H

#include "data/formats.h"

typedef struct bh_pictures {
    const char *root;    // the data set's folder
    bh_shape shape;      // {0}: that of the first picture that can be read
    bool splits, groups; // whether the data set has them
    size_t count;
    bh_writer paths;   // each ended by a zero byte
    bh_writer entries; // of pictures.c
} bh_pictures;

// The picture folder/name.
void bh_pictures_add(bh_pictures *p, const char *folder, const char *name,
                     uint8_t label, bh_split split, uint32_t group);
void bh_pictures_clear(bh_pictures *p);

// Reads them all into out->images.
bh_status bh_pictures_load(bh_dataset *out, const bh_pictures *p,
                           const bh_dataset_options *options,
                           bh_error *err) BH_MUST_CHECK;

#endif
