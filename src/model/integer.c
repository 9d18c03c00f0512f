// SPDX-License-Identifier: Apache-2.0
#include "model/integer.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

// v / grid with BH_DRAW_FRACTION_BITS fraction bits; false if it is outside lo .. hi.
// One correctly rounded division and a power of two: the same on every machine.
static bool to_grid(int64_t *out, float v, double grid, int64_t lo, int64_t hi)
{
    double scaled = (double)v / grid * (1 << BH_DRAW_FRACTION_BITS);
    if (!(scaled >= (double)lo && scaled <= (double)hi)) { // refuses NaN as well
        return false;
    }
    *out = llround(scaled);
    return true;
}

static bool fill_weights(bh_int_posterior *out, const bh_posterior *p, double grid)
{
    bool ok = true;
    for (size_t i = 0; i < p->n_weights && ok; i++) {
        int64_t mean, dev;
        ok =
            to_grid(&mean, p->mean[i], grid, -BH_WEIGHT_MEAN_MAX, BH_WEIGHT_MEAN_MAX) &&
            to_grid(&dev, p->dev[i], grid, 0, BH_WEIGHT_DEV_MAX);
        if (ok) {
            out->weight_mean[i] = (int32_t)mean;
            out->weight_dev[i] = (int32_t)dev;
        }
    }
    return ok;
}

static bool fill_bias(bh_int_posterior *out, const bh_posterior *p, double grid)
{
    bool ok = true;
    for (size_t i = 0; i < p->n_bias && ok; i++) {
        size_t at = p->n_weights + i;
        ok = to_grid(&out->bias_mean[i], p->mean[at], grid, -BH_BIAS_MEAN_MAX,
                     BH_BIAS_MEAN_MAX) &&
             to_grid(&out->bias_dev[i], p->dev[at], grid, 0, BH_BIAS_DEV_MAX);
    }
    return ok;
}

static bh_status build(bh_int_posterior *out, const bh_quant *q, const bh_posterior *p)
{
    out->n_weights = p->n_weights;
    out->n_bias = p->n_bias;
    out->w_max = q->w_max;
    out->weight_mean = bh_alloc(p->n_weights, sizeof *out->weight_mean);
    out->weight_dev = bh_alloc(p->n_weights, sizeof *out->weight_dev);
    out->bias_mean = bh_alloc(p->n_bias, sizeof *out->bias_mean);
    out->bias_dev = bh_alloc(p->n_bias, sizeof *out->bias_dev);
    if (out->weight_mean == NULL || out->weight_dev == NULL || out->bias_mean == NULL ||
        out->bias_dev == NULL) {
        return BH_ERR_NOMEM;
    }
    bool ok =
        fill_weights(out, p, q->w_scale) && fill_bias(out, p, q->x_scale * q->w_scale);
    return ok ? BH_OK : BH_ERR_RANGE;
}

bh_status bh_integer_new(bh_int_posterior **out, const bh_graph *g,
                         const bh_posterior *posterior, uint32_t members, bh_error *err)
{
    uint32_t n_linear = bh_graph_linear_count(g), count = members * n_linear;
    bh_int_posterior *p = bh_alloc(count, sizeof *p);
    bh_status status = p != NULL ? BH_OK : BH_ERR_NOMEM;
    *out = NULL;
    for (uint32_t k = 0; k < count && status == BH_OK; k++) {
        uint32_t at = bh_graph_linear_index(g, k % n_linear);
        status = build(&p[k], &g->layers[at].quant, &posterior[k]);
        if (status == BH_ERR_RANGE) {
            bh_fail(err, status,
                    "layer %u (%s): a mean or deviation does not fit on its grid",
                    at + 1, bh_layer_kind_name(g->layers[at].kind));
        }
    }
    if (status == BH_ERR_NOMEM) {
        bh_fail_plain(err, status);
    }
    if (status != BH_OK) {
        bh_integer_free(p, count);
        return status;
    }
    *out = p;
    return BH_OK;
}

void bh_integer_free(bh_int_posterior *p, uint32_t count)
{
    for (uint32_t i = 0; p != NULL && i < count; i++) {
        bh_free(p[i].weight_mean);
        bh_free(p[i].weight_dev);
        bh_free(p[i].bias_mean);
        bh_free(p[i].bias_dev);
    }
    bh_free(p);
}

// The extreme draws. E reaches +-6 * 2^19 and no further, where (dev E + 2^18) >> 19 is
// exactly +-6 dev, and a draw is monotone in E.
static int64_t extreme(int64_t mean, int64_t dev, int64_t sign, int64_t max)
{
    int64_t v = mean + sign * BH_DRAW_CLIP * dev + (1 << (BH_DRAW_FRACTION_BITS - 1));
    const int64_t unit = 1 << BH_DRAW_FRACTION_BITS;
    v = v >= 0 ? v / unit : -((-v + unit - 1) / unit); // floor
    return v < -max ? -max : v > max ? max : v;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// A row has at most 2^26 weights, so |sums| <= 2^26 * 127 * 255 + 2^31 < 2^42. Weights
// and inputs are chosen for each weight separately, for the largest and the smallest
// sum; the largest of w x over two intervals is at a pair of their ends.
static int64_t bound_of(const bh_int_posterior *p, const bh_layer *layer)
{
    size_t row_len = p->n_bias > 0 ? p->n_weights / p->n_bias : 0;
    int64_t lo = layer->quant.x_lo, hi = layer->quant.x_hi, bound = 0;
    for (size_t o = 0, k = 0; o < p->n_bias; o++) {
        int64_t most = extreme(p->bias_mean[o], p->bias_dev[o], 1, INT32_MAX);
        int64_t least = extreme(p->bias_mean[o], p->bias_dev[o], -1, INT32_MAX);
        for (size_t j = 0; j < row_len; j++, k++) {
            int64_t up = extreme(p->weight_mean[k], p->weight_dev[k], 1, p->w_max);
            int64_t down = extreme(p->weight_mean[k], p->weight_dev[k], -1, p->w_max);
            most += larger(up * hi, down * lo);
            least -= larger(-down * hi, -up * lo);
        }
        bound = larger(bound, larger(most, -least));
    }
    return bound;
}

static int64_t row_bound_of(const bh_int_posterior *p)
{
    size_t row_len = p->n_bias > 0 ? p->n_weights / p->n_bias : 0;
    int64_t bound = 0;
    for (size_t o = 0, k = 0; o < p->n_bias; o++) {
        int64_t sum = 0;
        for (size_t j = 0; j < row_len; j++, k++) {
            int64_t up = extreme(p->weight_mean[k], p->weight_dev[k], 1, p->w_max);
            int64_t down = extreme(p->weight_mean[k], p->weight_dev[k], -1, p->w_max);
            sum += larger(up, -down);
        }
        bound = larger(bound, sum);
    }
    return bound;
}

uint64_t bh_integer_bound(const bh_int_posterior *p, uint32_t members,
                          const bh_graph *g, uint32_t i)
{
    const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
    size_t n_linear = bh_graph_linear_count(g);
    int64_t bound = 0;
    for (uint32_t k = 0; k < members; k++) {
        bound = larger(bound, bound_of(&p[k * n_linear + i], layer));
    }
    return (uint64_t)bound;
}

uint64_t bh_integer_row_bound(const bh_int_posterior *p, uint32_t members,
                              const bh_graph *g, uint32_t i)
{
    size_t n_linear = bh_graph_linear_count(g);
    int64_t bound = 0;
    for (uint32_t k = 0; k < members; k++) {
        bound = larger(bound, row_bound_of(&p[k * n_linear + i]));
    }
    return (uint64_t)bound;
}
