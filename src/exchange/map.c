// SPDX-License-Identifier: Apache-2.0
// Maps: tensors' names for what no library's names fit (docs/import.md).
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "exchange/found.h"

typedef struct map_reader {
    const bh_tensors *tensors;
    const char *path;
    bh_error *err;
} map_reader;

static bh_status refuse(const map_reader *r, const char *problem)
{
    return bh_fail(r->err, BH_ERR_ENCODING, "%s: %s", r->path, problem);
}

// An object whose keys are all among `known`, a list that ends with NULL.
static bh_status check_keys(const map_reader *r, json_t *object,
                            const char *const *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        return refuse(r, "the map and each of its layers are objects");
    }
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(key, known[i]) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            return bh_fail(r->err, BH_ERR_ENCODING,
                           "%s: there is no key \"%.40s\" in a map", r->path, key);
        }
    }
    return BH_OK;
}

// The tensor that a key names; *out is NULL where the key is not there.
static bh_status take_tensor(const bh_tensor **out, const map_reader *r,
                             const json_t *layer, const char *key)
{
    const json_t *value = json_object_get(layer, key);
    const char *name = json_string_value(value);
    *out = name != NULL ? bh_tensors_find(r->tensors, name) : NULL;
    if (value != NULL && *out == NULL) {
        return bh_fail(r->err, BH_ERR_ENCODING,
                       "%s: \"%s\": \"%.80s\" is no tensor of %.80s", r->path, key,
                       name != NULL ? name : "", r->tensors->path);
    }
    return BH_OK;
}

static bh_status take_layer(bh_found_layer *out, const map_reader *r, json_t *layer)
{
    static const char *const known[] = {"weight", "weight_dev", "bias", "bias_dev",
                                        NULL};
    const bh_tensor **places[] = {&out->weight, &out->weight_dev, &out->bias,
                                  &out->bias_dev};
    bh_status status = check_keys(r, layer, known);
    for (size_t i = 0; known[i] != NULL && status == BH_OK; i++) {
        status = take_tensor(places[i], r, layer, known[i]);
    }
    if (status != BH_OK) {
        return status;
    }
    if (out->weight == NULL || (out->weight->rank != 2 && out->weight->rank != 4)) {
        return refuse(r, "every layer has a \"weight\" of rank 4 (a convolution) or 2");
    }
    return out->bias == NULL && out->bias_dev != NULL
               ? refuse(r, "a layer has a \"bias_dev\" and no \"bias\"")
               : BH_OK;
}

static bh_status take_choices(bh_found *out, const map_reader *r, const json_t *map)
{
    const json_t *layout = json_object_get(map, "layout");
    const json_t *transform = json_object_get(map, "transform");
    const char *name = json_is_string(layout) ? json_string_value(layout) : "torch";
    out->keras = strcmp(name, "keras") == 0;
    if ((layout != NULL && !json_is_string(layout)) ||
        (!out->keras && strcmp(name, "torch") != 0)) {
        return refuse(r, "\"layout\" is \"torch\" or \"keras\"");
    }
    if (transform != NULL &&
        (!json_is_string(transform) ||
         !bh_transform_from_name(&out->transform, json_string_value(transform)))) {
        return refuse(r, "\"transform\" is \"none\", \"exp\", \"softplus\", "
                         "\"softplus-eps\" or \"sqrt\"");
    }
    return transform == NULL && bh_found_has_dev(out)
               ? refuse(r, "\"transform\" is missing: it says how numbers become "
                           "deviations")
               : BH_OK;
}

static bh_status take_map(bh_found *out, const map_reader *r, json_t *map)
{
    static const char *const known[] = {"layout", "transform", "layers", NULL};
    bh_status status = check_keys(r, map, known);
    if (status != BH_OK) {
        return status;
    }
    const json_t *layers = json_object_get(map, "layers");
    size_t count = json_array_size(layers); // 0 of what is no array
    if (count == 0 || count > BH_GRAPH_LAYERS_MAX) {
        return refuse(r, "\"layers\" is a list of 1 to 64 layers");
    }
    for (; out->n_layers < count && status == BH_OK; out->n_layers++) {
        status = take_layer(&out->layers[out->n_layers], r,
                            json_array_get(layers, out->n_layers));
    }
    return status == BH_OK ? take_choices(out, r, map) : status;
}

bh_status bh_found_by_map(bh_found *out, const bh_tensors *tensors, const char *map,
                          size_t len, const char *map_path, bh_error *err)
{
    json_error_t problem;
    map_reader r = {tensors, map_path, err};
    json_t *json = json_loadb(map, len, JSON_REJECT_DUPLICATES, &problem);
    *out = (bh_found){.format = "map"};
    bh_status status = json != NULL
                           ? take_map(out, &r, json)
                           : bh_fail(err, BH_ERR_ENCODING, "%s, line %d: %.120s",
                                     map_path, problem.line, problem.text);
    json_decref(json);
    return status;
}
