// SPDX-License-Identifier: Apache-2.0
// Values of tensors, and files of them.
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "exchange/dtype.h"
#include "exchange/safetensors.h"

#define ALIGNMENT 8 // of the data in the file

bh_status bh_tensor_floats(float *out, const bh_tensors *tensors,
                           const bh_tensor *tensor, bh_error *err)
{
    if (!bh_dtype_is_real(tensor->type)) {
        return bh_fail(
            err, BH_ERR_ENCODING,
            "%s: tensor \"%.80s\" has type %s; F64, F32, F16 and BF16 can be "
            "used",
            tensors->path, tensor->name, tensor->type);
    }
    bh_dtype_floats(out, tensor->type, tensors->data + tensor->begin, tensor->count);
    for (size_t i = 0; i < tensor->count; i++) {
        if (!isfinite(out[i])) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "%s: tensor \"%.80s\" holds a value that is not finite",
                           tensors->path, tensor->name);
        }
    }
    return BH_OK;
}

char *bh_shape_text(char text[BH_SHAPE_TEXT_BYTES], const uint64_t *shape,
                    unsigned rank)
{
    size_t len = 0;
    for (unsigned i = 0; i < rank && len < BH_SHAPE_TEXT_BYTES; i++) {
        len += (size_t)snprintf(text + len, BH_SHAPE_TEXT_BYTES - len, "%c%llu",
                                i == 0 ? '[' : ',', (unsigned long long)shape[i]);
    }
    if (len < BH_SHAPE_TEXT_BYTES) {
        snprintf(text + len, BH_SHAPE_TEXT_BYTES - len, "%s", rank == 0 ? "[]" : "]");
    }
    return text;
}

static size_t source_len(const bh_tensor_source *t)
{
    size_t len = 1;
    for (unsigned i = 0; i < t->rank; i++) {
        len *= t->shape[i];
    }
    return len;
}

static int by_name(const void *a, const void *b)
{
    const bh_tensor_source *x = a, *y = b;
    return strcmp(x->name, y->name);
}

// NULL without memory.
static json_t *header_of(const bh_tensor_source *sorted, size_t count)
{
    json_t *header = json_object();
    bool ok = true;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        json_t *shape = json_array();
        for (unsigned k = 0; k < sorted[i].rank; k++) {
            json_t *length = json_integer((json_int_t)sorted[i].shape[k]);
            ok &= json_array_append_new(shape, length) == 0;
        }
        size_t end = at + source_len(&sorted[i]) * sizeof(float);
        json_t *tensor =
            json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape,
                      "data_offsets", (json_int_t)at, (json_int_t)end);
        ok &= json_object_set_new(header, sorted[i].name, tensor) == 0;
        at = end;
    }
    if (!ok) {
        json_decref(header);
        return NULL;
    }
    return header;
}

static bh_status write_sorted(bh_writer *w, const bh_tensor_source *sorted,
                              size_t count)
{
    json_t *header = header_of(sorted, count);
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (text == NULL) {
        return BH_ERR_NOMEM;
    }
    size_t len = strlen(text), padding = (ALIGNMENT - len % ALIGNMENT) % ALIGNMENT;
    bh_writer_u64(w, len + padding);
    bh_writer_bytes(w, text, len);
    bh_writer_bytes(w, "        ", padding);
    free(text);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < source_len(&sorted[i]); k++) {
            bh_writer_f32(w, sorted[i].values[k]);
        }
    }
    return w->status;
}

bh_status bh_tensors_write(bh_writer *w, const bh_tensor_source *tensors, size_t count)
{
    bh_tensor_source *sorted = bh_alloc(count, sizeof *sorted);
    if (sorted == NULL) {
        return BH_ERR_NOMEM;
    }
    memcpy(sorted, tensors, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_name);
    bh_status status = write_sorted(w, sorted, count);
    bh_free(sorted);
    return status;
}
