// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/images.h"

static const char *const separators[] = {"-", "."};
static const char *const endings[] = {"", ".gz"};

// Writes dir/<stem><separator><kind>[.gz] for the first such file that exists.
static bool find_file(char *out, size_t size, const char *dir, const char *stem,
                      const char *kind)
{
    for (size_t i = 0; i < 4; i++) {
        int len = snprintf(out, size, "%s/%s%s%s%s", dir, stem, separators[i / 2], kind,
                           endings[i % 2]);
        if (len > 0 && (size_t)len < size && access(out, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bh_status load(bh_images *out, char *path, size_t size, const char *dir,
                      bh_split split, bh_error *err)
{
    bool train = split == BH_SPLIT_TRAIN;
    const char *images = train ? "train-images" : "t10k-images";
    const char *labels = train ? "train-labels" : "t10k-labels";
    if (!find_file(path, size, dir, images, "idx3-ubyte")) {
        return bh_fail(err, BH_ERR_IO,
                       "no images in %s: %s-idx3-ubyte (or .gz) is missing", dir,
                       images);
    }
    bh_status status = bh_idx_load_images(out, path, err);
    if (status != BH_OK) {
        return status;
    }
    if (!find_file(path, size, dir, labels, "idx1-ubyte")) {
        return bh_fail(err, BH_ERR_IO,
                       "no labels in %s: %s-idx1-ubyte (or .gz) is missing", dir,
                       labels);
    }
    return bh_idx_load_labels(out, path, err);
}

bh_status bh_images_load_folder(bh_images *out, const char *dir, bh_split split,
                                bh_error *err)
{
    *out = (bh_images){0};
    size_t size = strlen(dir) + 64; // the longest name has 26 characters
    char *path = bh_alloc(size, 1);
    bh_status status = path != NULL ? load(out, path, size, dir, split, err)
                                    : bh_fail_plain(err, BH_ERR_NOMEM);
    bh_free(path);
    if (status != BH_OK) {
        bh_images_clear(out);
    }
    return status;
}
