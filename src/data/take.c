// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/cut.h"

static const char *split_name(bh_split split)
{
    return split == BH_SPLIT_TRAIN        ? "training"
           : split == BH_SPLIT_VALIDATION ? "validation"
                                          : "test";
}

static size_t count_of(const uint8_t *splits, size_t count, bh_split split)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += splits[i] == split;
    }
    return n;
}

static bh_status copy(bh_images *out, const bh_images *from, const uint8_t *splits,
                      bh_split split, bh_error *err)
{
    size_t len = bh_shape_len(from->shape), n = count_of(splits, from->count, split);
    if (n == 0) {
        return bh_fail(err, BH_ERR_ARG, "the data set has no %s split",
                       split_name(split));
    }
    *out = (bh_images){.count = n,
                       .shape = from->shape,
                       .pixels = bh_alloc(n, len),
                       .labels = bh_alloc(n, 1)};
    if (out->pixels == NULL || out->labels == NULL) {
        bh_images_clear(out);
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (size_t i = 0, k = 0; i < from->count; i++) {
        if (splits[i] == split) {
            memcpy(out->pixels + k * len, from->pixels + i * len, len);
            out->labels[k++] = from->labels[i];
        }
    }
    return BH_OK;
}

bh_status bh_dataset_take(bh_images *out, const bh_dataset *data, const bh_cut *cut,
                          bh_split split, bh_error *err)
{
    *out = (bh_images){0};
    if (data->images.pixels == NULL) {
        return bh_fail(err, BH_ERR_ARG, "the table is not encoded yet");
    }
    uint8_t *splits = bh_alloc(data->images.count, 1);
    if (splits == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = bh_cut_make(splits, data, cut, err);
    if (status == BH_OK) {
        status = copy(out, &data->images, splits, split, err);
    }
    bh_free(splits);
    return status;
}
