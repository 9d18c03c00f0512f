// SPDX-License-Identifier: Apache-2.0
#include "data/images.h"

#include <math.h>

#include "base/memory.h"

void bh_images_clear(bh_images *images)
{
    bh_free(images->pixels);
    bh_free(images->labels);
    *images = (bh_images){0};
}

bh_input bh_images_input(const bh_images *images)
{
    bh_input input = {.shape = images->shape};
    size_t plane = (size_t)images->shape.height * images->shape.width;
    for (uint32_t c = 0; c < images->shape.channels && c < BH_GRAPH_CHANNELS_MAX; c++) {
        double sum = 0, squares = 0, n = (double)(images->count * plane);
        for (size_t i = 0; i < images->count * plane; i++) {
            size_t at = (i / plane * images->shape.channels + c) * plane + i % plane;
            double x = images->pixels[at] / 255.0;
            sum += x;
            squares += x * x;
        }
        double variance = squares / n - (sum / n) * (sum / n);
        input.mean[c] = (float)(sum / n);
        input.dev[c] = variance > 1e-6 ? (float)sqrt(variance) : 1.0f;
    }
    return input;
}
