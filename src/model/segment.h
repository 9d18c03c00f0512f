// SPDX-License-Identifier: Apache-2.0
// The integer arithmetic between two linear layers: used by the clear oracle and, on
// decrypted values, by the client.
// CT: every function leaks shapes and quantisation, never values: minimum, maximum and
// rounding are done with masks.
#ifndef BH_MODEL_SEGMENT_H
#define BH_MODEL_SEGMENT_H

#include "model/graph.h"

// Runs the segment after the i-th linear layer: `in` holds its accumulators, `out`
// receives the requantised input of linear layer i + 1. Not for the last one.
// scratch: bh_segment_scratch_len(g) elements; out, in and scratch do not overlap. The
// caller wipes scratch.
void bh_segment_run(const bh_graph *g, uint32_t i, int64_t *out, const int64_t *in,
                    int64_t *scratch);

// The same with stochastic rounding in place of the nearest: with v clamped to
// x_lo 2^f .. x_hi 2^f - 1,
//
//   out = floor(v / 2^f) + [(dither mod 2^f) <= (v mod 2^f)],
//
// and where f = 0, bh_segment_run's own. dither: one number for each output. In
// parties' terms (mpc/truncate.h) v - x_lo 2^f is shared, and dither is one share of
// it.
//
// out is in x_lo .. x_hi, and at most 1 from what bh_segment_run makes of `in`; of the
// 2^f numbers mod 2^f (f <= 32), (v mod 2^f) + 1 round up, so that over a uniform
// dither the mean of out is (v + 1) / 2^f, and a zero stays one but for one number in
// 2^f.
void bh_segment_run_stochastic(const bh_graph *g, uint32_t i, int64_t *out,
                               const int64_t *in, int64_t *scratch,
                               const uint32_t *dither);
size_t bh_segment_scratch_len(const bh_graph *g);

#endif
