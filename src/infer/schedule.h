// SPDX-License-Identifier: Apache-2.0
// Which flight carries which step of which move: the second half of a script.
#ifndef BH_INFER_SCHEDULE_H
#define BH_INFER_SCHEDULE_H

#include "infer/script.h"

// From the moves, and room for BH_RELU_STEPS parts of each: who is X of every gate,
// all parts, and what is counted of them. BH_ERR_NOMEM.
bh_status bh_schedule(bh_script *s) BH_MUST_CHECK;

#endif
