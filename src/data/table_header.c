// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/error.h"
#include "data/table.h"

static bool whole_number(uint32_t *out, const char *field)
{
    double v;
    if (!bh_csv_number(&v, field) || v < 0 || v > UINT32_MAX || v != (uint32_t)v) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool all_numbers(const bh_csv *csv)
{
    double v;
    for (uint32_t i = 0; i < csv->n_fields; i++) {
        if (!bh_csv_number(&v, csv->fields[i])) {
            return false;
        }
    }
    return true;
}

// The first line of scikit-learn's tables: rows, columns and the names of the classes.
static bool take_said(bh_table *t)
{
    uint32_t rows, columns;
    const bh_csv *csv = &t->csv;
    if (csv->n_fields < 4 || csv->n_fields - 2 > BH_DATASET_CLASSES_MAX ||
        !whole_number(&rows, csv->fields[0]) || rows == 0 ||
        !whole_number(&columns, csv->fields[1]) || columns == 0 ||
        columns >= BH_CSV_FIELDS_MAX) {
        return false;
    }
    for (uint32_t i = 2; i < csv->n_fields; i++) {
        double v;
        if (bh_csv_number(&v, csv->fields[i])) {
            return false;
        }
    }
    t->n_said = csv->n_fields - 2;
    memcpy(t->said_names, csv->fields + 2, t->n_said * sizeof t->said_names[0]);
    t->rows_said = rows;
    t->n_fields = columns + 1;
    return true;
}

static bh_status next(bh_table *t)
{
    bool found;
    bh_status status = bh_csv_next(&t->csv, &found, t->path, t->err);
    return status == BH_OK && !found ? bh_fail(t->err, BH_ERR_ENCODING,
                                               "cannot use %s: it has no rows", t->path)
                                     : status;
}

// The column that is asked for; BH_NO_COLUMN if none is.
static bh_status find_wanted(bh_table *t)
{
    const char *wanted = t->options->label;
    t->label = BH_NO_COLUMN;
    for (uint32_t i = 0; wanted != NULL && t->has_names && i < t->n_fields; i++) {
        if (strcmp(t->names[i], wanted) == 0) {
            t->label = i;
            return BH_OK;
        }
    }
    if (wanted != NULL) {
        return bh_fail(t->err, BH_ERR_ENCODING,
                       t->has_names ? "cannot use %s: it has no column \"%s\""
                                    : "cannot use %s: it has no line with the names of "
                                      "columns, so none is \"%s\"",
                       t->path, wanted);
    }
    return BH_OK;
}

static bh_status find_columns(bh_table *t)
{
    bh_status status = find_wanted(t);
    if (status != BH_OK) {
        return status;
    }
    t->group =
        t->has_names ? bh_group_column(t->names, t->n_fields, t->label) : BH_NO_COLUMN;
    uint32_t others = 1 + (t->group != BH_NO_COLUMN);
    if (t->columns > 0 && t->options->label == NULL &&
        t->columns == t->n_fields + 1 - others) {
        return BH_OK;
    }
    if (t->n_fields <= others || t->n_fields - others > BH_GRAPH_COLUMNS_MAX) {
        return bh_fail(
            t->err, BH_ERR_ENCODING,
            "cannot use %s: it has %u columns, and a table has a class and 1 "
            "to %d numbers",
            t->path, t->n_fields, BH_GRAPH_COLUMNS_MAX);
    }
    if (t->label == BH_NO_COLUMN) { // the last that is no group
        t->label = t->n_fields - 1 - (t->group == t->n_fields - 1);
    }
    return BH_OK;
}

bh_status bh_table_read_header(bh_table *t)
{
    bh_status status = next(t);
    if (status != BH_OK) {
        return status;
    }
    t->n_fields = t->csv.n_fields;
    bool said = take_said(t);
    t->has_names = !said && !all_numbers(&t->csv);
    if (t->has_names) {
        memcpy(t->names, t->csv.fields, t->n_fields * sizeof t->names[0]);
    }
    if (said || t->has_names) {
        status = next(t);
    }
    return status == BH_OK ? find_columns(t) : status;
}
