// SPDX-License-Identifier: Apache-2.0
// A model file of arbitrary bytes. The checksum is mended, or nothing would pass it.
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bh_model *model;
    if (size < 32) {
        return 0;
    }
    uint8_t *copy = bh_alloc(size, 1);
    memcpy(copy, data, size);
    if (bh_hash(copy + size - 32, copy, size - 32, NULL, 0) == BH_OK &&
        bh_model_read(&model, copy, size, "fuzz", NULL) == BH_OK) {
        bh_model_free(model);
    }
    bh_free(copy);
    return 0;
}
