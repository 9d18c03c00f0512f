// SPDX-License-Identifier: Apache-2.0
// safetensors files written by hand from the published format: a second opinion on
// src/exchange.
#ifndef BH_TESTS_SUPPORT_TENSOR_FILE_H
#define BH_TESTS_SUPPORT_TENSOR_FILE_H

#include "base/bytes.h"

typedef struct tensor_file {
    char header[16384]; // JSON without its braces
    bh_writer data;
} tensor_file;

// count floats of a shape such as "[2,3]", as F32 at the end of the data.
void tensor_file_add(tensor_file *f, const char *name, const char *shape,
                     const float *values, size_t count);
// The whole file; leaves an empty one.
bh_writer tensor_file_end(tensor_file *f);

// A file of this header and these bytes.
bh_writer tensor_file_raw(const char *header, const void *data, size_t len);

#endif
