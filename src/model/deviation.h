// SPDX-License-Identifier: Apache-2.0
// How far logits can be from exact integer inference with the same weights, where
// segments round stochastically (bh_segment_run_stochastic) and every accumulator of
// every linear layer may be off by one unit.
#ifndef BH_MODEL_DEVIATION_H
#define BH_MODEL_DEVIATION_H

#include "model/model.h"

// A bound in units of the last layer's accumulators, times bh_graph_logit_scale that of
// a logit; for every input, every drawable weight set, every dither and every such
// error. At most 2 acc_max + 1 of the last layer. The graph is quantised. row_bounds:
// for every linear layer a bound on the sum of |weights| into one output, or NULL for
// what the graph itself tells of them.
//
// Why. Let d bound the deviation of every value so far, from inputs that do not
// deviate.
// - A linear layer makes it L d + 1, L a bound on the sum of |weights| into an output:
// of
//   the row bounds, of inputs * w_max, and of 2 acc_max / (x_hi - x_lo), because
//   accumulators over all inputs in range span (x_hi - x_lo) * (sum of |weights|). Both
//   inferences' inputs are in range, so that 2 acc_max + 1 is a bound as well.
// - ReLU and max pools leave it; average pools, which sum, multiply it by the window's
//   size; a square makes it d (2 b + d), |v| <= b.
// - Requantisation, f > 0, h = 2^(f-1), makes it 1 + floor((d + h - 1) / 2^f), or
//   x_hi - x_lo. Let a deviate by d from b, both in x_lo 2^f .. x_hi 2^f - 1: values
//   outside may be clamped to it first, which changes neither rounding (segment.c) and
//   enlarges no deviation. With b + h = k 2^f + t, 0 <= t < 2^f, b becomes k. a becomes
//   at most floor(a / 2^f) + 1 <= k + 1 + floor((t - h + d) / 2^f), where t <= 2^f - 1;
//   and as the remainder 2^f - 1 always rounds up, at least floor((a + 1) / 2^f) >=
//   k - ceil((h + d - 1 - t) / 2^f), where t >= 0. Where f = 0 both only clamp.
uint64_t bh_graph_deviation(const bh_graph *g, const uint64_t *row_bounds);

// The same with the row bounds of a quantised model's weights (bh_integer_row_bound).
// Not public: it depends on the weights by more than acc_max.
uint64_t bh_model_deviation(const bh_model *m);

#endif
