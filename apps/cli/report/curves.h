// SPDX-License-Identifier: Apache-2.0
// What `bayhenn train --json` wrote: one JSON object a line, one line an epoch.
#ifndef BH_CLI_CURVES_H
#define BH_CLI_CURVES_H

#include "bayhenn/bayhenn.h"

#define CURVES_POINTS_MAX 100000

typedef struct curve_point {
    double epoch, member;                                        // counted from 1
    double loss, accuracy, validation_loss, validation_accuracy; // NAN: not there
} curve_point;

typedef struct curves {
    size_t count;
    curve_point *points; // owned, by malloc
} curves;

// Lines without an epoch are passed over. Errors: BH_ERR_IO, BH_ERR_ENCODING with a
// sentence that names file and line, BH_ERR_NOMEM; nothing is left to free then.
bh_status curves_load(curves *out, const char *path, bh_error *err) BH_MUST_CHECK;
void curves_clear(curves *c);

#endif
