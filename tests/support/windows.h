// SPDX-License-Identifier: Apache-2.0
// Random windows for the kernels of training, and where things stand in their planes.
#ifndef BH_TESTS_SUPPORT_WINDOWS_H
#define BH_TESTS_SUPPORT_WINDOWS_H

#include "bayes/kernels/kernels.h"
#include "support/test.h"

static inline size_t window_pick(test_rng *rng, size_t lo, size_t hi)
{
    return (size_t)test_rng_range(rng, (int64_t)lo, (int64_t)hi);
}

static inline bh_window window_random(test_rng *rng)
{
    bh_window w = {.channels = window_pick(rng, 1, 6),
                   .outputs = window_pick(rng, 1, 20),
                   .out_height = window_pick(rng, 1, 6),
                   .out_width = window_pick(rng, 1, 9),
                   .kernel_h = window_pick(rng, 1, 7),
                   .kernel_w = window_pick(rng, 1, 7),
                   .stride = window_pick(rng, 1, 3)};
    // Rows and columns that no window reaches, too.
    w.height =
        (w.out_height - 1) * w.stride + w.kernel_h + window_pick(rng, 0, w.stride - 1);
    w.width =
        (w.out_width - 1) * w.stride + w.kernel_w + window_pick(rng, 0, w.stride - 1);
    return w;
}

static inline size_t window_planes_len(const bh_window *w)
{
    return w->channels * w->height * w->width * BH_LANES;
}

static inline size_t window_out_len(const bh_window *w, size_t channels)
{
    return channels * w->out_height * w->out_width * BH_LANES;
}

static inline size_t window_weights_len(const bh_window *w)
{
    return w->outputs * w->channels * w->kernel_h * w->kernel_w;
}

// What the window at output (y, x) has at row a and column b of channel c.
static inline size_t window_in_at(const bh_window *w, size_t c, size_t y, size_t x,
                                  size_t a, size_t b)
{
    return ((c * w->height + y * w->stride + a) * w->width + x * w->stride + b) *
           BH_LANES;
}

static inline size_t window_out_at(const bh_window *w, size_t o, size_t y, size_t x)
{
    return ((o * w->out_height + y) * w->out_width + x) * BH_LANES;
}

static inline size_t window_weight_at(const bh_window *w, size_t o, size_t c, size_t a,
                                      size_t b)
{
    return ((o * w->channels + c) * w->kernel_h + a) * w->kernel_w + b;
}

#endif
