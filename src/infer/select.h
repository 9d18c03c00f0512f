// SPDX-License-Identifier: Apache-2.0
// Choosing the packings of all layers together, for the latency of a whole query.
#ifndef BH_INFER_SELECT_H
#define BH_INFER_SELECT_H

#include "infer/cost.h"

// The choices of one layer and what each costs.
typedef struct bh_candidates {
    bh_linear_choices linear;
    bh_stages stages[BH_LINEAR_CHOICES_MAX];
    uint32_t chosen;
    uint32_t best; // of the descents so far
} bh_candidates;

// Sets `chosen` of every layer. BH_ERR_NOMEM.
bh_status bh_select(bh_candidates *layers, uint32_t n_layers, uint32_t samples,
                    const bh_cost *cost) BH_MUST_CHECK;

// Sets `chosen` of every layer to the least work and carrying, for layers that are all
// computed at once and ahead of what waits for them (guard `sealed`).
void bh_select_work(bh_candidates *layers, uint32_t n_layers, uint32_t samples,
                    const bh_cost *cost);

// What bh_select makes small for the choices as they are: nanoseconds from a query's
// start to its end, plus a thousandth of all that is computed and sent meanwhile, so
// that what does not delay anything is not wasted either. On a link where only bytes
// count (BH_LINK_BYTES_ONLY) the time that the bytes take replaces the former.
// scratch: n_layers.
double bh_select_objective(const bh_candidates *layers, uint32_t n_layers,
                           uint32_t samples, const bh_cost *cost, bh_stages *scratch);

#endif
