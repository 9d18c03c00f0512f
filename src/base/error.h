// SPDX-License-Identifier: Apache-2.0
// Filling in the optional error record.
#ifndef BH_BASE_ERROR_H
#define BH_BASE_ERROR_H

#include "bayhenn/bayhenn.h"

// Writes the status and the formatted sentence to err (err may be NULL) and returns
// status, so that a failing function can end in `return bh_fail(err, ...)`.
bh_status bh_fail(bh_error *err, bh_status status, const char *format, ...)
    BH_PRINTF(3, 4);

// bh_fail with the status's own sentence.
bh_status bh_fail_plain(bh_error *err, bh_status status);

#endif
