// SPDX-License-Identifier: Apache-2.0
#include "exchange/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define CONV_RANK 4
#define FC_RANK   2

// A layer by its name in the file.
typedef struct candidate {
    bh_layer_name name;
    bh_found_layer layer;
} candidate;

typedef struct candidates {
    size_t count, with_dev; // counted beyond the room there is
    candidate items[BH_GRAPH_LAYERS_MAX];
} candidates;

static const bh_tensor *find_filled(const bh_tensors *t, const char *pattern,
                                    bh_layer_name layer)
{
    char name[BH_PATTERN_BYTES];
    return pattern != NULL ? bh_tensors_find(t, bh_pattern_fill(name, pattern, layer))
                           : NULL;
}

static bool is_weight(bh_layer_name *layer, const bh_library *lib, const bh_tensor *t)
{
    return (t->rank == CONV_RANK && bh_pattern_match(layer, lib->conv_mean, t->name)) ||
           (t->rank == FC_RANK && bh_pattern_match(layer, lib->fc_mean, t->name));
}

static void collect(candidates *out, const bh_library *lib, const bh_tensors *t)
{
    *out = (candidates){0};
    for (size_t i = 0; i < t->count; i++) {
        candidate c = {.layer.weight = &t->items[i]};
        if (!is_weight(&c.name, lib, c.layer.weight)) {
            continue;
        }
        bool conv = c.layer.weight->rank == CONV_RANK;
        c.layer.weight_dev = find_filled(t, conv ? lib->conv_dev : lib->fc_dev, c.name);
        c.layer.bias = find_filled(t, lib->bias_mean, c.name);
        c.layer.bias_dev = find_filled(t, lib->bias_dev, c.name);
        out->with_dev += c.layer.weight_dev != NULL;
        if (out->count < BH_GRAPH_LAYERS_MAX) {
            out->items[out->count] = c;
        }
        out->count++;
    }
}

static bool fits(const bh_library *lib, const candidates *c)
{
    return lib->has_dev ? c->with_dev > 0 : c->count > 0;
}

// With the beginning of what there is.
static void fail_unknown(const bh_tensors *t, const char *wanted, bh_error *err)
{
    char list[120] = "nothing else";
    size_t len = 0, shown = 0;
    for (; shown < t->count && shown < 3; shown++) {
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%.32s",
                                shown > 0 ? ", " : "", t->items[shown].name);
    }
    bh_fail(err, BH_ERR_ENCODING,
            "%s has no layers named as %s names them, but %s%s (--list shows all): try "
            "--format or --map",
            t->path, wanted, list, shown < t->count ? ", ..." : "");
}

// The library whose names the file has; NULL, and a sentence, if it is none or two.
static const bh_library *choose(const bh_tensors *t, const char *format, bh_error *err)
{
    bool automatic = strcmp(format, "auto") == 0;
    const bh_library *found = NULL;
    candidates c;
    for (size_t i = 0; i < bh_libraries_count; i++) {
        const bh_library *lib = &bh_libraries[i];
        bool asked = automatic ? lib->has_dev || found == NULL
                               : found == NULL && strcmp(format, lib->name) == 0;
        if (!asked) {
            continue;
        }
        collect(&c, lib, t);
        if (fits(lib, &c) && found != NULL) {
            bh_fail(err, BH_ERR_ENCODING,
                    "%s has layers named as by %s and as by %s: choose one with "
                    "--format, or name the tensors with --map",
                    t->path, found->name, lib->name);
            return NULL;
        }
        found = fits(lib, &c) ? lib : found;
    }
    if (found == NULL) {
        fail_unknown(t, automatic ? "a known library" : format, err);
    }
    return found;
}

static bh_status check_complete(const bh_library *lib, const candidates *c,
                                const bh_tensors *t, bh_error *err)
{
    if (c->count > BH_GRAPH_LAYERS_MAX) {
        return bh_fail(err, BH_ERR_ENCODING, "%s has %zu layers; networks have %d",
                       t->path, c->count, BH_GRAPH_LAYERS_MAX);
    }
    for (size_t i = 0; i < c->count && lib->has_dev; i++) {
        const bh_found_layer *l = &c->items[i].layer;
        bool bias = l->bias != NULL && l->bias_dev == NULL && !lib->point_bias;
        if (l->weight_dev == NULL || bias) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "%s: tensor \"%.80s\" has no deviations beside it as %s "
                           "stores them",
                           t->path, (bias ? l->bias : l->weight)->name, lib->name);
        }
    }
    return BH_OK;
}

static int by_layer_name(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = bh_layer_name_compare(x->name, y->name);
    return order != 0 ? order : strcmp(x->layer.weight->name, y->layer.weight->name);
}

bh_status bh_found_by_name(bh_found *out, const bh_tensors *tensors, const char *format,
                           bh_error *err)
{
    candidates c;
    *out = (bh_found){0};
    if (strcmp(format, "auto") != 0 && bh_library_find(format) == NULL) {
        return bh_fail(err, BH_ERR_ARG,
                       "unknown format \"%.40s\"; known are auto, " BH_LIBRARY_NAMES,
                       format);
    }
    const bh_library *lib = choose(tensors, format, err);
    if (lib == NULL) {
        return BH_ERR_ENCODING;
    }
    collect(&c, lib, tensors);
    bh_status status = check_complete(lib, &c, tensors, err);
    if (status != BH_OK) {
        return status;
    }
    qsort(c.items, c.count, sizeof c.items[0], by_layer_name);
    out->format = lib->name;
    out->transform = lib->transform;
    out->keras = lib->keras;
    for (; out->n_layers < c.count; out->n_layers++) {
        out->layers[out->n_layers] = c.items[out->n_layers].layer;
    }
    return BH_OK;
}

static bool is_used(const bh_found *found, const bh_tensor *t)
{
    for (uint32_t i = 0; i < found->n_layers; i++) {
        const bh_found_layer *l = &found->layers[i];
        if (t == l->weight || t == l->weight_dev || t == l->bias || t == l->bias_dev) {
            return true;
        }
    }
    return false;
}

// What libraries keep besides: the last noise, the prior, and a second name of the
// posterior.
static bool is_beside(const char *name)
{
    static const char *const parts[] = {".eps_",     "_eps",        ".prior_",
                                        "_sampler.", "_prior_dist", ".bias_zero"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(name, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

bh_status bh_found_check_all_used(const bh_found *found, const bh_tensors *tensors,
                                  bh_error *err)
{
    for (size_t i = 0; i < tensors->count; i++) {
        const bh_tensor *t = &tensors->items[i];
        if (!is_used(found, t) && !(bh_found_has_dev(found) && is_beside(t->name))) {
            return bh_fail(
                err, BH_ERR_ENCODING,
                "%s: tensor \"%.80s\" belongs to no layer that was found, so "
                "the network may be another one (--allow-unused leaves it "
                "out)",
                tensors->path, t->name);
        }
    }
    return BH_OK;
}

uint64_t bh_found_classes(const bh_found *found)
{
    for (uint32_t i = found->n_layers; i > 0; i--) {
        const bh_tensor *weight = found->layers[i - 1].weight;
        if (weight->rank == FC_RANK) {
            return weight->shape[found->keras ? 1 : 0];
        }
    }
    return 0;
}

bool bh_found_has_dev(const bh_found *found)
{
    for (uint32_t i = 0; i < found->n_layers; i++) {
        if (found->layers[i].weight_dev != NULL || found->layers[i].bias_dev != NULL) {
            return true;
        }
    }
    return false;
}
