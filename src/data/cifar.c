// SPDX-License-Identifier: Apache-2.0
// CIFAR-10's binary version: records of a label and 3 x 32 x 32 bytes, channel by
// channel, in five files for training and one for tests.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/formats.h"
#include "data/source.h"

#define PIXELS    ((size_t)3 * 32 * 32)
#define RECORD    (1 + PIXELS)
#define BATCHES   5
#define CLASSES   10
#define FILE_MOST ((size_t)1 << 30)

static const char *const class_names[CLASSES] = {
    "airplane", "automobile", "bird",  "cat",  "deer",
    "dog",      "frog",       "horse", "ship", "truck"};

static void batch_name(char out[32], int batch)
{
    snprintf(out, 32, "data_batch_%d.bin", batch);
}

bool bh_cifar_matches(const char *path)
{
    char name[32], file[BH_PATH_BYTES];
    bool match = bh_find_file(file, path, "test_batch.bin");
    for (int i = 1; i <= BATCHES && !match; i++) {
        batch_name(name, i);
        match = bh_find_file(file, path, name);
    }
    return match;
}

static bh_status unpack(bh_images *out, const bh_writer *content, const bh_source *s)
{
    size_t count = content->len / RECORD;
    if (count == 0 || content->len % RECORD != 0) {
        return bh_source_damaged(s, "it does not consist of records of 3073 bytes");
    }
    *out = (bh_images){.count = count,
                       .shape = {3, 32, 32},
                       .pixels = bh_alloc(count, PIXELS),
                       .labels = bh_alloc(count, 1)};
    if (out->pixels == NULL || out->labels == NULL) {
        return bh_source_no_memory(s);
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = content->data + i * RECORD;
        if (record[0] >= CLASSES) {
            return bh_fail(s->err, BH_ERR_ENCODING,
                           "cannot read %s: record %zu has label %u, and there are 10 "
                           "classes",
                           s->path, i + 1, record[0]);
        }
        out->labels[i] = record[0];
        memcpy(out->pixels + i * PIXELS, record + 1, PIXELS);
    }
    return BH_OK;
}

static bh_status load_file(bh_images *out, const char *path, bh_error *err)
{
    bh_source s;
    bh_writer content = {0};
    bh_status status = bh_source_open(&s, path, err);
    if (status == BH_OK) {
        status = bh_source_read_all(&s, &content, FILE_MOST);
    }
    status = bh_source_close(&s, status);
    if (status == BH_OK) {
        status = unpack(out, &content, &s);
    }
    bh_writer_clear(&content);
    return status;
}

static bh_status load_training(bh_part parts[BATCHES], size_t *n, const char *path,
                               bh_error *err)
{
    char name[32], file[BH_PATH_BYTES], missing[32] = "";
    bh_status status = BH_OK;
    for (int i = 1; i <= BATCHES && status == BH_OK; i++) {
        batch_name(name, i);
        if (bh_find_file(file, path, name)) {
            status = load_file(&parts[(*n)++].images, file, err);
        } else {
            memcpy(missing, name, sizeof missing);
        }
    }
    if (status == BH_OK && *n > 0 && *n < BATCHES) {
        return bh_fail(err, BH_ERR_IO,
                       "the training images in %s are not complete: %s (or .gz or .xz) "
                       "is missing",
                       path, missing);
    }
    return status;
}

bh_status bh_cifar_load(bh_dataset *out, const char *path, bh_error *err)
{
    char file[BH_PATH_BYTES];
    bh_part parts[BATCHES + 1] = {0};
    size_t n = 0;
    bh_status status = load_training(parts, &n, path, err);
    if (status == BH_OK && bh_find_file(file, path, "test_batch.bin")) {
        parts[n].split = BH_SPLIT_TEST;
        status = load_file(&parts[n++].images, file, err);
    }
    if (status == BH_OK) {
        status = bh_dataset_join(out, parts, n, path, err);
    }
    if (status == BH_OK) {
        status = bh_dataset_name_classes(out, class_names, CLASSES, path, err);
    }
    for (size_t i = 0; i < n; i++) {
        bh_images_clear(&parts[i].images);
    }
    return status;
}
