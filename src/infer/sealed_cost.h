// SPDX-License-Identifier: Apache-2.0
// What a query under guard `sealed` is made of, and how long it takes: what `plan`
// shows. docs/planner.md explains the times.
#ifndef BH_INFER_SEALED_COST_H
#define BH_INFER_SEALED_COST_H

#include "infer/plan.h"

// One linear layer, or all of them, of one query; bytes without frames. All plans here
// are of guard `sealed`.
typedef struct bh_sealed_count {
    uint64_t comparisons;
    uint32_t flights; // one that carries something of two layers: of the first
    uint64_t bytes_up, bytes_down; // online
    double off_by_one;             // accumulators off by one unit, expected
} bh_sealed_count;

bh_sealed_count bh_sealed_count_layer(const bh_plan *plan, uint32_t layer);
bh_sealed_count bh_sealed_count_all(const bh_plan *plan);

// Random transfers of one query, both directions; what making them sends, and what is
// sent once a session for all of them.
typedef struct bh_sealed_transfers {
    uint64_t count, bytes_up, bytes_down;
    uint64_t setup_up, setup_down;
} bh_sealed_transfers;

bh_sealed_transfers bh_sealed_transfers_of(const bh_plan *plan);

// How far a logit can be from exact integer inference with the same weights: the
// accumulators' bound (model/deviation.h), then what is cut off.
double bh_sealed_logit_deviation(const bh_plan *plan, uint64_t deviation);

// Predicted nanoseconds.
typedef struct bh_sealed_latency {
    double prepare, online;
} bh_sealed_latency;

bh_sealed_latency bh_sealed_latency_of(const bh_plan *plan, const bh_cost *cost);

#endif
