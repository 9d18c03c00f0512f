// SPDX-License-Identifier: Apache-2.0
#include "data/pictures.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct entry {
    size_t path; // where it begins in the paths
    uint32_t group;
    uint8_t label, split;
} entry;

void bh_pictures_add(bh_pictures *p, const char *folder, const char *name,
                     uint8_t label, bh_split split, uint32_t group)
{
    entry e = {p->paths.len, group, label, (uint8_t)split};
    bh_writer_bytes(&p->paths, folder, strlen(folder));
    bh_writer_u8(&p->paths, '/');
    bh_writer_bytes(&p->paths, name, strlen(name) + 1);
    bh_writer_bytes(&p->entries, &e, sizeof e);
    p->count++;
}

void bh_pictures_clear(bh_pictures *p)
{
    bh_writer_clear(&p->paths);
    bh_writer_clear(&p->entries);
    *p = (bh_pictures){0};
}

static const char *path_of(const bh_pictures *p, const entry *e)
{
    return (const char *)p->paths.data + e->path;
}

static bh_status take_memory(bh_dataset *out, const bh_pictures *p, size_t count,
                             bh_error *err)
{
    bh_shape s = out->images.shape;
    if (count > BH_IMAGES_BYTES_MAX / bh_shape_len(s)) {
        return bh_fail(
            err, BH_ERR_TOO_LARGE,
            "%zu pictures of %u x %u with %u channels in %s are more than 16 "
            "GiB: ask for a smaller size",
            count, s.width, s.height, s.channels, p->root);
    }
    out->images.pixels = bh_alloc(count, bh_shape_len(s));
    out->images.labels = bh_alloc(count, 1);
    out->split = p->splits ? bh_alloc(count, 1) : NULL;
    out->group = p->groups ? bh_alloc(count, sizeof *out->group) : NULL;
    if (out->images.pixels == NULL || out->images.labels == NULL ||
        (p->splits && out->split == NULL) || (p->groups && out->group == NULL)) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", p->root);
    }
    return BH_OK;
}

// A header alone may lie about the size, so the picture is read as well.
static bh_status try_own_shape(bh_shape *shape, const char *path, bh_error *err)
{
    bh_status status = bh_png_shape(shape, path, err);
    if (status != BH_OK) {
        return status;
    }
    if (shape->height > BH_GRAPH_DIM_MAX || shape->width > BH_GRAPH_DIM_MAX ||
        bh_shape_len(*shape) > BH_GRAPH_VALUES_MAX) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "cannot use %s: %u x %u pixels are more than any network takes, "
                       "so a size to reduce it to is needed",
                       path, shape->width, shape->height);
    }
    uint8_t *pixels = bh_alloc(bh_shape_len(*shape), 1);
    status = pixels != NULL ? bh_png_load(pixels, *shape, path, err)
                            : bh_fail_plain(err, BH_ERR_NOMEM);
    bh_free(pixels);
    return status;
}

// The first picture that can be read decides the shape, and with it the memory.
static bh_status begin(bh_dataset *out, const bh_pictures *p, const entry *first,
                       size_t count, bh_error *err)
{
    bh_status status = BH_OK;
    out->images.shape = p->shape;
    if (p->shape.channels == 0) {
        status = try_own_shape(&out->images.shape, path_of(p, first), err);
    }
    return status == BH_OK ? take_memory(out, p, count, err) : status;
}

static bh_status check_size(const char *path, bh_shape wanted, bh_error *err)
{
    bh_shape own;
    bh_status status = bh_png_shape(&own, path, err);
    if (status != BH_OK || bh_shape_equal(own, wanted)) {
        return status;
    }
    return bh_fail(
        err, BH_ERR_ENCODING,
        "cannot use %s: it is %u x %u with %u channels, not %u x %u with %u, "
        "and is not to be resized",
        path, own.width, own.height, own.channels, wanted.width, wanted.height,
        wanted.channels);
}

static bh_status load_one(bh_dataset *out, const bh_pictures *p, const entry *e,
                          bool exact, bh_error *err)
{
    bh_images *to = &out->images;
    uint8_t *pixels = to->pixels + to->count * bh_shape_len(to->shape);
    bh_status status = exact ? check_size(path_of(p, e), to->shape, err) : BH_OK;
    if (status == BH_OK) {
        status = bh_png_load(pixels, to->shape, path_of(p, e), err);
    }
    if (status != BH_OK) {
        return status;
    }
    if (out->split != NULL) {
        out->split[to->count] = e->split;
    }
    if (out->group != NULL) {
        out->group[to->count] = e->group;
    }
    to->labels[to->count++] = e->label;
    return BH_OK;
}

bh_status bh_pictures_load(bh_dataset *out, const bh_pictures *p,
                           const bh_dataset_options *options, bh_error *err)
{
    const entry *entries = (const entry *)(const void *)p->entries.data;
    if (p->entries.status != BH_OK || p->paths.status != BH_OK) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", p->root);
    }
    for (size_t i = 0; i < p->count; i++) {
        bh_status status = BH_OK;
        if (out->images.pixels == NULL) {
            status = begin(out, p, &entries[i], p->count - i, err);
        }
        if (status == BH_OK) {
            status = load_one(out, p, &entries[i], options->exact, err);
        }
        if (status != BH_OK && (status = bh_dataset_skip(out, options, err)) != BH_OK) {
            return status;
        }
    }
    return out->images.count > 0 ? BH_OK : bh_dataset_nothing_left(p->root, err);
}
