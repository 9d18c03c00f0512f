// SPDX-License-Identifier: Apache-2.0
#include "linear/plain.h"

#include <string.h>

#include "base/memory.h"
#include "linear/plain_kernels.h"

// A convolution is a product of matrices: a row of weights for each output channel
// times a column of the pixels under the kernel for each output. The columns are laid
// out COLUMNS at a time and CHUNK pixels of each, which stays in the first-level cache
// while every output channel reads it.
enum { COLUMNS = BH_PLAIN_COLUMNS, CHUNK = 256 };

static void tile_portable(const bh_plain_rows *rows, const uint32_t *x, size_t len,
                          size_t columns)
{
    for (size_t r = 0; r < rows->count; r++) {
        const int32_t *w = rows->w + r * rows->w_stride;
        uint32_t sum[COLUMNS] = {0};
        for (size_t k = 0; k < len; k++) {
            for (size_t p = 0; p < COLUMNS; p++) {
                sum[p] += (uint32_t)w[k] * x[k * COLUMNS + p];
            }
        }
        for (size_t p = 0; p < columns; p++) {
            rows->y[r * rows->y_stride + p] += sum[p];
        }
    }
}

static void dots_portable(const bh_plain_rows *rows, const uint32_t *x, size_t len)
{
    for (size_t r = 0; r < rows->count; r++) {
        const int32_t *w = rows->w + r * rows->w_stride;
        uint32_t sum = 0;
        for (size_t k = 0; k < len; k++) {
            sum += (uint32_t)w[k] * x[k];
        }
        rows->y[r * rows->y_stride] = sum;
    }
}

// Where the kernel lies for each of up to COLUMNS outputs: its first row and column,
// negative in the padding.
typedef struct corners {
    int32_t row[COLUMNS], column[COLUMNS];
} corners;

static void set_corners(corners *at, const bh_linear_shape *s, uint32_t out_width,
                        size_t first, size_t columns)
{
    memset(at, 0, sizeof *at);
    for (size_t p = 0; p < columns; p++) {
        size_t i = (first + p) / out_width, j = (first + p) % out_width;
        at->row[p] = (int32_t)(i * s->stride) - (int32_t)s->pad;
        at->column[p] = (int32_t)(j * s->stride) - (int32_t)s->pad;
    }
}

// One pixel of every column: tap (a, b) of a channel's plane.
static void lay_tap(uint32_t *out, const bh_linear_shape *s, const corners *at,
                    const uint32_t *plane, uint32_t a, uint32_t b)
{
    for (size_t p = 0; p < COLUMNS; p++) {
        // Negative ones become large.
        uint32_t row = (uint32_t)at->row[p] + a, column = (uint32_t)at->column[p] + b;
        uint32_t inside = row < s->in_height && column < s->in_width;
        out[p] = plane[(size_t)inside * ((size_t)row * s->in_width + column)] * inside;
    }
}

// Pixels first .. first + count - 1 of every column.
static void lay(uint32_t *out, const bh_linear_shape *s, const corners *at,
                const uint32_t *x, size_t first, size_t count)
{
    size_t plane = (size_t)s->in_height * s->in_width;
    size_t kernel = (size_t)s->kernel_h * s->kernel_w, tap = first % kernel;
    uint32_t a = (uint32_t)(tap / s->kernel_w), b = (uint32_t)(tap % s->kernel_w);
    x += first / kernel * plane;
    for (size_t k = 0; k < count; k++) {
        lay_tap(out + k * COLUMNS, s, at, x, a, b);
        if (++b == s->kernel_w) {
            b = 0;
            a++;
        }
        if (a == s->kernel_h) {
            a = 0;
            x += plane;
        }
    }
}

// The kernel covers the image, so that the only column is the image itself.
static int is_dots(const bh_linear_shape *s)
{
    return s->pad == 0 && s->kernel_h == s->in_height && s->kernel_w == s->in_width;
}

void bh_plain_linear(const bh_linear_shape *shape, uint32_t *y, const uint32_t *x,
                     const int32_t *weights, bh_cpu cpu)
{
    const bh_linear_shape *s = shape;
    size_t len = (size_t)s->in_channels * s->kernel_h * s->kernel_w;
    bh_plain_rows rows = {
        .y = y, .w = weights, .count = s->out_channels, .y_stride = 1, .w_stride = len};
    if (is_dots(s)) {
        (cpu >= BH_CPU_AVX2 ? bh_plain_dots_avx2 : dots_portable)(&rows, x, len);
        return;
    }
    bh_plain_tile *tile = cpu >= BH_CPU_AVX2 ? bh_plain_tile_avx2 : tile_portable;
    uint32_t height = bh_linear_outputs(s->in_height, s->kernel_h, s->stride, s->pad);
    uint32_t width = bh_linear_outputs(s->in_width, s->kernel_w, s->stride, s->pad);
    size_t image = (size_t)height * width;
    _Alignas(BH_ALIGNMENT) uint32_t pixels[CHUNK * COLUMNS];
    memset(y, 0, rows.count * image * sizeof *y);
    rows.y_stride = image;
    for (size_t first = 0; first < image; first += COLUMNS) {
        size_t columns = image - first < COLUMNS ? image - first : COLUMNS;
        corners at;
        set_corners(&at, s, width, first, columns);
        rows.y = y + first;
        for (size_t k = 0; k < len; k += CHUNK) {
            size_t count = len - k < CHUNK ? len - k : CHUNK;
            lay(pixels, s, &at, x, k, count);
            rows.w = weights + k;
            tile(&rows, pixels, count, columns);
        }
    }
    bh_wipe(pixels, sizeof pixels);
}
