// SPDX-License-Identifier: Apache-2.0
// Numbers for names.
#ifndef BH_DATA_RANK_H
#define BH_DATA_RANK_H

#include "bayhenn/bayhenn.h"

// rank[i]: how many distinct texts stand before texts[i] in bytewise order, so that
// equal texts get equal numbers, 0 .. n_distinct - 1. The first distinct_max of them
// are put into `distinct`, in that order. BH_ERR_NOMEM.
bh_status bh_rank(uint32_t *rank, uint32_t *n_distinct, const char **distinct,
                  size_t distinct_max, const char *const *texts,
                  size_t count) BH_MUST_CHECK;

#endif
