// SPDX-License-Identifier: Apache-2.0
// How a table becomes pixels: each column by its mean and deviation over the training
// split, so that nothing is learnt from the others.
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/cut.h"
#include "model/input.h"

#define DEV_MIN 1e-30f // what a model can normalise by

// Of one column over the training split, in two passes: the sum of squares of what
// lies far from 0 would drown its deviation.
static bool fit_column(bh_input *input, const bh_dataset *data, const uint8_t *split,
                       uint32_t j)
{
    double sum = 0, squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < data->images.count; i++) {
        if (split[i] == BH_SPLIT_TRAIN) {
            sum += data->values[i * input->n_columns + j];
            n++;
        }
    }
    if (n == 0) {
        return false;
    }
    double mean = sum / (double)n;
    for (size_t i = 0; i < data->images.count; i++) {
        if (split[i] == BH_SPLIT_TRAIN) {
            double x = data->values[i * input->n_columns + j] - mean;
            squares += x * x;
        }
    }
    float dev = (float)sqrt(squares / (double)n);
    input->column_mean[j] = (float)mean;
    // A column that never varies has no deviation but what rounding makes of it.
    input->column_dev[j] = dev > 1e-12 * fabs(mean) && dev >= DEV_MIN ? dev : 1;
    return true;
}

bh_status bh_dataset_fit_columns(bh_input *input, const bh_dataset *data,
                                 const bh_cut *cut, bh_error *err)
{
    if (data->values == NULL) {
        return bh_fail(err, BH_ERR_ARG, "the data set is not a table");
    }
    uint8_t *split = bh_alloc(data->images.count, 1);
    if (split == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_input fitted = {.shape = data->images.shape,
                       .mean = {BH_COLUMN_PIXEL_MEAN},
                       .dev = {BH_COLUMN_PIXEL_DEV},
                       .n_columns = data->images.shape.width};
    bh_status status = bh_cut_make(split, data, cut, err);
    for (uint32_t j = 0; j < fitted.n_columns && status == BH_OK; j++) {
        if (!fit_column(&fitted, data, split, j)) {
            status = bh_fail(err, BH_ERR_ARG, "the data set has no training split");
        }
    }
    if (status == BH_OK) {
        *input = fitted;
    }
    bh_free(split);
    return status;
}

bh_status bh_dataset_encode(bh_dataset *data, const bh_input *input, bh_error *err)
{
    uint32_t columns = data->images.shape.width;
    if (data->values == NULL) {
        return bh_fail(err, BH_ERR_ARG, "the data set is not a table");
    }
    if (input->n_columns != columns) {
        return bh_fail(err, BH_ERR_ARG,
                       "the table has %u columns of numbers, and the model takes %u",
                       columns, input->n_columns);
    }
    uint8_t *pixels = bh_alloc(data->images.count, columns);
    if (pixels == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (size_t i = 0; i < data->images.count; i++) {
        for (uint32_t j = 0; j < columns; j++) {
            pixels[i * columns + j] =
                bh_column_pixel(input, j, data->values[i * columns + j]);
        }
    }
    bh_free(data->images.pixels);
    data->images.pixels = pixels;
    return BH_OK;
}
