// SPDX-License-Identifier: Apache-2.0
// IDX, the format of MNIST: a big-endian magic number, one big-endian length for every
// dimension, then bytes.
#include "base/error.h"
#include "base/memory.h"
#include "data/images.h"
#include "data/source.h"

#define MAGIC_LABELS 0x00000801u
#define MAGIC_IMAGES 0x00000803u

static bh_status read_header(bh_source *s, uint32_t magic, uint32_t *dims,
                             size_t n_dims)
{
    uint8_t bytes[16];
    size_t len = 4 * (1 + n_dims), got;
    bh_status status = bh_source_read(s, bytes, len, &got);
    if (status != BH_OK) {
        return status;
    }
    if (got < len) {
        return bh_source_damaged(s, "it is not an IDX file");
    }
    for (size_t i = 0; i <= n_dims; i++) {
        const uint8_t *b = bytes + 4 * i;
        uint32_t v =
            (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (i > 0) {
            dims[i - 1] = v;
        } else if (v != magic) {
            return bh_source_damaged(s, magic == MAGIC_IMAGES
                                            ? "it is not an IDX file of images"
                                            : "it is not an IDX file of labels");
        }
    }
    return BH_OK;
}

// Memory for the content, once the file is known to be large enough to hold it.
static bh_status read_content(bh_source *s, uint8_t **out, uint64_t len)
{
    if (len > s->bytes_max) {
        return bh_source_damaged(s, "it is shorter than its header says");
    }
    if (len > BH_IMAGES_BYTES_MAX) {
        return bh_fail(s->err, BH_ERR_TOO_LARGE,
                       "cannot read %s: it holds more than 16 GiB", s->path);
    }
    uint8_t *data = len <= SIZE_MAX ? bh_alloc((size_t)len, 1) : NULL;
    if (data == NULL) {
        return bh_source_no_memory(s);
    }
    bh_status status = bh_source_read_exactly(s, data, (size_t)len);
    if (status == BH_OK) {
        status = bh_source_read_end(s);
    }
    if (status != BH_OK) {
        bh_free(data);
        data = NULL;
    }
    *out = data;
    return status;
}

static bh_status read_images(bh_source *s, bh_images *out)
{
    uint32_t dims[3] = {0};
    bh_status status = read_header(s, MAGIC_IMAGES, dims, 3);
    if (status != BH_OK) {
        return status;
    }
    for (size_t i = 0; i < 3; i++) {
        if (dims[i] == 0 ||
            dims[i] > (i == 0 ? BH_IMAGES_COUNT_MAX : BH_GRAPH_DIM_MAX)) {
            return bh_fail(s->err, BH_ERR_TOO_LARGE,
                           "cannot read %s: %u images of %u x %u are out of range",
                           s->path, dims[0], dims[1], dims[2]);
        }
    }
    out->count = dims[0];
    out->shape = (bh_shape){1, dims[1], dims[2]};
    // At most 10^7 * 2^24 < 2^48.
    return read_content(s, &out->pixels, (uint64_t)dims[0] * dims[1] * dims[2]);
}

bh_status bh_idx_load_images(bh_images *out, const char *path, bh_error *err)
{
    bh_source s;
    bh_images images = {0};
    bh_status status = bh_source_open(&s, path, err);
    if (status == BH_OK) {
        status = read_images(&s, &images);
    }
    status = bh_source_close(&s, status);
    if (status != BH_OK) {
        bh_images_clear(&images);
    }
    *out = images;
    return status;
}

static bh_status read_labels(bh_source *s, uint8_t **out, size_t count)
{
    uint32_t n_labels = 0;
    bh_status status = read_header(s, MAGIC_LABELS, &n_labels, 1);
    if (status == BH_OK && n_labels != count) {
        return bh_fail(s->err, BH_ERR_ENCODING,
                       "cannot use %s: it has %u labels for %zu images", s->path,
                       n_labels, count);
    }
    return status == BH_OK ? read_content(s, out, n_labels) : status;
}

bh_status bh_idx_load_labels(bh_images *images, const char *path, bh_error *err)
{
    bh_source s;
    uint8_t *labels = NULL;
    bh_status status = bh_source_open(&s, path, err);
    if (status == BH_OK) {
        status = read_labels(&s, &labels, images->count);
    }
    status = bh_source_close(&s, status);
    if (status != BH_OK) {
        bh_free(labels);
        return status;
    }
    bh_free(images->labels);
    images->labels = labels;
    return BH_OK;
}
