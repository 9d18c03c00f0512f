// SPDX-License-Identifier: Apache-2.0
// IDX, the format of MNIST: a big-endian magic number, one big-endian length for every
// dimension, then bytes.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/images.h"

#define MAGIC_LABELS 0x00000801u
#define MAGIC_IMAGES 0x00000803u
// Deflate never expands more than this, so a compressed file's size bounds its content.
#define DEFLATE_RATIO 1032u

typedef struct idx_file {
    gzFile gz;
    const char *path;
    uint64_t file_bytes;
    bh_error *err;
} idx_file;

static bh_status damaged(idx_file *f, const char *problem)
{
    return bh_fail(f->err, BH_ERR_ENCODING, "cannot read %s: %s", f->path, problem);
}

static bh_status open_idx(idx_file *f, const char *path, bh_error *err)
{
    struct stat info;
    char text[64];
    *f = (idx_file){.path = path, .err = err};
    if (stat(path, &info) != 0) {
        return bh_fail(err, BH_ERR_IO, "cannot open %s: %s", path,
                       strerror_r(errno, text, sizeof text));
    }
    if (!S_ISREG(info.st_mode)) {
        return bh_fail(err, BH_ERR_IO, "cannot read %s: it is not a file", path);
    }
    f->file_bytes = (uint64_t)info.st_size;
    errno = 0;
    f->gz = gzopen(path, "rb");
    if (f->gz == NULL) {
        return errno == 0
                   ? bh_fail(err, BH_ERR_NOMEM, "cannot open %s: out of memory", path)
                   : bh_fail(err, BH_ERR_IO, "cannot open %s: %s", path,
                             strerror_r(errno, text, sizeof text));
    }
    return BH_OK;
}

// Closing tells whether the compressed stream was complete and its checksum right.
static bh_status close_idx(idx_file *f, bh_status status)
{
    if (f->gz != NULL && gzclose_r(f->gz) != Z_OK && status == BH_OK) {
        status = damaged(f, "the compressed data is damaged");
    }
    return status;
}

static bh_status read_exactly(idx_file *f, uint8_t *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        unsigned step = len - done < (1u << 30) ? (unsigned)(len - done) : 1u << 30;
        int got = gzread(f->gz, out + done, step);
        if (got <= 0) {
            return damaged(f, got < 0 ? "the compressed data is damaged"
                                      : "it is shorter than its header says");
        }
        done += (size_t)got;
    }
    return BH_OK;
}

static bh_status read_end(idx_file *f)
{
    uint8_t byte;
    int got = gzread(f->gz, &byte, 1);
    if (got != 0) {
        return damaged(f, got > 0 ? "it is longer than its header says"
                                  : "the compressed data is damaged");
    }
    return BH_OK;
}

static bh_status read_header(idx_file *f, uint32_t magic, uint32_t *dims, size_t n_dims)
{
    uint8_t bytes[16];
    size_t len = 4 * (1 + n_dims);
    if (gzread(f->gz, bytes, (unsigned)len) != (int)len) {
        return damaged(f, "it is not an IDX file");
    }
    for (size_t i = 0; i <= n_dims; i++) {
        const uint8_t *b = bytes + 4 * i;
        uint32_t v =
            (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (i > 0) {
            dims[i - 1] = v;
        } else if (v != magic) {
            return damaged(f, magic == MAGIC_IMAGES
                                  ? "it is not an IDX file of images"
                                  : "it is not an IDX file of labels");
        }
    }
    return BH_OK;
}

// Memory for the content, once the file is known to be large enough to hold it.
static bh_status read_content(idx_file *f, uint8_t **out, uint64_t len)
{
    uint64_t most = gzdirect(f->gz) ? f->file_bytes : f->file_bytes * DEFLATE_RATIO;
    if (len > most) {
        return damaged(f, "it is shorter than its header says");
    }
    uint8_t *data = len <= SIZE_MAX ? bh_alloc((size_t)len, 1) : NULL;
    if (data == NULL) {
        return bh_fail(f->err, BH_ERR_NOMEM, "cannot read %s: out of memory", f->path);
    }
    bh_status status = read_exactly(f, data, (size_t)len);
    if (status == BH_OK) {
        status = read_end(f);
    }
    if (status != BH_OK) {
        bh_free(data);
        data = NULL;
    }
    *out = data;
    return status;
}

static bh_status read_images(idx_file *f, bh_images *out)
{
    uint32_t dims[3] = {0};
    bh_status status = read_header(f, MAGIC_IMAGES, dims, 3);
    if (status != BH_OK) {
        return status;
    }
    for (size_t i = 0; i < 3; i++) {
        if (dims[i] == 0 ||
            dims[i] > (i == 0 ? BH_IMAGES_COUNT_MAX : BH_GRAPH_DIM_MAX)) {
            return bh_fail(f->err, BH_ERR_TOO_LARGE,
                           "cannot read %s: %u images of %u x %u are out of range",
                           f->path, dims[0], dims[1], dims[2]);
        }
    }
    out->count = dims[0];
    out->shape = (bh_shape){1, dims[1], dims[2]};
    // At most 10^7 * 2^24 < 2^48.
    return read_content(f, &out->pixels, (uint64_t)dims[0] * dims[1] * dims[2]);
}

bh_status bh_idx_load_images(bh_images *out, const char *path, bh_error *err)
{
    idx_file f;
    bh_images images = {0};
    bh_status status = open_idx(&f, path, err);
    if (status == BH_OK) {
        status = read_images(&f, &images);
    }
    status = close_idx(&f, status);
    if (status != BH_OK) {
        bh_images_clear(&images);
    }
    *out = images;
    return status;
}

static bh_status read_labels(idx_file *f, uint8_t **out, size_t count)
{
    uint32_t n_labels = 0;
    bh_status status = read_header(f, MAGIC_LABELS, &n_labels, 1);
    if (status == BH_OK && n_labels != count) {
        return bh_fail(f->err, BH_ERR_ENCODING,
                       "cannot use %s: it has %u labels for %zu images", f->path,
                       n_labels, count);
    }
    return status == BH_OK ? read_content(f, out, n_labels) : status;
}

bh_status bh_idx_load_labels(bh_images *images, const char *path, bh_error *err)
{
    idx_file f;
    uint8_t *labels = NULL;
    bh_status status = open_idx(&f, path, err);
    if (status == BH_OK) {
        status = read_labels(&f, &labels, images->count);
    }
    status = close_idx(&f, status);
    if (status != BH_OK) {
        bh_free(labels);
        return status;
    }
    bh_free(images->labels);
    images->labels = labels;
    return BH_OK;
}
