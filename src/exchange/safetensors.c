// SPDX-License-Identifier: Apache-2.0
// The reader of the header. Nothing in it is believed: it comes from elsewhere.
#include "exchange/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "exchange/dtype.h"

#define LENGTH_BYTES 8
#define METADATA     "__metadata__"
// JSON values become objects many times their size: more of them than this many tensors
// need are refused before the parser takes memory.
#define VALUES_MAX (16 * BH_TENSORS_COUNT_MAX)
#define NAME_SHOWN 80 // bytes of a name in a sentence

static bh_status refuse(const bh_tensors *t, const char *problem, bh_error *err)
{
    return bh_fail(err, BH_ERR_ENCODING, "%s is no safetensors file: %s", t->path,
                   problem);
}

static bh_status refuse_tensor(const bh_tensors *t, const char *name,
                               const char *problem, bh_error *err)
{
    return bh_fail(err, BH_ERR_ENCODING, "%s: tensor \"%.*s\" %s", t->path, NAME_SHOWN,
                   name, problem);
}

// Every value but the last of its array or object is followed by a comma, and an array
// or object begins with a bracket; those within names only make this larger.
static size_t count_values(const char *text, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    }
    return count;
}

static bh_status parse_json(bh_tensors *t, const char *text, size_t len, bh_error *err)
{
    json_error_t problem;
    if (len == 0 || text[0] != '{') {
        return refuse(t, "its header does not begin with {", err);
    }
    if (count_values(text, len) > VALUES_MAX) {
        return refuse(t, "its header holds too many values", err);
    }
    t->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (t->json == NULL) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "%s is no safetensors file: its header is no JSON: %.120s",
                       t->path, problem.text);
    }
    return BH_OK;
}

static bool is_metadata(const json_t *value)
{
    const char *key;
    json_t *text;
    if (!json_is_object(value)) {
        return false;
    }
    json_object_foreach((json_t *)value, key, text)
    {
        if (!json_is_string(text)) {
            return false;
        }
    }
    return true;
}

// A whole number from 0 to max; false otherwise.
static bool whole_number(uint64_t *out, const json_t *value, uint64_t max)
{
    json_int_t v = json_is_integer(value) ? json_integer_value(value) : -1;
    *out = (uint64_t)v;
    return v >= 0 && *out <= max;
}

// Fills rank, shape and count. NULL, or what is wrong. The product never overflows: an
// element takes a byte or more, and there are no more bytes than in the file.
static const char *read_shape(bh_tensor *item, const json_t *shape, uint64_t data_len)
{
    if (!json_is_array(shape)) {
        return "has no shape";
    }
    if (json_array_size(shape) > BH_TENSORS_RANK_MAX) {
        return "has too many dimensions";
    }
    item->rank = (unsigned)json_array_size(shape);
    bool empty = false;
    for (unsigned i = 0; i < item->rank; i++) {
        if (!whole_number(&item->shape[i], json_array_get(shape, i), INT64_MAX)) {
            return "has a dimension that is no whole number";
        }
        empty |= item->shape[i] == 0;
    }
    item->count = !empty;
    for (unsigned i = 0; i < item->rank && !empty; i++) {
        if (item->count > data_len / item->shape[i]) {
            return "has a shape larger than the file's data";
        }
        item->count *= item->shape[i];
    }
    return NULL;
}

static const char *read_offsets(bh_tensor *item, const json_t *offsets,
                                uint64_t data_len)
{
    uint64_t begin, end;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !whole_number(&begin, json_array_get(offsets, 0), INT64_MAX) ||
        !whole_number(&end, json_array_get(offsets, 1), INT64_MAX)) {
        return "has no data_offsets of two whole numbers";
    }
    if (begin > end) {
        return "ends before it begins";
    }
    if (end > data_len) {
        return "reaches beyond the end of the file";
    }
    if ((end - begin) / bh_dtype_bytes(item->type) != item->count ||
        (end - begin) % bh_dtype_bytes(item->type) != 0) {
        return "has data_offsets that do not fit its type and shape";
    }
    item->begin = (size_t)begin;
    return NULL;
}

static const char *read_tensor(bh_tensor *item, const json_t *value, uint64_t data_len)
{
    if (!json_is_object(value) || json_object_size(value) != 3) {
        return "is not described by dtype, shape and data_offsets alone";
    }
    item->type = json_string_value(json_object_get(value, "dtype"));
    if (item->type == NULL || bh_dtype_bytes(item->type) == 0) {
        return "has an unknown dtype";
    }
    const char *problem = read_shape(item, json_object_get(value, "shape"), data_len);
    return problem != NULL
               ? problem
               : read_offsets(item, json_object_get(value, "data_offsets"), data_len);
}

static bh_status read_items(bh_tensors *t, uint64_t data_len, bh_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(t->json, name, value)
    {
        if (strcmp(name, METADATA) == 0) {
            if (!is_metadata(value)) {
                return refuse(t, "its " METADATA " is no object of strings", err);
            }
            continue;
        }
        bh_tensor *item = &t->items[t->count];
        if (name[0] == '\0' || strlen(name) > BH_TENSORS_NAME_MAX) {
            return refuse_tensor(t, name, "has a name that is empty or too long", err);
        }
        const char *problem = read_tensor(item, value, data_len);
        if (problem != NULL) {
            return refuse_tensor(t, name, problem, err);
        }
        item->name = name;
        t->count++;
    }
    return BH_OK;
}

static size_t end_of(const bh_tensor *item)
{
    return item->begin + item->count * bh_dtype_bytes(item->type);
}

static int by_place(const void *a, const void *b)
{
    const bh_tensor *x = a, *y = b;
    return x->begin != y->begin     ? (x->begin > y->begin) - (x->begin < y->begin)
           : end_of(x) != end_of(y) ? (end_of(x) > end_of(y)) - (end_of(x) < end_of(y))
                                    : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const bh_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static bh_status check_places(bh_tensors *t, size_t data_len, bh_error *err)
{
    size_t covered = 0;
    qsort(t->items, t->count, sizeof *t->items, by_place);
    for (size_t i = 0; i < t->count; i++) {
        const bh_tensor *item = &t->items[i];
        if (item->begin != covered) {
            return refuse_tensor(t, item->name,
                                 item->begin < covered
                                     ? "overlaps another one"
                                     : "begins behind a hole, which no tensor covers",
                                 err);
        }
        covered = end_of(item);
    }
    if (covered != data_len) {
        return refuse(t, "bytes at its end belong to no tensor", err);
    }
    qsort(t->items, t->count, sizeof *t->items, by_name);
    return BH_OK;
}

static bh_status read_all(bh_tensors *t, const uint8_t *bytes, size_t len,
                          bh_error *err)
{
    bh_reader r = bh_reader_over(bytes, len);
    uint64_t header_len = bh_reader_u64(&r);
    if (r.status != BH_OK || header_len > bh_reader_left(&r)) {
        return refuse(t, "it is shorter than its header", err);
    }
    if (header_len > BH_TENSORS_HEADER_MAX) {
        return refuse(t, "its header is longer than 100 MB", err);
    }
    const char *header = (const char *)bh_reader_bytes(&r, (size_t)header_len);
    bh_status status = parse_json(t, header, (size_t)header_len, err);
    if (status != BH_OK) {
        return status;
    }
    if (json_object_size(t->json) > BH_TENSORS_COUNT_MAX) {
        return refuse(t, "it holds too many tensors", err);
    }
    t->items = bh_alloc(json_object_size(t->json), sizeof *t->items);
    if (t->items == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    t->data = bytes + r.pos;
    status = read_items(t, bh_reader_left(&r), err);
    return status == BH_OK ? check_places(t, bh_reader_left(&r), err) : status;
}

bh_status bh_tensors_read(bh_tensors *out, const uint8_t *bytes, size_t len,
                          const char *path, bh_error *err)
{
    *out = (bh_tensors){.path = path};
    bh_status status = read_all(out, bytes, len, err);
    if (status != BH_OK) {
        bh_tensors_clear(out);
    }
    return status;
}

bh_status bh_tensors_load(bh_tensors *out, const char *path, bh_error *err)
{
    uint8_t *file;
    size_t len;
    *out = (bh_tensors){0};
    bh_status status = bh_file_load(&file, &len, path, BH_TENSORS_FILE_MAX, err);
    if (status == BH_OK) {
        status = bh_tensors_read(out, file, len, path, err);
    }
    if (status != BH_OK) {
        bh_free(file);
        return status;
    }
    out->file = file;
    return BH_OK;
}

void bh_tensors_clear(bh_tensors *tensors)
{
    bh_free(tensors->items);
    bh_free(tensors->file);
    json_decref(tensors->json);
    *tensors = (bh_tensors){0};
}

const bh_tensor *bh_tensors_find(const bh_tensors *tensors, const char *name)
{
    bh_tensor wanted = {.name = name};
    return tensors->count == 0 ? NULL
                               : bsearch(&wanted, tensors->items, tensors->count,
                                         sizeof wanted, by_name);
}
