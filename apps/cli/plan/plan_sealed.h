// SPDX-License-Identifier: Apache-2.0
// A plan of guard `sealed`: what is prepared, and what a query takes then.
#ifndef BH_CLI_PLAN_SEALED_H
#define BH_CLI_PLAN_SEALED_H

#include "infer/plan.h"
#include "ui.h"

void plan_sealed_print(const bh_plan *plan, const bh_cost *cost, const ui *u);
// A line of JSON on stdout.
void plan_sealed_print_json(const bh_plan *plan, const bh_cost *cost);

#endif
