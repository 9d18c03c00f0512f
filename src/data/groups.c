// SPDX-License-Identifier: Apache-2.0
// Which examples belong to one patient.
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/csv.h"
#include "data/formats.h"
#include "data/rank.h"

bh_status bh_dataset_name_groups(bh_dataset *out, const char *const *names,
                                 const char *path, bh_error *err)
{
    bh_status status = BH_ERR_NOMEM;
    out->group = bh_alloc(out->images.count, sizeof *out->group);
    if (out->group != NULL) {
        status = bh_rank(out->group, &out->n_groups, NULL, 0, names, out->images.count);
    }
    return status == BH_OK
               ? BH_OK
               : bh_fail(err, status, "cannot read %s: out of memory", path);
}

uint32_t bh_group_column(const char *const *names, uint32_t count, uint32_t label)
{
    uint32_t found = BH_NO_COLUMN;
    for (uint32_t i = count; i-- > 0;) {
        if (i != label && strcasestr(names[i], "patient") != NULL) {
            found = i;
        }
    }
    for (uint32_t i = count; i-- > 0;) {
        if (i != label && (strcasecmp(names[i], "patient") == 0 ||
                           strcasecmp(names[i], "group") == 0)) {
            found = i;
        }
    }
    return found;
}

static bh_status read_names(const char **names, size_t count, bh_csv *csv,
                            uint32_t column, const char *path, bh_error *err)
{
    bool found = true;
    size_t n = 0;
    bh_status status = bh_csv_next(csv, &found, path, err);
    for (; status == BH_OK && found; n++) {
        if (column >= csv->n_fields || bh_csv_is_missing(csv->fields[column])) {
            return bh_fail(
                err, BH_ERR_ENCODING,
                "cannot read %s: line %u does not tell the group of its image", path,
                csv->line);
        }
        if (n < count) {
            names[n] = csv->fields[column];
        }
        status = bh_csv_next(csv, &found, path, err);
    }
    return status == BH_OK && n != count
               ? bh_fail(err, BH_ERR_ENCODING,
                         "cannot use %s: it has %zu rows for %zu images", path, n,
                         count)
               : status;
}

static bh_status load(bh_dataset *out, bh_csv *csv, const char *path, bh_error *err)
{
    bool found;
    bh_status status = bh_csv_next(csv, &found, path, err);
    if (status != BH_OK || !found) {
        return status;
    }
    uint32_t column = bh_group_column(csv->fields, csv->n_fields, BH_NO_COLUMN);
    if (column == BH_NO_COLUMN) {
        return BH_OK;
    }
    const char **names = bh_alloc(out->images.count, sizeof *names);
    status = names != NULL
                 ? read_names(names, out->images.count, csv, column, path, err)
                 : bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    if (status == BH_OK) {
        status = bh_dataset_name_groups(out, names, path, err);
    }
    bh_free(names);
    return status;
}

bh_status bh_index_load(bh_dataset *out, const char *path, bh_error *err)
{
    bh_csv csv;
    bh_status status = bh_csv_load(&csv, path, err);
    if (status == BH_OK) {
        status = load(out, &csv, path, err);
        bh_csv_clear(&csv);
    }
    return status;
}
