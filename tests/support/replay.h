// SPDX-License-Identifier: Apache-2.0
// The clear twin of guard `sealed`: replays a query with the weights and the shares
// that the hooks saw, and compares every linear layer, every truncation and the logits.
#ifndef BH_TESTS_SUPPORT_REPLAY_H
#define BH_TESTS_SUPPORT_REPLAY_H

#include "model/model.h"
#include "support/session.h"

typedef struct replay_counts {
    size_t accumulators, off_by_one; // of linear layers; shares whose sum is off by one
    size_t activations;              // equal to the replayed truncation
    size_t logits, label_differs;    // from exact integer inference with these weights
    size_t labels;    // opened alone: the largest sum of the query's truncated logits
    double deviation; // largest |logit - exact logit|, in real units
    double *exact;    // or NULL; [samples][classes]: exact logits of the last query
} replay_counts;

// One query, at most `chunk` bytes moved at a time, added to *counts; fails the test at
// the first difference.
void replay_query(session *p, const bh_model *model, const uint8_t *pixels,
                  size_t chunk, replay_counts *counts);

#endif
