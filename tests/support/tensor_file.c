// SPDX-License-Identifier: Apache-2.0
#include "support/tensor_file.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

void tensor_file_add(tensor_file *f, const char *name, const char *shape,
                     const float *values, size_t count)
{
    size_t len = strlen(f->header), begin = f->data.len;
    for (size_t i = 0; i < count; i++) {
        bh_writer_f32(&f->data, values[i]);
    }
    int added = snprintf(
        f->header + len, sizeof f->header - len,
        "%s\"%s\": {\"dtype\": \"F32\", \"shape\": %s, \"data_offsets\": [%zu, "
        "%zu]}",
        len > 0 ? ", " : "", name, shape, begin, f->data.len);
    assert_true(added > 0 && (size_t)added < sizeof f->header - len);
}

bh_writer tensor_file_end(tensor_file *f)
{
    char header[sizeof f->header + 2];
    snprintf(header, sizeof header, "{%s}", f->header);
    bh_writer w = tensor_file_raw(header, f->data.data, f->data.len);
    bh_writer_clear(&f->data);
    f->header[0] = '\0';
    return w;
}

bh_writer tensor_file_raw(const char *header, const void *data, size_t len)
{
    bh_writer w = {0};
    bh_writer_u64(&w, strlen(header));
    bh_writer_bytes(&w, header, strlen(header));
    bh_writer_bytes(&w, data, len);
    assert_ok(w.status);
    return w;
}
