// SPDX-License-Identifier: Apache-2.0
#include "infer/shares.h"

void bh_shares_add(uint32_t *out, const uint32_t *a, uint32_t constant, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = a[i] + constant;
    }
}

void bh_shares_sum(uint32_t *out, const uint32_t *a, const uint32_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = a[i] + b[i];
    }
}

void bh_shares_subtract(uint32_t *out, const uint32_t *a, const uint32_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = a[i] - b[i];
    }
}

static uint32_t *window(uint32_t *out, const uint32_t *in, const bh_layer *pool)
{
    for (uint32_t a = 0; a < pool->kernel_h; a++) {
        for (uint32_t b = 0; b < pool->kernel_w; b++) {
            *out++ = in[(size_t)a * pool->in.width + b];
        }
    }
    return out;
}

void bh_shares_windows(uint32_t *out, const uint32_t *in, const bh_layer *pool,
                       uint32_t samples)
{
    size_t plane = (size_t)pool->in.height * pool->in.width;
    for (size_t c = 0; c < (size_t)samples * pool->in.channels; c++, in += plane) {
        for (uint32_t i = 0; i < pool->out.height; i++) {
            for (uint32_t j = 0; j < pool->out.width; j++) {
                size_t at = ((size_t)i * pool->in.width + j) * pool->stride;
                out = window(out, in + at, pool);
            }
        }
    }
}

void bh_shares_sums(uint32_t *out, const uint32_t *in, size_t n, uint32_t width)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t sum = 0;
        for (uint32_t k = 0; k < width; k++) {
            sum += *in++;
        }
        out[i] = sum;
    }
}

void bh_shares_differences(uint32_t *d, const uint32_t *in, size_t n, uint32_t width)
{
    for (size_t i = 0; i < n; i++, in += width) {
        for (uint32_t k = 0; k + 1 < width; k += 2) {
            *d++ = in[k] - in[k + 1];
        }
    }
}

void bh_shares_winners(uint32_t *out, const uint32_t *in, const uint32_t *relu,
                       size_t n, uint32_t width)
{
    for (size_t i = 0; i < n; i++, in += width) {
        for (uint32_t k = 0; k + 1 < width; k += 2) {
            *out++ = in[k + 1] + *relu++;
        }
        if (width % 2 == 1) {
            *out++ = in[width - 1];
        }
    }
}
