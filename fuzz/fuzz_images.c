// SPDX-License-Identifier: Apache-2.0
// PNG and IDX files of arbitrary bytes. The readers take paths, so a memory file is
// used.
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pixels[3 * 28 * 28];
    char path[64];
    bh_images images = {0};
    int file = memfd_create("fuzz", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    bh_status status = bh_png_load(pixels, (bh_shape){3, 28, 28}, path, NULL);
    if (bh_idx_load_images(&images, path, NULL) == BH_OK) {
        status = bh_idx_load_labels(&images, path, NULL);
        bh_images_clear(&images);
    }
    (void)status;
    close(file);
    return 0;
}
