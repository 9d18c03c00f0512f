// SPDX-License-Identifier: Apache-2.0
// Which example belongs to which split.
#ifndef BH_DATA_CUT_H
#define BH_DATA_CUT_H

#include "data/dataset.h"

// split: one bh_split for each example. Errors: BH_ERR_ARG, BH_ERR_NOMEM.
bh_status bh_cut_make(uint8_t *split, const bh_dataset *data, const bh_cut *cut,
                      bh_error *err) BH_MUST_CHECK;

#endif
