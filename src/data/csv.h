// SPDX-License-Identifier: Apache-2.0
// Records of comma-separated text (RFC 4180), read in place.
#ifndef BH_DATA_CSV_H
#define BH_DATA_CSV_H

#include <stdbool.h>

#include "base/bytes.h"

#define BH_CSV_FIELDS_MAX 520 // columns of a table, its classes and its groups

typedef struct bh_csv {
    bh_writer text;
    size_t pos;
    uint32_t next_line;
    // The record that was read last:
    uint32_t line; // where it begins, from 1
    uint32_t n_fields;
    const char *fields[BH_CSV_FIELDS_MAX]; // good until the text is cleared
} bh_csv;

// Reads the whole of a file, plain, gzip or xz, of at most 1 GiB.
bh_status bh_csv_load(bh_csv *out, const char *path, bh_error *err) BH_MUST_CHECK;
void bh_csv_clear(bh_csv *csv);

// The next record that is no empty line. Quotes are gone from its fields, and so are
// the spaces around what is not quoted. Sets *found, false at the end. BH_ERR_ENCODING
// with a sentence that names the line; nothing can be read behind it.
bh_status bh_csv_next(bh_csv *csv, bool *found, const char *path,
                      bh_error *err) BH_MUST_CHECK;

// "", "NA" or "nan" in any case.
bool bh_csv_is_missing(const char *field);
// A decimal number that is finite; nothing else is taken for one.
bool bh_csv_number(double *out, const char *field);

#endif
