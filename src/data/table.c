// SPDX-License-Identifier: Apache-2.0
// Tables: one column is the class, one may be the group, all others are numbers.
#include "data/table.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/formats.h"

// What a model can normalise by.
#define VALUE_MAX 1e30

bool bh_table_matches(const char *path)
{
    static const char *const endings[] = {".csv", ".csv.gz", ".csv.xz"};
    size_t len = strlen(path);
    for (size_t i = 0; i < 3; i++) {
        size_t end = strlen(endings[i]);
        if (len > end && strcasecmp(path + len - end, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

// More than the good rows that the text has room for: each has a line break, and for
// each of its fields a byte and another that ends it. One more, for a broken row.
static size_t most_rows(const bh_table *t)
{
    const bh_writer *text = &t->csv.text;
    size_t lines = 0, most = text->len / (2 * (size_t)t->n_fields);
    for (size_t i = 0; i < text->len; i++) {
        lines += text->data[i] == '\n';
    }
    most = lines < most ? lines : most;
    return 1 + (most < BH_IMAGES_COUNT_MAX ? most : BH_IMAGES_COUNT_MAX);
}

static bh_status take_memory(bh_table *t, bh_dataset *out)
{
    bool grouped = t->group != BH_NO_COLUMN;
    uint32_t columns = bh_table_numbers(t);
    t->rows_max = most_rows(t);
    out->images.shape = (bh_shape){1, 1, columns};
    out->images.labels = bh_alloc(t->rows_max, 1);
    out->values = bh_alloc(t->rows_max, columns * sizeof *out->values);
    t->label_texts = bh_alloc(t->rows_max, sizeof *t->label_texts);
    t->group_texts = grouped ? bh_alloc(t->rows_max, sizeof *t->group_texts) : NULL;
    if (out->images.labels == NULL || out->values == NULL || t->label_texts == NULL ||
        (grouped && t->group_texts == NULL)) {
        bh_fail(t->err, BH_ERR_NOMEM, "cannot read %s: out of memory", t->path);
        return BH_ERR_NOMEM;
    }
    return BH_OK;
}

static bh_status broken(const bh_table *t, uint32_t column, const char *problem)
{
    if (t->has_names) {
        return bh_fail(t->err, BH_ERR_ENCODING,
                       "cannot use line %u of %s: column \"%.40s\" %s", t->csv.line,
                       t->path, t->names[column], problem);
    }
    return bh_fail(t->err, BH_ERR_ENCODING, "cannot use line %u of %s: column %u %s",
                   t->csv.line, t->path, column + 1, problem);
}

uint32_t bh_table_numbers(const bh_table *t)
{
    return t->n_fields - (t->label != BH_NO_COLUMN) - (t->group != BH_NO_COLUMN);
}

static bh_status read_number(const bh_table *t, float *value, uint32_t column)
{
    double v;
    const char *field = t->csv.fields[column];
    if (bh_csv_is_missing(field)) {
        return broken(t, column, "is missing");
    }
    if (!bh_csv_number(&v, field)) {
        return broken(t, column, "is no number");
    }
    if (fabs(v) > VALUE_MAX) {
        return broken(t, column, "is out of range");
    }
    *value = (float)v;
    return BH_OK;
}

bh_status bh_table_read_numbers(bh_table *t, float *values)
{
    const bh_csv *csv = &t->csv;
    bh_status status = BH_OK;
    if (csv->n_fields != t->n_fields) {
        return bh_fail(t->err, BH_ERR_ENCODING,
                       "cannot use line %u of %s: it has %u columns, not %u", csv->line,
                       t->path, csv->n_fields, t->n_fields);
    }
    for (uint32_t i = 0; i < t->n_fields && status == BH_OK; i++) {
        if (i != t->label && i != t->group) {
            status = read_number(t, values++, i);
        }
    }
    return status;
}

static bh_status read_row(bh_table *t, float *values)
{
    bh_status status = bh_table_read_numbers(t, values);
    if (status == BH_OK && bh_csv_is_missing(t->csv.fields[t->label])) {
        return broken(t, t->label, "is missing");
    }
    if (status == BH_OK && t->group != BH_NO_COLUMN &&
        bh_csv_is_missing(t->csv.fields[t->group])) {
        return broken(t, t->group, "is missing");
    }
    return status;
}

static bh_status read_rows(bh_table *t, bh_dataset *out)
{
    bool found = true;
    bh_status status = BH_OK;
    while (found && status == BH_OK) {
        if (t->rows == t->rows_max) {
            return bh_fail(t->err, BH_ERR_TOO_LARGE, "cannot read %s: too many rows",
                           t->path);
        }
        status = read_row(t, out->values + t->rows * out->images.shape.width);
        if (status == BH_OK) {
            t->label_texts[t->rows] = t->csv.fields[t->label];
            if (t->group_texts != NULL) {
                t->group_texts[t->rows] = t->csv.fields[t->group];
            }
            t->rows++;
        } else {
            status = bh_dataset_skip(out, t->options, t->err);
        }
        if (status == BH_OK) {
            status = bh_csv_next(&t->csv, &found, t->path, t->err);
        }
    }
    return status;
}

static bh_status load(bh_table *t, bh_dataset *out)
{
    bh_status status = bh_table_read_header(t);
    if (status == BH_OK) {
        status = take_memory(t, out);
    }
    if (status == BH_OK) {
        status = read_rows(t, out);
    }
    if (status != BH_OK) {
        return status;
    }
    if (t->rows == 0) {
        return bh_dataset_nothing_left(t->path, t->err);
    }
    if (t->n_said > 0 && t->rows + out->skipped != t->rows_said) {
        return bh_fail(t->err, BH_ERR_ENCODING,
                       "cannot use %s: it has %zu rows, and its first line says %zu",
                       t->path, t->rows + out->skipped, t->rows_said);
    }
    out->images.count = t->rows;
    status = bh_table_label(t, out);
    return status == BH_OK && t->group_texts != NULL
               ? bh_dataset_name_groups(out, t->group_texts, t->path, t->err)
               : status;
}

bh_status bh_table_load(bh_dataset *out, const char *path,
                        const bh_dataset_options *options, bh_error *err)
{
    bh_table *t = bh_alloc(1, sizeof *t);
    if (t == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    *t = (bh_table){.path = path, .options = options, .err = err};
    bh_status status = bh_csv_load(&t->csv, path, err);
    if (status == BH_OK) {
        status = load(t, out);
    }
    bh_csv_clear(&t->csv);
    bh_free(t->label_texts);
    bh_free(t->group_texts);
    bh_free(t);
    return status;
}
