// SPDX-License-Identifier: Apache-2.0
// Whether a data set's classes are those of a model. The same name has another number
// where a class is missing or others stand beside it.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/csv.h"
#include "data/formats.h"

#define LIST_BYTES 120 // of names in a sentence

// A class without a name is called by its number.
static const char *name_of(char text[BH_CLASS_NAME_BYTES], const char *name, uint32_t c)
{
    if (name[0] != '\0') {
        return name;
    }
    snprintf(text, BH_CLASS_NAME_BYTES, "%u", c);
    return text;
}

// "1" and "1.0", which are one class in a table.
static bool same_number(const char *a, const char *b)
{
    double x, y;
    return bh_csv_number(&x, a) && bh_csv_number(&y, b) && x == y;
}

// n_classes: there is none.
static uint32_t find(const char *wanted, bool numbers, const char *const *names,
                     uint32_t n_classes)
{
    char text[BH_CLASS_NAME_BYTES];
    uint32_t same = n_classes;
    for (uint32_t c = n_classes; c-- > 0;) {
        const char *name = name_of(text, names[c], c);
        if (strcmp(name, wanted) == 0) {
            return c;
        }
        same = numbers && same_number(name, wanted) ? c : same;
    }
    return same;
}

// "cat, dog, ...": as many of them as a sentence has room for.
static const char *list(char out[LIST_BYTES], const char *const *names,
                        uint32_t n_classes)
{
    char text[BH_CLASS_NAME_BYTES];
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t c = 0; c < n_classes; c++) {
        bool room = len + BH_CLASS_NAME_BYTES + sizeof ", , ..." <= LIST_BYTES;
        len += (size_t)snprintf(out + len, LIST_BYTES - len, "%s%s", c > 0 ? ", " : "",
                                room ? name_of(text, names[c], c) : "...");
        if (!room) {
            break;
        }
    }
    return out;
}

// The model's number of the data set's class c.
static bh_status match(uint8_t *out, const bh_dataset *data, uint32_t c,
                       const char *const *names, uint32_t n_classes, bh_error *err)
{
    char text[BH_CLASS_NAME_BYTES], known[LIST_BYTES];
    const char *name = name_of(text, data->class_names[c], c);
    const bool table = data->values != NULL, named = name != text;
    uint32_t found = named || table ? find(name, table, names, n_classes) : c;
    if (found >= n_classes) {
        return named || table
                   ? bh_fail(
                         err, BH_ERR_ENCODING,
                         "the data has a class \"%s\", and the model's are %s: give "
                         "the same classes the same names",
                         name, list(known, names, n_classes))
                   : bh_fail(err, BH_ERR_ENCODING,
                             "the data has a label %u, and the model %u classes", c,
                             n_classes);
    }
    if (found >= BH_DATASET_CLASSES_MAX) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "class \"%s\" is number %u of the model, and labels are below "
                       "%d",
                       name, found, BH_DATASET_CLASSES_MAX);
    }
    *out = (uint8_t)found;
    return BH_OK;
}

bh_status bh_dataset_match_classes(bh_dataset *data, const char *const *names,
                                   uint32_t n_classes, bh_error *err)
{
    bool seen[BH_DATASET_CLASSES_MAX] = {false};
    uint8_t map[BH_DATASET_CLASSES_MAX] = {0};
    bh_status status = BH_OK;
    for (size_t i = 0; i < data->images.count; i++) {
        seen[data->images.labels[i]] = true;
    }
    for (uint32_t c = 0; c < data->n_classes && status == BH_OK; c++) {
        if (seen[c]) {
            status = match(&map[c], data, c, names, n_classes, err);
        }
    }
    if (status != BH_OK) {
        return status;
    }
    char(*own)[BH_CLASS_NAME_BYTES] = bh_alloc(n_classes, sizeof *own);
    if (own == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (uint32_t c = 0; c < n_classes; c++) {
        snprintf(own[c], sizeof own[c], "%s", names[c]);
    }
    for (size_t i = 0; i < data->images.count; i++) {
        data->images.labels[i] = map[data->images.labels[i]];
    }
    bh_free(data->class_names);
    data->class_names = own;
    data->n_classes = n_classes;
    return BH_OK;
}
