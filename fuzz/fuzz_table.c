// SPDX-License-Identifier: Apache-2.0
// Tables and indexes of arbitrary bytes, also row by row; what is read must encode and
// cut. The readers take paths, so a memory file is used.
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/formats.h"
#include "data/rows.h"

static void use(bh_dataset *data)
{
    bh_input input;
    bh_images train;
    bh_cut cut = {.validation = 0.2};
    if (bh_dataset_fit_columns(&input, data, &cut, NULL) == BH_OK &&
        bh_dataset_encode(data, &input, NULL) == BH_OK &&
        bh_dataset_take(&train, data, &cut, BH_SPLIT_TRAIN, NULL) == BH_OK) {
        bh_images_clear(&train);
    }
}

static void use_rows(const char *path)
{
    float values[2];
    bh_rows *rows;
    if (bh_rows_open(&rows, path, NULL, 2, NULL) != BH_OK) {
        return;
    }
    for (size_t i = 3; i-- > 0;) {
        bh_status status = bh_rows_read(rows, values, i, NULL);
        (void)status;
    }
    bh_rows_close(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    bh_dataset table = {0}, indexed = {.images = {.count = 3}};
    bh_error err = {0};
    int file = memfd_create("fuzz", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (bh_table_load(&table, path, &(bh_dataset_options){0}, &err) == BH_OK) {
        use(&table);
    }
    bh_dataset_clear(&table);
    use_rows(path);
    bh_status status = bh_index_load(&indexed, path, &err);
    (void)status;
    bh_dataset_clear(&indexed);
    close(file);
    return 0;
}
