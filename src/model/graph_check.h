// SPDX-License-Identifier: Apache-2.0
// The parts of bh_graph_check.
#ifndef BH_MODEL_GRAPH_CHECK_H
#define BH_MODEL_GRAPH_CHECK_H

#include "model/graph.h"

static inline bool bh_graph_in_range(uint64_t v, uint64_t lo, uint64_t hi)
{
    return v >= lo && v <= hi;
}

// A tensor's shape, not larger than the limits.
bool bh_graph_shape_ok(bh_shape s);

// BH_ERR_ENCODING with "layer <i + 1> (<kind>): <problem>".
bh_status bh_graph_refuse(bh_error *err, const bh_graph *g, uint32_t i,
                          const char *problem);

bh_status bh_graph_check_input(bh_input *in, bh_error *err) BH_MUST_CHECK;
bh_status bh_graph_check_names(const bh_graph *g, bh_error *err) BH_MUST_CHECK;
// Of a quantised graph whose shapes are filled in.
bh_status bh_graph_check_quant(const bh_graph *g, bh_error *err) BH_MUST_CHECK;

#endif
