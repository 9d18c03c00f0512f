// SPDX-License-Identifier: Apache-2.0
// How long a query will take, layer by layer, and how long it took.
#ifndef BH_CLI_PLAN_TIME_H
#define BH_CLI_PLAN_TIME_H

#include <jansson.h>

#include "infer/plan.h"
#include "profile.h"
#include "ui.h"

// Milliseconds of a layer: computing at either side and on the link in each direction,
// summed over the samples, and since the query began when its last answer is decrypted.
typedef struct layer_time {
    double client, up, server, down, done;
} layer_time;

typedef struct plan_time {
    double total_ms;
    layer_time layers[BH_GRAPH_LAYERS_MAX];
} plan_time;

plan_time plan_time_predict(const bh_plan *plan, const bh_cost *cost);

// A table; with what was measured at the right unless that is NULL.
void plan_time_print(const bh_plan *plan, const bh_cost *cost, const profile *measured,
                     const ui *u);
// {"total": ..., "client": ..., ...}: of a layer.
json_t *plan_time_json(const layer_time *t);
json_t *plan_time_measured_json(const bh_client_layer *l);

// "conv 5x5 20-50", "fc 800-500".
const char *plan_describe(char *text, size_t size, const bh_plan *plan, uint32_t layer);
// "2/1 x4": input and output blocks, times tiles; "12/8": ciphertexts up and down.
const char *plan_blocks(char *text, size_t size, const bh_plan_layer *l);
const char *plan_ciphertexts(char *text, size_t size, const bh_plan_layer *l);

// The plan that a profile was measured with, which need not be the one that would be
// made here: packings are found by their bytes. Replaces *plan. BH_ERR_PARAMS with a
// sentence if the model or the number of samples was another one, BH_ERR_NOMEM.
bh_status plan_time_adopt(bh_plan **plan, const profile *measured,
                          bh_error *err) BH_MUST_CHECK;

#endif
