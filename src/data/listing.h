// SPDX-License-Identifier: Apache-2.0
// What is in folders, in an order that no file system has a say in.
#ifndef BH_DATA_LISTING_H
#define BH_DATA_LISTING_H

#include <stdbool.h>

#include "base/bytes.h"

#define BH_PATH_BYTES 4096 // what the system takes

// folder/name, or the empty path, which no file has, if that is too long.
void bh_path_join(char out[BH_PATH_BYTES], const char *folder, const char *name);

// Names in a folder in bytewise order, without those that begin with a dot.
typedef struct bh_listing {
    size_t count;
    const char **names;
    bh_writer text; // what they point into
} bh_listing;

// folders: only the folders in it and the links to such. BH_ERR_IO, BH_ERR_NOMEM and
// BH_ERR_TOO_LARGE with a sentence.
bh_status bh_listing_read(bh_listing *out, const char *path, bool folders,
                          bh_error *err) BH_MUST_CHECK;
void bh_listing_clear(bh_listing *listing);

bool bh_is_folder(const char *path);
// Finds folder/name, folder/name.gz or folder/name.xz, in this order.
bool bh_find_file(char out[BH_PATH_BYTES], const char *folder, const char *name);

#endif
