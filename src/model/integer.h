// SPDX-License-Identifier: Apache-2.0
// From the float posterior to the integer posterior, and what its draws can reach.
#ifndef BH_MODEL_INTEGER_H
#define BH_MODEL_INTEGER_H

#include "model/draw.h"
#include "model/model.h"

// The integer posteriors of all linear layers of a graph whose scales are set; an array
// of bh_graph_linear_count(g). BH_ERR_NOMEM, or BH_ERR_RANGE with a sentence that names
// the layer if a mean or deviation is not finite or does not fit on the grid.
bh_status bh_integer_new(bh_int_posterior **out, const bh_graph *g,
                         const bh_posterior *posterior, bh_error *err) BH_MUST_CHECK;
void bh_integer_free(bh_int_posterior *p, uint32_t count);

// The largest |accumulator| of any drawable weight set and any input in the range of
// the layer's quantisation: attained, not only bounded, where the kernel does not meet
// padding.
uint64_t bh_integer_bound(const bh_int_posterior *p, const bh_layer *layer);

// The largest sum of |weights| into one output, of any drawable weight set; attained.
uint64_t bh_integer_row_bound(const bh_int_posterior *p);

#endif
