// SPDX-License-Identifier: Apache-2.0
#include "bayes/augment.h"

#include <math.h>
#include <string.h>

#include "model/input.h"

#define PI 3.14159265358979323846

// Where a pixel of the changed image comes from: row = y[0] + y[1] * row + y[2] *
// column and the same for the column.
typedef struct affine {
    double y[3], x[3];
    bool whole; // a shift by whole pixels, flips and turns: nothing to interpolate
} affine;

// -1 .. 1
static double symmetric(bh_train_rng *rng)
{
    return (double)(bh_train_rng_next(rng) >> 11) * 0x1p-52 - 1;
}

static double random_shift(bh_train_rng *rng, uint32_t most)
{
    return (double)bh_train_rng_below(rng, 2 * most + 1) - (double)most;
}

static affine draw(const bh_augment *g, bh_shape s, bh_train_rng *rng)
{
    const double dy = random_shift(rng, g->shift), dx = random_shift(rng, g->shift);
    const double flip_y = g->flip_vertical && bh_train_rng_below(rng, 2) ? -1 : 1;
    const double flip_x = g->flip_horizontal && bh_train_rng_below(rng, 2) ? -1 : 1;
    const uint32_t quarters = g->turn ? bh_train_rng_below(rng, 4) : 0;
    static const int cosines[4] = {1, 0, -1, 0};
    double c = cosines[quarters], sine = cosines[(quarters + 3) % 4];
    const bool whole = !(g->rotate > 0) && !(g->scale > 0);
    if (!whole) {
        double angle = g->rotate * symmetric(rng) * PI / 180;
        double size = 1 / (1 + g->scale * symmetric(rng));
        double turned = size * (c * cos(angle) - sine * sin(angle));
        sine = size * (sine * cos(angle) + c * sin(angle));
        c = turned;
    }
    const double my = ((double)s.height - 1) / 2, mx = ((double)s.width - 1) / 2;
    affine a = {.y = {0, c * flip_y, -sine * flip_x},
                .x = {0, sine * flip_y, c * flip_x},
                .whole = whole};
    // The middle goes to the middle, less the shift.
    a.y[0] = my - a.y[1] * (my + dy) - a.y[2] * (mx + dx);
    a.x[0] = mx - a.x[1] * (my + dy) - a.x[2] * (mx + dx);
    return a;
}

static uint8_t pixel_at(const uint8_t *plane, int height, int width, int y, int x,
                        bool repeat)
{
    if (repeat) {
        y = y < 0 ? 0 : y >= height ? height - 1 : y;
        x = x < 0 ? 0 : x >= width ? width - 1 : x;
    }
    bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? plane[y * width + x] : 0;
}

static uint8_t interpolate(const uint8_t *plane, int height, int width, double y,
                           double x, bool repeat)
{
    const double fy = floor(y), fx = floor(x);
    const int iy = (int)fy, ix = (int)fx;
    double v[2][2];
    for (int a = 0; a < 2; a++) {
        for (int b = 0; b < 2; b++) {
            v[a][b] = pixel_at(plane, height, width, iy + a, ix + b, repeat);
        }
    }
    const double wy = y - fy, wx = x - fx;
    double top = v[0][0] + wx * (v[0][1] - v[0][0]);
    double bottom = v[1][0] + wx * (v[1][1] - v[1][0]);
    return (uint8_t)(top + wy * (bottom - top) + 0.5);
}

static void change(uint8_t *out, const uint8_t *in, bh_shape s, const affine *a,
                   bool repeat)
{
    const int height = (int)s.height, width = (int)s.width;
    for (uint32_t c = 0; c < s.channels; c++, in += height * width) {
        for (int i = 0; i < height; i++) {
            for (int j = 0; j < width; j++) {
                double y = a->y[0] + a->y[1] * i + a->y[2] * j;
                double x = a->x[0] + a->x[1] * i + a->x[2] * j;
                *out++ = a->whole ? pixel_at(in, height, width, (int)floor(y + 0.5),
                                             (int)floor(x + 0.5), repeat)
                                  : interpolate(in, height, width, y, x, repeat);
            }
        }
    }
}

// Flips and turns off, shifts alone: rows are moved as they are.
static bool shift_only(const bh_augment *g)
{
    return !g->flip_horizontal && !g->flip_vertical && !g->turn && !g->repeat_edge &&
           !(g->rotate > 0) && !(g->scale > 0);
}

static void move(uint8_t *out, const uint8_t *in, bh_shape s, int dy, int dx)
{
    const int height = (int)s.height, width = (int)s.width;
    const int len = width - (dx < 0 ? -dx : dx);
    memset(out, 0, bh_shape_len(s));
    for (uint32_t c = 0; c < s.channels; c++) {
        for (int y = 0; y < height && len > 0; y++) {
            if (y - dy >= 0 && y - dy < height) {
                memcpy(out + y * width + (dx > 0 ? dx : 0),
                       in + (y - dy) * width + (dx < 0 ? -dx : 0), (size_t)len);
            }
        }
        out += height * width;
        in += height * width;
    }
}

void bh_augment_image(bh_real *block, size_t lane, const bh_graph *graph,
                      const bh_images *images, size_t index, const bh_augment *augment,
                      bh_train_rng *rng, uint8_t *pixels, float *real)
{
    const bh_shape s = images->shape;
    const size_t len = bh_shape_len(s);
    const uint8_t *from = images->pixels + index * len;
    if (augment != NULL && shift_only(augment)) {
        int dy = (int)random_shift(rng, augment->shift);
        int dx = (int)random_shift(rng, augment->shift);
        move(pixels, from, s, dy, dx);
        from = pixels;
    } else if (augment != NULL) {
        affine a = draw(augment, s, rng);
        change(pixels, from, s, &a, augment->repeat_edge);
        from = pixels;
    }
    bh_normalise_pixels(graph, real, from);
    for (size_t i = 0; i < len; i++) {
        block[i * BH_LANES + lane] = (bh_real)real[i];
    }
}
