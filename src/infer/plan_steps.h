// SPDX-License-Identifier: Apache-2.0
// The steps that making a plan and reading one have in common.
#ifndef BH_INFER_PLAN_STEPS_H
#define BH_INFER_PLAN_STEPS_H

#include "infer/plan.h"

// Every option in its range.
bh_status bh_plan_check_options(const bh_plan_options *o, bh_error *err) BH_MUST_CHECK;
// Whether a client can hold and compute what a query takes for layer i.
bool bh_plan_is_affordable(const bh_plan *plan, uint32_t i);

// A plan without graph and layers, its graph allocated; NULL, and *status says why, if
// there can be none.
bh_plan *bh_plan_start(bh_status *status, const bh_plan_options *o, bh_error *err);
// With the graph in place: layers, their l and, under `sealed`, the script.
bh_status bh_plan_start_layers(bh_plan *plan, bh_error *err) BH_MUST_CHECK;
// Fills what follows from t_bits and the packing of layer i, and checks every bound.
bh_status bh_plan_finish_layer(const bh_plan *plan, uint32_t i,
                               bh_error *err) BH_MUST_CHECK;
// With all layers finished: that a client can afford to prepare a query.
bh_status bh_plan_check_units(const bh_plan *plan, bh_error *err) BH_MUST_CHECK;
// A sentence that names linear layer i.
bh_status bh_plan_refuse(bh_error *err, bh_status status, uint32_t i, const char *why);

#endif
