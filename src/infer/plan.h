// SPDX-License-Identifier: Apache-2.0
// The public plan of a private inference: what both sides know. Encoded it is the
// manifest that a server sends (docs/protocol.md).
#ifndef BH_INFER_PLAN_H
#define BH_INFER_PLAN_H

#include "bayhenn/session.h"
#include "infer/cost.h"
#include "linear/choose.h"
#include "model/graph.h"

// The parameter set that a guard uses; NULL for a number that is no guard.
const char *bh_guard_params(bh_guard guard);

// Limits on what one layer of a query may cost: bytes of a message, values of a tensor
// over all samples, inputs that all windows of its pools read over all samples.
#define BH_PLAN_MESSAGE_MAX (UINT64_C(1) << 28)
#define BH_PLAN_VALUES_MAX  (UINT64_C(1) << 25)
#define BH_PLAN_POOL_MAX    (UINT64_C(1) << 30)

// One linear layer.
typedef struct bh_plan_layer {
    unsigned t_bits; // l: results lie in [-2^(l-1), 2^(l-1))
    bh_linear linear;
    bh_repeats repeats; // inputs: 1 at the first layer, S after it
    bh_noise noise;
    // Of one query, all samples: ciphertexts, and bytes of the packed ciphertexts.
    uint32_t ciphertexts_up, ciphertexts_down;
    uint64_t bytes_up, bytes_down;
} bh_plan_layer;

typedef struct bh_plan {
    bh_guard guard;
    uint32_t samples;
    bh_he *he;       // owned
    bh_graph *graph; // owned copy
    uint32_t n_layers;
    bh_plan_layer *layers; // one per linear layer of the graph
} bh_plan;

// Plans a quantised graph: l from the accumulators' bound, packings by the predicted
// latency of a query (infer/select.h). Checks every bound. Errors: BH_ERR_STATE (not
// quantised), BH_ERR_RANGE (an accumulator needs more than BH_T_BITS_MAX bits),
// BH_ERR_NOISE, BH_ERR_PARAMS, BH_ERR_TOO_LARGE, each with a sentence that names the
// layer.
bh_status bh_plan_new(bh_plan **out, const bh_graph *graph, bh_guard guard,
                      uint32_t samples, const bh_cost *cost,
                      bh_error *err) BH_MUST_CHECK;
void bh_plan_free(bh_plan *plan);

void bh_plan_write(const bh_plan *plan, bh_writer *w);
// Re-derives and re-checks everything that bh_plan_new does: a manifest's sender is not
// trusted.
bh_status bh_plan_read(bh_plan **out, bh_reader *r, bh_error *err) BH_MUST_CHECK;

// Sums over the layers of one query.
typedef struct bh_plan_totals {
    uint64_t answers; // ciphertexts that a server sanitises: BH_ANSWERS_PER_KEY_MAX
    uint64_t bytes_up, bytes_down;
} bh_plan_totals;

bh_plan_totals bh_plan_sum(const bh_plan *plan);
// The predicted nanoseconds of a query, and of each layer the stages of a sample and
// when its last answer is decrypted: n_layers each.
double bh_plan_latency(const bh_plan *plan, const bh_cost *cost, bh_stages *stages,
                       double *done);
// log2 of the statistical distance between all kept coefficients of a query and ideally
// flooded ones: the sum over coefficients (R1).
double bh_plan_distance_log2(const bh_plan *plan);

#endif
