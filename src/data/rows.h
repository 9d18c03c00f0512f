// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number, for a model that takes so many columns (docs/data.md). A
// table may have the class in it or not.
#ifndef BH_DATA_ROWS_H
#define BH_DATA_ROWS_H

#include "bayhenn/bayhenn.h"

typedef struct bh_rows bh_rows;

// Reads the file. label: the column that is the class, and no input; NULL: the last,
// if the table has one column more than the model, otherwise none. path and label are
// borrowed. Errors: those of bh_dataset_load, BH_ERR_ENCODING too if the numbers of a
// row are not `columns`.
bh_status bh_rows_open(bh_rows **out, const char *path, const char *label,
                       uint32_t columns, bh_error *err) BH_MUST_CHECK;
void bh_rows_close(bh_rows *rows);

// The numbers of row `index`, counted from 0 behind the names of columns, broken rows
// among them. Rows in ascending order take one pass over the text. BH_ERR_ARG if there
// is no such row, BH_ERR_ENCODING if it is broken, with a sentence that names its line.
bh_status bh_rows_read(bh_rows *rows, float *values, size_t index,
                       bh_error *err) BH_MUST_CHECK;

#endif
