// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a safetensors file, as examples and as a map of tensors.
#include <math.h>
#include <string.h>

#include "exchange/import.h"

// One layer of two inputs and two outputs: what small files can fill.
static bh_model *new_model(void)
{
    static bh_graph g;
    bh_model *m = NULL;
    strcpy(g.name, "fuzz");
    g.input = (bh_input){{1, 1, 2}, {0}, {1}};
    g.n_classes = 2;
    g.n_layers = 1;
    g.layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2};
    return bh_model_new(&m, &g, 1) == BH_OK ? m : NULL;
}

static void use(bh_model *m, const bh_tensors *tensors)
{
    bh_found found;
    bh_examples examples;
    bh_status status = bh_found_by_name(&found, tensors, "auto", NULL);
    if (status == BH_OK) {
        status = bh_found_check_all_used(&found, tensors, NULL);
        status =
            bh_import(m, tensors, &found, bh_found_has_dev(&found) ? NAN : 0, NULL);
    }
    status = bh_examples_read(&examples, tensors, m, NULL);
    if (status == BH_OK) {
        bh_examples_clear(&examples);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char file[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":"
        "[0,4]}}    ";
    static bh_model *m;
    bh_tensors tensors;
    bh_found found;
    bh_writer w = {0};
    if (m == NULL && (m = new_model()) == NULL) {
        return 0;
    }
    if (bh_tensors_read(&tensors, data, size, "fuzz", NULL) == BH_OK) {
        use(m, &tensors);
        bh_tensors_clear(&tensors);
    }
    bh_writer_u64(&w, sizeof file - 5);
    bh_writer_bytes(&w, file, sizeof file - 1);
    if (bh_tensors_read(&tensors, w.data, w.len, "fuzz", NULL) == BH_OK) {
        bh_status status =
            bh_found_by_map(&found, &tensors, (const char *)data, size, "map", NULL);
        (void)status;
        bh_tensors_clear(&tensors);
    }
    bh_writer_clear(&w);
    return 0;
}
