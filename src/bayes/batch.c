// SPDX-License-Identifier: Apache-2.0
#include "bayes/batch.h"

#include "model/input.h"

void bh_pixel_table_init(bh_pixel_table *table, const bh_input *input)
{
    // An image of 256 pixels, every value once in each channel, normalised as inference
    // does it, is the table.
    uint8_t pixels[BH_GRAPH_CHANNELS_MAX * 256];
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)i;
    }
    bh_graph probe = {.input = *input};
    probe.input.shape = (bh_shape){input->shape.channels, 16, 16};
    bh_normalise_pixels(&probe, table->real[0], pixels);
}

static void move_plane(bh_real *out, const uint8_t *in, const float *table, int height,
                       int width, int dy, int dx)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int from_y = y - dy, from_x = x - dx;
            bool in_plane =
                from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
            *out++ = (bh_real)table[in_plane ? in[from_y * width + from_x] : 0];
        }
    }
}

void bh_batch_image(bh_real *out, const bh_images *images, const bh_pixel_table *table,
                    size_t index, int dy, int dx)
{
    const bh_shape s = images->shape;
    const size_t plane = (size_t)s.height * s.width;
    const uint8_t *in = images->pixels + index * s.channels * plane;
    for (size_t c = 0; c < s.channels; c++) {
        move_plane(out + c * plane, in + c * plane, table->real[c], (int)s.height,
                   (int)s.width, dy, dx);
    }
}

static int random_shift(bh_train_rng *rng, uint32_t shift_max)
{
    return (int)bh_train_rng_below(rng, 2 * shift_max + 1) - (int)shift_max;
}

void bh_batch_fill(bh_real *out, uint8_t *labels, const bh_images *images,
                   const bh_pixel_table *table, bh_train_rng *rng,
                   const uint32_t *order, size_t count, uint32_t shift_max)
{
    for (size_t i = 0; i < count; i++) {
        int dy = random_shift(rng, shift_max), dx = random_shift(rng, shift_max);
        bh_batch_image(out, images, table, order[i], dy, dx);
        labels[i] = images->labels[order[i]];
        out += bh_shape_len(images->shape);
    }
}
