// SPDX-License-Identifier: Apache-2.0
// From the float posterior to the integer posterior, and what its draws can reach.
#ifndef BH_MODEL_INTEGER_H
#define BH_MODEL_INTEGER_H

#include "model/draw.h"
#include "model/model.h"

// The integer posteriors of all members of a model, for a graph whose scales are set:
// [members][linear layers], as `posterior`. BH_ERR_NOMEM, or BH_ERR_RANGE with a
// sentence that names the layer if a mean or deviation is not finite or does not fit on
// the grid.
bh_status bh_integer_new(bh_int_posterior **out, const bh_graph *g,
                         const bh_posterior *posterior, uint32_t members,
                         bh_error *err) BH_MUST_CHECK;
void bh_integer_free(bh_int_posterior *p, uint32_t count);

// The largest |accumulator| of linear layer i, of any member, any drawable weight set
// and any input in the range of the layer's quantisation: attained, not only bounded,
// where the kernel does not meet padding.
uint64_t bh_integer_bound(const bh_int_posterior *p, uint32_t members,
                          const bh_graph *g, uint32_t i);

// The largest sum of |weights| into one output of linear layer i, of any member and any
// drawable weight set; attained.
uint64_t bh_integer_row_bound(const bh_int_posterior *p, uint32_t members,
                              const bh_graph *g, uint32_t i);

#endif
