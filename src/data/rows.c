// SPDX-License-Identifier: Apache-2.0
#include "data/rows.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/table.h"

struct bh_rows {
    bh_table table;
    bh_dataset_options options;
    size_t at; // number of the row that stands in table.csv; SIZE_MAX: none does
};

static bh_status rewind_to_first(bh_rows *r)
{
    bh_csv_clear(&r->table.csv);
    r->at = 0;
    bh_status status = bh_csv_load(&r->table.csv, r->table.path, r->table.err);
    return status == BH_OK ? bh_table_read_header(&r->table) : status;
}

bh_status bh_rows_open(bh_rows **out, const char *path, const char *label,
                       uint32_t columns, bh_error *err)
{
    bh_error own = {0};
    bh_rows *r = bh_alloc(1, sizeof *r);
    *out = NULL;
    if (r == NULL) {
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    r->options.label = label;
    r->table = (bh_table){
        .path = path, .options = &r->options, .err = &own, .columns = columns};
    bh_status status = rewind_to_first(r);
    if (status == BH_OK && bh_table_numbers(&r->table) != columns) {
        status =
            bh_fail(&own, BH_ERR_ENCODING,
                    "cannot use %s: its rows have %u numbers beside the class, and "
                    "the model takes %u",
                    path, bh_table_numbers(&r->table), columns);
    }
    r->table.err = NULL; // of a frame that ends here
    if (status != BH_OK) {
        bh_rows_close(r);
        return bh_fail(err, status, "%s", own.message);
    }
    *out = r;
    return BH_OK;
}

void bh_rows_close(bh_rows *rows)
{
    if (rows != NULL) {
        bh_csv_clear(&rows->table.csv);
        bh_free(rows);
    }
}

bh_status bh_rows_read(bh_rows *r, float *values, size_t index, bh_error *err)
{
    bh_error own = {0};
    bool found = true;
    r->table.err = &own;
    bh_status status = index < r->at ? rewind_to_first(r) : BH_OK;
    size_t at = r->at;
    while (status == BH_OK && found && at < index) {
        status = bh_csv_next(&r->table.csv, &found, r->table.path, &own);
        at += found;
    }
    r->at = status == BH_OK && found ? at : SIZE_MAX;
    if (status == BH_OK && !found) {
        status = bh_fail(&own, BH_ERR_ARG, "%s holds %zu rows: there is no number %zu",
                         r->table.path, at + 1, index);
    }
    if (status == BH_OK) {
        status = bh_table_read_numbers(&r->table, values);
    }
    r->table.err = NULL;
    return status == BH_OK ? BH_OK : bh_fail(err, status, "%s", own.message);
}
