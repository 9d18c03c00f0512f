// SPDX-License-Identifier: Apache-2.0
// PNG, IDX and CIFAR-10 files of arbitrary bytes, packed or not. The readers take
// paths, so a memory file is used.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/formats.h"

#define FILE_NUMBER 100 // of the memory file, so that its path stays the same
#define FILE_PATH   "/proc/self/fd/100"

static char folder[] = "/tmp/bayhenn-fuzz-XXXXXX", link_path[64];

static void remove_folder(void)
{
    unlink(link_path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(link_path, sizeof link_path, "%s/test_batch.bin", folder);
    return symlink(FILE_PATH, link_path) != 0 || atexit(remove_folder) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pixels[3 * 28 * 28];
    bh_images images = {0};
    bh_dataset batch = {0};
    bh_error err;
    int file = memfd_create("fuzz", 0);
    if (file < 0 || dup2(file, FILE_NUMBER) < 0 ||
        write(file, data, size) != (ssize_t)size) {
        return 0;
    }
    bh_status status = bh_png_load(pixels, (bh_shape){3, 28, 28}, FILE_PATH, NULL);
    if (bh_idx_load_images(&images, FILE_PATH, NULL) == BH_OK) {
        status = bh_idx_load_labels(&images, FILE_PATH, NULL);
        bh_images_clear(&images);
    }
    status = bh_cifar_load(&batch, folder, &err);
    bh_dataset_clear(&batch);
    (void)status;
    close(FILE_NUMBER);
    close(file);
    return 0;
}
