// SPDX-License-Identifier: Apache-2.0
// Which tensors of a file are the layers of a network.
#ifndef BH_EXCHANGE_FOUND_H
#define BH_EXCHANGE_FOUND_H

#include "exchange/library.h"
#include "model/graph.h"

typedef struct bh_found_layer {
    const bh_tensor *weight;     // of rank 4: a convolution; of rank 2: fully connected
    const bh_tensor *weight_dev; // NULL: none
    const bh_tensor *bias;       // NULL: none
    const bh_tensor *bias_dev;   // NULL: none
} bh_found_layer;

typedef struct bh_found {
    const char *format; // "blitz", or "map"
    bh_transform transform;
    bool keras;
    uint32_t n_layers;
    bh_found_layer layers[BH_GRAPH_LAYERS_MAX];
} bh_found;

// By the names that a library gives, in the natural order of the layers' names. format:
// a library's name, or "auto" for the one that fits. Errors: BH_ERR_ARG for an unknown
// format, BH_ERR_ENCODING with a sentence that says what the file has instead.
bh_status bh_found_by_name(bh_found *out, const bh_tensors *tensors, const char *format,
                           bh_error *err) BH_MUST_CHECK;

// By a map: a JSON text that names the tensors of every layer (docs/import.md).
// BH_ERR_ENCODING with a sentence that names the map and what is wrong with it.
bh_status bh_found_by_map(bh_found *out, const bh_tensors *tensors, const char *map,
                          size_t len, const char *map_path,
                          bh_error *err) BH_MUST_CHECK;

// BH_ERR_ENCODING if the file holds a tensor that no layer uses and that is none of
// what libraries keep besides their posterior: the network has no place for it, and its
// answers would be wrong.
bh_status bh_found_check_all_used(const bh_found *found, const bh_tensors *tensors,
                                  bh_error *err) BH_MUST_CHECK;

// Outputs of the last fully connected layer; 0 if there is none.
uint64_t bh_found_classes(const bh_found *found);
// Whether any layer has deviations.
bool bh_found_has_dev(const bh_found *found);

#endif
