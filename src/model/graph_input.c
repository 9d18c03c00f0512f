// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "base/error.h"
#include "model/graph_check.h"

// No sensible normalisation of pixels goes beyond this.
#define NORMAL_MAX 1e6f
// Columns are in any unit; within this no quotient leaves the doubles, and no secret
// value becomes a subnormal number: a slow one.
#define COLUMN_MAX 1e30f

static bool fixed_ok(float mean, float dev)
{
    // A tiny mean would make subnormal numbers of secret pixels: slow ones.
    bool mean_ok =
        mean == 0 || (fabsf(mean) >= 1 / NORMAL_MAX && fabsf(mean) <= NORMAL_MAX);
    return mean_ok && dev >= 1 / NORMAL_MAX && dev <= NORMAL_MAX;
}

static bool normalise_ok(const bh_input *in, uint32_t c)
{
    switch (in->normalise) {
    case BH_NORMALISE_FIXED:
        return fixed_ok(in->mean[c], in->dev[c]);
    case BH_NORMALISE_IMAGE: // unused, and so of one value only
        return in->mean[c] == 0 && !signbit(in->mean[c]) && in->dev[c] == 1;
    }
    return false;
}

static bh_status check_channels(bh_input *in, bh_error *err)
{
    for (uint32_t c = 0; c < BH_GRAPH_CHANNELS_MAX; c++) {
        if (c >= in->shape.channels) {
            in->mean[c] = in->dev[c] = 0;
        } else if (!normalise_ok(in, c)) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "the normalisation of channel %u is out of range", c);
        }
    }
    return BH_OK;
}

static bool is_table(const bh_input *in)
{
    return in->shape.channels == 1 && in->shape.height == 1 &&
           in->shape.width == in->n_columns && in->normalise == BH_NORMALISE_FIXED &&
           in->mean[0] == BH_COLUMN_PIXEL_MEAN && in->dev[0] == BH_COLUMN_PIXEL_DEV;
}

static bool column_ok(float mean, float dev)
{
    return fabsf(mean) <= COLUMN_MAX && dev >= 1 / COLUMN_MAX && dev <= COLUMN_MAX;
}

static bh_status check_columns(bh_input *in, bh_error *err)
{
    if (in->n_columns > BH_GRAPH_COLUMNS_MAX) {
        return bh_fail(err, BH_ERR_ENCODING, "%u columns, not 0 to %d", in->n_columns,
                       BH_GRAPH_COLUMNS_MAX);
    }
    if (in->n_columns > 0 && !is_table(in)) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "the shape or the normalisation is not that of a table of %u "
                       "columns",
                       in->n_columns);
    }
    for (uint32_t j = 0; j < BH_GRAPH_COLUMNS_MAX; j++) {
        if (j >= in->n_columns) {
            in->column_mean[j] = in->column_dev[j] = 0;
        } else if (!column_ok(in->column_mean[j], in->column_dev[j])) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "the mean or deviation of column %u is out of range", j + 1);
        }
    }
    return BH_OK;
}

bh_status bh_graph_check_input(bh_input *in, bh_error *err)
{
    if (!bh_graph_shape_ok(in->shape) || in->shape.channels > BH_GRAPH_CHANNELS_MAX) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "the input's shape %u x %u x %u is out of range",
                       in->shape.channels, in->shape.height, in->shape.width);
    }
    bh_status status = check_channels(in, err);
    return status == BH_OK ? check_columns(in, err) : status;
}
