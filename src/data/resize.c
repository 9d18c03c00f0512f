// SPDX-License-Identifier: Apache-2.0
#include "data/resize.h"

#include <string.h>

#include "base/memory.h"

// One output coordinate as a mix of the input's coordinates first .. last with integer
// weights that sum to `total`.
typedef struct mix {
    uint32_t n_in, n_out;
    uint32_t first, last, total;
    int64_t centre; // in units of 1 / total where the axis grows
} mix;

static uint32_t clamp_index(int64_t i, uint32_t len)
{
    return i < 0 ? 0 : i >= len ? len - 1 : (uint32_t)i;
}

// Growing: the output's centre is (i + 1/2) n_in / n_out - 1/2 on the input's axis, a
// multiple of 1 / (2 n_out), and mixes the two neighbours. Shrinking: in units of
// 1 / n_out input pixels, output i covers [i n_in, (i + 1) n_in) and input k covers
// [k n_out, (k + 1) n_out).
static mix mix_at(uint32_t i, uint32_t n_in, uint32_t n_out)
{
    mix m = {.n_in = n_in, .n_out = n_out};
    if (n_out >= n_in) {
        m.total = 2 * n_out;
        m.centre = (2 * (int64_t)i + 1) * n_in - n_out;
        int64_t low = m.centre >= 0 ? m.centre / m.total : -1;
        m.first = clamp_index(low, n_in);
        m.last = clamp_index(low + 1, n_in);
    } else {
        m.total = n_in;
        m.first = (uint32_t)((uint64_t)i * n_in / n_out);
        m.last = (uint32_t)((((uint64_t)i + 1) * n_in - 1) / n_out);
    }
    return m;
}

static uint32_t mix_weight(const mix *m, uint32_t i, uint32_t k)
{
    if (m->first == m->last) {
        return m->total;
    }
    if (m->n_out >= m->n_in) {
        uint32_t past = (uint32_t)(m->centre - (int64_t)m->first * m->total);
        return k == m->first ? m->total - past : past;
    }
    uint64_t begin = (uint64_t)i * m->n_in, end = begin + m->n_in;
    uint64_t left = (uint64_t)k * m->n_out, right = left + m->n_out;
    left = left > begin ? left : begin;
    right = right < end ? right : end;
    return (uint32_t)(right - left);
}

// Adds scale times the resampled row to sums.
static void add_row(uint64_t *sums, bh_shape wanted, const uint8_t *row, uint32_t width,
                    uint32_t scale)
{
    for (uint32_t x = 0; x < wanted.width; x++) {
        mix m = mix_at(x, width, wanted.width);
        uint64_t pixel[4] = {0};
        for (uint32_t k = m.first; k <= m.last; k++) {
            uint32_t weight = mix_weight(&m, x, k);
            for (uint32_t c = 0; c < wanted.channels; c++) {
                pixel[c] += (uint64_t)weight * row[(size_t)k * wanted.channels + c];
            }
        }
        for (uint32_t c = 0; c < wanted.channels; c++) {
            sums[(size_t)x * wanted.channels + c] += pixel[c] * scale;
        }
    }
}

// The weights of both axes multiply to at most (2 * 2^14)^2 = 2^30, times 255: no sum
// exceeds 2^38.
bh_status bh_resize(uint8_t *out, bh_shape wanted, const uint8_t *in, uint32_t height,
                    uint32_t width)
{
    size_t line = (size_t)wanted.width * wanted.channels;
    size_t plane = (size_t)wanted.width * wanted.height;
    uint64_t *sums = bh_alloc(line, sizeof *sums);
    if (sums == NULL) {
        return BH_ERR_NOMEM;
    }
    uint32_t total_x = mix_at(0, width, wanted.width).total;
    for (uint32_t y = 0; y < wanted.height; y++) {
        mix m = mix_at(y, height, wanted.height);
        uint64_t total = (uint64_t)m.total * total_x;
        memset(sums, 0, line * sizeof *sums);
        for (uint32_t k = m.first; k <= m.last; k++) {
            add_row(sums, wanted, in + (size_t)k * width * wanted.channels, width,
                    mix_weight(&m, y, k));
        }
        for (size_t i = 0; i < line; i++) {
            size_t c = i % wanted.channels, x = i / wanted.channels;
            out[c * plane + (size_t)y * wanted.width + x] =
                (uint8_t)((sums[i] + total / 2) / total);
        }
    }
    bh_free(sums);
    return BH_OK;
}
