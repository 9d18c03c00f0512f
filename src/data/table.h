// SPDX-License-Identifier: Apache-2.0
// The parts of bh_table_load and of bh_rows.
#ifndef BH_DATA_TABLE_H
#define BH_DATA_TABLE_H

#include "data/csv.h"
#include "data/formats.h"

typedef struct bh_table {
    bh_csv csv;
    const char *path;
    const bh_dataset_options *options;
    bh_error *err;
    uint32_t columns; // that a table without a class has; 0: a class is needed
    uint32_t n_fields;
    const char *names[BH_CSV_FIELDS_MAX]; // of the columns, if has_names
    bool has_names;
    uint32_t label, group; // columns, or BH_NO_COLUMN
    // What scikit-learn's header says, if n_said > 0.
    const char *said_names[BH_DATASET_CLASSES_MAX];
    uint32_t n_said;
    size_t rows_said;
    size_t rows, rows_max;    // good ones
    const char **label_texts; // [rows_max], of each good row
    const char **group_texts; // [rows_max], or NULL
} bh_table;

// Reads the header, if there is one, and the first row behind it, which stays in
// t->csv. Finds the columns.
bh_status bh_table_read_header(bh_table *t) BH_MUST_CHECK;
// The columns that are neither class nor group.
uint32_t bh_table_numbers(const bh_table *t);
// Their values in the row that stands in t->csv. BH_ERR_ENCODING with a sentence that
// names the line.
bh_status bh_table_read_numbers(bh_table *t, float *values) BH_MUST_CHECK;
// Labels and class names of the rows.
bh_status bh_table_label(bh_table *t, bh_dataset *out) BH_MUST_CHECK;

#endif
