// SPDX-License-Identifier: Apache-2.0
// How fast this machine is.
#ifndef BH_INFER_CALIBRATE_H
#define BH_INFER_CALIBRATE_H

#include "infer/cost.h"

// Measures the operations of a guard, and sets every time of *cost except `byte`; that,
// `prepared`, which the others depend on, the threads and the link stay as they are.
// Each time is the median of five batches after a warm-up; it takes some milliseconds.
// Works with keys and data of its own. On failure *cost is unchanged. Errors: those of
// the operations.
bh_status bh_calibrate(bh_cost *cost, bh_guard guard, bh_clock clock,
                       bh_error *err) BH_MUST_CHECK;

#endif
