// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/formats.h"

void bh_dataset_clear(bh_dataset *data)
{
    bh_images_clear(&data->images);
    bh_free(data->values);
    bh_free(data->split);
    bh_free(data->group);
    bh_free(data->class_names);
    *data = (bh_dataset){0};
}

bh_status bh_dataset_skip(bh_dataset *out, const bh_dataset_options *options,
                          const bh_error *err)
{
    bool broken = err->status == BH_ERR_ENCODING || err->status == BH_ERR_IO;
    if (options->strict || !broken) {
        return err->status;
    }
    out->skipped++;
    if (options->on_skipped != NULL) {
        options->on_skipped(options->user, err->message);
    }
    return BH_OK;
}

bh_status bh_dataset_nothing_left(const char *path, bh_error *err)
{
    bh_error last = *err;
    return last.message[0] == '\0'
               ? bh_fail(err, BH_ERR_ENCODING, "there are no examples in %s", path)
               : bh_fail(err, BH_ERR_ENCODING, "nothing in %s can be used: %s", path,
                         last.message);
}

bh_status bh_dataset_name_classes(bh_dataset *out, const char *const *names,
                                  uint32_t n_classes, const char *path, bh_error *err)
{
    if (n_classes > BH_DATASET_CLASSES_MAX) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "cannot use %s: it has %u classes, more than %d", path,
                       n_classes, BH_DATASET_CLASSES_MAX);
    }
    out->class_names = bh_alloc(n_classes, sizeof *out->class_names);
    if (out->class_names == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    out->n_classes = n_classes;
    for (uint32_t i = 0; names != NULL && i < n_classes; i++) {
        int len = snprintf(out->class_names[i], BH_CLASS_NAME_BYTES, "%s", names[i]);
        if (len >= BH_CLASS_NAME_BYTES) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "cannot use %s: the class name \"%.40s\" has more than %d "
                           "bytes",
                           path, names[i], BH_CLASS_NAME_BYTES - 1);
        }
    }
    return BH_OK;
}

static void append(bh_dataset *out, const bh_part *part)
{
    bh_images *to = &out->images;
    const bh_images *from = &part->images;
    size_t len = bh_shape_len(from->shape);
    memcpy(to->pixels + to->count * len, from->pixels, from->count * len);
    memcpy(to->labels + to->count, from->labels, from->count);
    memset(out->split + to->count, part->split, from->count);
    to->count += from->count;
}

bh_status bh_dataset_join(bh_dataset *out, bh_part *parts, size_t n_parts,
                          const char *path, bh_error *err)
{
    bh_shape shape = parts[0].images.shape;
    size_t count = 0;
    for (size_t i = 0; i < n_parts; i++) { // of 10^7 images at most
        count += parts[i].images.count;
        if (!bh_shape_equal(shape, parts[i].images.shape)) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "cannot use %s: the images of its files differ in size",
                           path);
        }
    }
    if (count > BH_IMAGES_COUNT_MAX ||
        count > BH_IMAGES_BYTES_MAX / bh_shape_len(shape)) {
        return bh_fail(err, BH_ERR_TOO_LARGE,
                       "cannot use %s: %zu images of %u x %u with %u channels are more "
                       "than %u or than 16 GiB",
                       path, count, shape.width, shape.height, shape.channels,
                       BH_IMAGES_COUNT_MAX);
    }
    out->images.shape = shape;
    out->images.pixels = bh_alloc(count, bh_shape_len(shape));
    out->images.labels = bh_alloc(count, 1);
    out->split = bh_alloc(count, 1);
    if (out->images.pixels == NULL || out->images.labels == NULL ||
        out->split == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    for (size_t i = 0; i < n_parts; i++) {
        append(out, &parts[i]);
        bh_images_clear(&parts[i].images);
    }
    return BH_OK;
}

static bh_status unknown(const char *path, bh_error *err)
{
    return bh_fail(
        err, BH_ERR_ENCODING,
        "no data set in %s: no IDX files (train-images-idx3-ubyte, "
        "images-idx3-ubyte), no data_batch_1.bin, no folder of PNG files for "
        "each class, and it is no .csv, .csv.gz or .csv.xz",
        path);
}

static bh_status load_pictures(bh_dataset *out, const char *path,
                               const bh_dataset_options *options, bh_error *err)
{
    bh_listing folders;
    bh_status status = bh_listing_read(&folders, path, true, err);
    if (status != BH_OK) {
        return status;
    }
    // A folder train/ with classes 0 and 1 is no patient.
    if (bh_class_folders_match(path, &folders)) {
        status = bh_class_folders_load(out, path, &folders, options, err);
    } else if (bh_idc_matches(path, &folders)) {
        status = bh_idc_load(out, path, &folders, options, err);
    } else {
        status = unknown(path, err);
    }
    bh_listing_clear(&folders);
    return status;
}

static bh_status load(bh_dataset *out, const char *path,
                      const bh_dataset_options *options, bh_error *err)
{
    struct stat info;
    char text[64];
    if (stat(path, &info) != 0) {
        return bh_fail(err, BH_ERR_IO, "cannot open %s: %s", path,
                       strerror_r(errno, text, sizeof text));
    }
    if (!S_ISDIR(info.st_mode)) {
        return bh_table_matches(path) ? bh_table_load(out, path, options, err)
                                      : unknown(path, err);
    }
    return bh_idx_folder_matches(path) ? bh_idx_folder_load(out, path, err)
           : bh_cifar_matches(path)    ? bh_cifar_load(out, path, err)
                                       : load_pictures(out, path, options, err);
}

static bh_status check_wanted(const bh_dataset *data, bh_shape wanted, const char *path,
                              bh_error *err)
{
    bh_shape own = data->images.shape;
    if (wanted.channels == 0 || bh_shape_equal(own, wanted)) {
        return BH_OK;
    }
    return bh_fail(err, BH_ERR_ENCODING,
                   "the %s in %s are %u x %u with %u channels, not %u x %u with %u",
                   data->values != NULL ? "rows" : "images", path, own.width,
                   own.height, own.channels, wanted.width, wanted.height,
                   wanted.channels);
}

bh_status bh_dataset_load(bh_dataset *out, const char *path,
                          const bh_dataset_options *options, bh_error *err)
{
    bh_error own = {0}; // for what is skipped
    *out = (bh_dataset){0};
    bh_status status = load(out, path, options, &own);
    if (status == BH_OK) {
        status = check_wanted(out, options->wanted, path, &own);
    }
    if (status != BH_OK) {
        bh_dataset_clear(out);
        if (err != NULL) {
            *err = own;
        }
    }
    return status;
}
