// SPDX-License-Identifier: Apache-2.0
// The public plan of a private inference: what both sides know. Encoded it is the
// manifest that a server sends (docs/protocol.md).
#ifndef BH_INFER_PLAN_H
#define BH_INFER_PLAN_H

#include "bayhenn/session.h"
#include "infer/cost.h"
#include "infer/script.h"
#include "linear/choose.h"
#include "model/graph.h"

// The parameter set that a guard uses; NULL for a number that is no guard.
const char *bh_guard_params(bh_guard guard);

// Limits on what one layer of a query may cost: bytes of a message, values of a tensor
// over all samples, inputs that all windows of its pools read over all samples.
#define BH_PLAN_MESSAGE_MAX (UINT64_C(1) << 28)
#define BH_PLAN_VALUES_MAX  (UINT64_C(1) << 25)
#define BH_PLAN_POOL_MAX    (UINT64_C(1) << 30)
// And what prepared queries under `sealed`, with the one under way, may take at the
// client: bytes.
#define BH_PLAN_UNITS_MAX (UINT64_C(1) << 31)

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
    // Of guard `sealed`:
    bh_reveal reveal;
    uint32_t logit_bits, ahead;
    bh_supplier_kind supplier;
    bh_script *script; // owned; NULL under `sampled`
} bh_plan;

typedef struct bh_plan_options {
    bh_guard guard;
    uint32_t samples;
    bh_reveal reveal;           // of `sealed`, as the two below
    uint32_t logit_bits, ahead; // 0: the default
} bh_plan_options;

// Plans a quantised graph: l from the accumulators' bound, packings by the predicted
// latency of a query (infer/select.h), or, under `sealed`, by what preparing one takes.
// Checks every bound. Errors: BH_ERR_STATE (not
// quantised), BH_ERR_RANGE (an accumulator needs more than BH_T_BITS_MAX bits),
// BH_ERR_NOISE, BH_ERR_PARAMS, BH_ERR_TOO_LARGE, each with a sentence that names the
// layer.
bh_status bh_plan_new(bh_plan **out, const bh_graph *graph,
                      const bh_plan_options *options, const bh_cost *cost,
                      bh_error *err) BH_MUST_CHECK;
void bh_plan_free(bh_plan *plan);

// Linear layer i.
bh_linear_shape bh_plan_shape(const bh_plan *plan, uint32_t i);

// Bytes of one input's uploads, and of one sample's answers.
size_t bh_plan_upload_bytes(const bh_plan *plan, uint32_t layer);
size_t bh_plan_answer_bytes(const bh_plan *plan, uint32_t layer);
// Where each answer of a sample begins in its bytes: n_answers numbers.
void bh_plan_answer_starts(const bh_plan *plan, uint32_t layer, size_t *starts);

void bh_plan_write(const bh_plan *plan, bh_writer *w);
// Re-derives and re-checks everything that bh_plan_new does: a manifest's sender is not
// trusted.
bh_status bh_plan_read(bh_plan **out, bh_reader *r, bh_error *err) BH_MUST_CHECK;

// The most that any linear layer has, of one input or sample.
typedef struct bh_plan_largest {
    size_t in, out;              // values
    size_t n_uploads, n_answers; // ciphertexts
} bh_plan_largest;
bh_plan_largest bh_plan_largest_of(const bh_plan *plan);

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
