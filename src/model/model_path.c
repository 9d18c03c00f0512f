// SPDX-License-Identifier: Apache-2.0
// Model files on disk.
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"

bh_status bh_model_load(bh_model **out, const char *path, bh_error *err)
{
    uint8_t *data;
    size_t len;
    *out = NULL;
    bh_status status = bh_file_load(&data, &len, path, SIZE_MAX, err);
    if (status == BH_OK) {
        status = bh_model_read(out, data, len, path, err);
    }
    bh_free(data);
    return status;
}

bh_status bh_model_save(const bh_model *m, const char *path, bh_error *err)
{
    bh_writer w = {0};
    bh_status status = bh_model_write(m, &w);
    if (status != BH_OK) {
        bh_fail(err, status, "cannot write %s: %s", path, bh_status_message(status));
    } else {
        status = bh_file_replace(path, w.data, w.len, err);
    }
    bh_writer_clear(&w);
    return status;
}
