// SPDX-License-Identifier: Apache-2.0
// What a plan may ask of anybody: a manifest's sender is not trusted to be modest.
#include "base/error.h"
#include "infer/plan_steps.h"
#include "infer/unit.h"

bh_status bh_plan_check_options(const bh_plan_options *o, bh_error *err)
{
    if (bh_guard_name(o->guard) == NULL) {
        return bh_fail(err, BH_ERR_PARAMS, "unknown guard %d", (int)o->guard);
    }
    if (o->samples < 1 || o->samples > BH_SAMPLES_MAX) {
        return bh_fail(err, BH_ERR_PARAMS, "%u samples: 1 to %d are possible",
                       o->samples, BH_SAMPLES_MAX);
    }
    if (o->guard != BH_GUARD_SEALED) {
        return o->reveal == BH_REVEAL_LOGITS && o->logit_bits == 0 && o->ahead == 0
                   ? BH_OK
                   : bh_fail(err, BH_ERR_PARAMS,
                             "what is revealed, and how much is prepared in a session, "
                             "can be chosen under guard 'sealed' only");
    }
    if (o->reveal != BH_REVEAL_LOGITS && o->reveal != BH_REVEAL_LABEL) {
        return bh_fail(err, BH_ERR_PARAMS, "logits or the label can be revealed");
    }
    if (o->logit_bits > BH_LOGIT_BITS_MAX || o->ahead > BH_AHEAD_MAX) {
        return bh_fail(err, BH_ERR_PARAMS,
                       "logits keep 1 to %d fraction bits, and a session prepares 1 to "
                       "%d queries",
                       BH_LOGIT_BITS_MAX, BH_AHEAD_MAX);
    }
    return BH_OK;
}

// What a query makes a client hold and compute for one layer, besides ciphertexts: a
// manifest's sender is not trusted to be modest.
bool bh_plan_is_affordable(const bh_plan *plan, uint32_t i)
{
    const bh_linear *l = &plan->layers[i].linear;
    uint64_t inputs = (uint64_t)bh_linear_in_len(l) * plan->layers[i].repeats.inputs;
    uint64_t outputs = (uint64_t)bh_linear_out_len(l) * plan->samples;
    uint64_t reads = 0; // of pools
    const bh_graph *g = plan->graph;
    for (uint32_t at = bh_graph_linear_index(g, i) + 1;
         at < g->n_layers && !bh_layer_is_linear(&g->layers[at]); at++) {
        reads += bh_layer_pool_reads(&g->layers[at]);
    }
    return inputs <= BH_PLAN_VALUES_MAX && outputs <= BH_PLAN_VALUES_MAX &&
           reads * plan->samples <= BH_PLAN_POOL_MAX;
}

// Under `sealed` everything is prepared in one message each way.
bh_status bh_plan_check_units(const bh_plan *plan, bh_error *err)
{
    if (plan->script == NULL) {
        return BH_OK;
    }
    bh_plan_totals sum = bh_plan_sum(plan);
    uint64_t up = sum.bytes_up, down = sum.bytes_down;
    up += bh_supplier_batch_bytes(plan->supplier, plan->script->transfers, 0);
    down += bh_supplier_batch_bytes(plan->supplier, plan->script->transfers, 1);
    if (up > BH_PLAN_MESSAGE_MAX || down > BH_PLAN_MESSAGE_MAX ||
        bh_unit_bytes(plan, true) > BH_PLAN_UNITS_MAX / (plan->ahead + 1)) {
        return bh_fail(err, BH_ERR_TOO_LARGE,
                       "preparing queries would take messages of more than 256 MiB, or "
                       "more than 2 GiB of a client's memory: take fewer samples, or "
                       "prepare fewer queries ahead");
    }
    return BH_OK;
}
