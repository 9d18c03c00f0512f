// SPDX-License-Identifier: Apache-2.0
// IDX files in a folder, as MNIST and MedMNIST name them, or not split at all.
#include <stdio.h>

#include "base/error.h"
#include "data/formats.h"

#define PARTS_MAX 3

static const struct {
    bh_split split;
    const char *prefix;
} known[] = {{BH_SPLIT_TRAIN, "train-"},
             {BH_SPLIT_VALIDATION, "val-"},
             {BH_SPLIT_TEST, "t10k-"},
             {BH_SPLIT_TEST, "test-"}};
#define KNOWN (sizeof known / sizeof known[0])

static bool find(char out[BH_PATH_BYTES], const char *dir, const char *prefix,
                 const char *kind, const char *ending)
{
    static const char separators[] = {'-', '.'};
    char name[64];
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s%c%s", prefix, kind, separators[i], ending);
        if (bh_find_file(out, dir, name)) {
            return true;
        }
    }
    return false;
}

static bool find_images(char out[BH_PATH_BYTES], const char *dir, const char *prefix)
{
    return find(out, dir, prefix, "images", "idx3-ubyte");
}

bool bh_idx_folder_matches(const char *path)
{
    char file[BH_PATH_BYTES];
    bool match = find_images(file, path, "");
    for (size_t i = 0; i < KNOWN && !match; i++) {
        match = find_images(file, path, known[i].prefix);
    }
    return match;
}

static bh_status load_part(bh_images *out, const char *images, const char *dir,
                           const char *prefix, bh_error *err)
{
    char labels[BH_PATH_BYTES];
    bh_status status = bh_idx_load_images(out, images, err);
    if (status != BH_OK) {
        return status;
    }
    if (!find(labels, dir, prefix, "labels", "idx1-ubyte")) {
        return bh_fail(
            err, BH_ERR_IO,
            "no labels in %s: %slabels-idx1-ubyte (or .gz or .xz) is missing", dir,
            prefix);
    }
    return bh_idx_load_labels(out, labels, err);
}

static bh_status load_splits(bh_dataset *out, const char *path, bh_error *err)
{
    char file[BH_PATH_BYTES];
    bh_part parts[PARTS_MAX] = {0};
    size_t n = 0;
    bh_status status = BH_OK;
    for (size_t i = 0; i < KNOWN && status == BH_OK; i++) {
        // The first name of a split counts, and is one part.
        bool again = n > 0 && parts[n - 1].split == known[i].split;
        if (!again && find_images(file, path, known[i].prefix)) {
            parts[n].split = known[i].split;
            status = load_part(&parts[n++].images, file, path, known[i].prefix, err);
        }
    }
    if (status == BH_OK) {
        status = bh_dataset_join(out, parts, n, path, err);
    }
    for (size_t i = 0; i < n; i++) {
        bh_images_clear(&parts[i].images);
    }
    return status;
}

static bh_status load_unsplit(bh_dataset *out, const char *images, const char *path,
                              bh_error *err)
{
    char index[BH_PATH_BYTES];
    bh_status status = load_part(&out->images, images, path, "", err);
    if (status == BH_OK && bh_find_file(index, path, "index.csv")) {
        status = bh_index_load(out, index, err);
    }
    return status;
}

bh_status bh_idx_folder_load(bh_dataset *out, const char *path, bh_error *err)
{
    char file[BH_PATH_BYTES];
    bh_status status = find_images(file, path, "") ? load_unsplit(out, file, path, err)
                                                   : load_splits(out, path, err);
    if (status != BH_OK) {
        return status;
    }
    uint32_t n_classes = 0;
    for (size_t i = 0; i < out->images.count; i++) {
        uint32_t least = out->images.labels[i] + 1u;
        n_classes = least > n_classes ? least : n_classes;
    }
    return bh_dataset_name_classes(out, NULL, n_classes, path, err);
}
