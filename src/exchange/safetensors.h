// SPDX-License-Identifier: Apache-2.0
// safetensors files (docs/import.md): a 64-bit little-endian length, a JSON header of
// that length, and the tensors' bytes, which the header's offsets cover exactly.
#ifndef BH_EXCHANGE_SAFETENSORS_H
#define BH_EXCHANGE_SAFETENSORS_H

#include "base/bytes.h"

#define BH_TENSORS_FILE_MAX   ((size_t)1 << 32)
#define BH_TENSORS_HEADER_MAX 100000000u
#define BH_TENSORS_COUNT_MAX  65536u
#define BH_TENSORS_RANK_MAX   8
#define BH_TENSORS_NAME_MAX   255 // bytes

typedef struct bh_tensor {
    const char *name;
    const char *type; // "F32"
    unsigned rank;
    uint64_t shape[BH_TENSORS_RANK_MAX];
    size_t count; // elements
    size_t begin; // of its bytes, which are [type's size] * count, within the data
} bh_tensor;

typedef struct bh_tensors {
    const char *path; // what errors call the file; borrowed
    size_t count;
    bh_tensor *items; // in the order of their names, bytewise
    const uint8_t *data;
    uint8_t *file;       // owned, where loaded
    struct json_t *json; // owned; holds the names
} bh_tensors;

// Checks all of the header before anything is used: names occur once, shapes and
// offsets agree, offsets leave no hole, no overlap and no byte uncovered. Borrows path,
// and `bytes` where they are read from memory. Errors: BH_ERR_ENCODING with a sentence
// that names the file, the tensor and the reason, BH_ERR_NOMEM, and those of
// bh_file_load; there is nothing to clear then.
bh_status bh_tensors_load(bh_tensors *out, const char *path,
                          bh_error *err) BH_MUST_CHECK;
bh_status bh_tensors_read(bh_tensors *out, const uint8_t *bytes, size_t len,
                          const char *path, bh_error *err) BH_MUST_CHECK;
void bh_tensors_clear(bh_tensors *tensors);

// NULL if there is none of that name.
const bh_tensor *bh_tensors_find(const bh_tensors *tensors, const char *name);

// Its elements as floats. BH_ERR_ENCODING if the type is none of F64, F32, F16 and BF16
// or if a value is not finite as a float.
bh_status bh_tensor_floats(float *out, const bh_tensors *tensors,
                           const bh_tensor *tensor, bh_error *err) BH_MUST_CHECK;

// "[6,1,5,5]". Returns text.
#define BH_SHAPE_TEXT_BYTES 64
char *bh_shape_text(char text[BH_SHAPE_TEXT_BYTES], const uint64_t *shape,
                    unsigned rank);

// A tensor to be written, as F32.
typedef struct bh_tensor_source {
    const char *name;
    unsigned rank;
    uint64_t shape[BH_TENSORS_RANK_MAX];
    const float *values;
} bh_tensor_source;

// The same tensors give the same bytes, whatever their order: they are written by name.
// Names must differ and be UTF-8. Errors: BH_ERR_NOMEM, the writer's status.
bh_status bh_tensors_write(bh_writer *w, const bh_tensor_source *tensors,
                           size_t count) BH_MUST_CHECK;

#endif
