// SPDX-License-Identifier: Apache-2.0
// Results of operations: an aligned table for people, or a line of JSON each.
#ifndef BH_BENCH_REPORT_H
#define BH_BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "measure.h"

typedef struct report_row {
    const char *name;
    const char *kernels; // the variant that ran
    size_t n;
    unsigned prime_bits; // 0: no single prime
    measured time;
    // A second figure, where `ratio_name` is not NULL: "cycles_per_byte".
    const char *ratio_name;
    double ratio;
} report_row;

// Names the processor and the columns; nothing with JSON, where every line does.
void report_begin(bool json);
void report_print(bool json, const report_row *row);

// {"min": ..., "q1": ..., "median": ..., "q3": ..., "p99": ...}, in units of `unit`.
json_t *report_spread(const spread *s, double unit);
// Prints the object as one line and drops it.
void report_json(json_t *line);

#endif
