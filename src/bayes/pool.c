// SPDX-License-Identifier: Apache-2.0
// Pooling, one channel plane after the other. Windows lie inside their plane: pools
// have no padding (graph.h).
#include <string.h>

#include "bayes/layers.h"

static size_t plane_len(bh_shape s)
{
    return (size_t)s.height * s.width;
}

// Offset in a plane of the first largest value of the window that starts at `corner`.
static size_t window_max(const bh_layer *l, const bh_real *plane, size_t corner)
{
    size_t best = corner;
    bh_real largest = plane[corner];
    for (size_t y = 0; y < l->kernel_h; y++) {
        for (size_t x = 0; x < l->kernel_w; x++) {
            size_t at = corner + y * l->in.width + x;
            bool larger = plane[at] > largest;
            largest = larger ? plane[at] : largest;
            best = larger ? at : best;
        }
    }
    return best;
}

static bh_real window_sum(const bh_layer *l, const bh_real *plane, size_t corner)
{
    bh_real sum = 0;
    for (size_t y = 0; y < l->kernel_h; y++) {
        for (size_t x = 0; x < l->kernel_w; x++) {
            sum += plane[corner + y * l->in.width + x];
        }
    }
    return sum;
}

static void window_spread(const bh_layer *l, bh_real *plane, size_t corner, bh_real v)
{
    for (size_t y = 0; y < l->kernel_h; y++) {
        for (size_t x = 0; x < l->kernel_w; x++) {
            plane[corner + y * l->in.width + x] += v;
        }
    }
}

void bh_train_pool_forward(const bh_layer *l, bh_real *out, const bh_real *in,
                           size_t count)
{
    const bh_real share = 1 / (bh_real)(l->kernel_h * l->kernel_w);
    for (size_t p = 0; p < count * l->in.channels; p++) {
        for (size_t y = 0; y < l->out.height; y++) {
            for (size_t x = 0; x < l->out.width; x++) {
                size_t corner = (y * l->in.width + x) * l->stride;
                *out++ = l->kind == BH_LAYER_MAX_POOL
                             ? in[window_max(l, in, corner)]
                             : window_sum(l, in, corner) * share;
            }
        }
        in += plane_len(l->in);
    }
}

void bh_train_pool_backward(const bh_layer *l, bh_real *d_in, const bh_real *d_out,
                            const bh_real *in, size_t count)
{
    const bh_real share = 1 / (bh_real)(l->kernel_h * l->kernel_w);
    memset(d_in, 0, count * bh_shape_len(l->in) * sizeof *d_in);
    for (size_t p = 0; p < count * l->in.channels; p++) {
        for (size_t y = 0; y < l->out.height; y++) {
            for (size_t x = 0; x < l->out.width; x++) {
                size_t corner = (y * l->in.width + x) * l->stride;
                bh_real v = *d_out++;
                if (l->kind == BH_LAYER_MAX_POOL) {
                    d_in[window_max(l, in, corner)] += v;
                } else {
                    window_spread(l, d_in, corner, v * share);
                }
            }
        }
        in += plane_len(l->in);
        d_in += plane_len(l->in);
    }
}
