// SPDX-License-Identifier: Apache-2.0
// Sizes and places that both sides derive from the plan.
#include "infer/sampled.h"

size_t bh_sampled_upload_bytes(const bh_plan *plan, uint32_t layer)
{
    const bh_plan_layer *l = &plan->layers[layer];
    return (size_t)(l->bytes_up / l->repeats.inputs);
}

size_t bh_sampled_answer_bytes(const bh_plan *plan, uint32_t layer)
{
    const bh_plan_layer *l = &plan->layers[layer];
    return (size_t)(l->bytes_down / l->repeats.samples);
}

void bh_sampled_answer_starts(const bh_plan *plan, uint32_t layer, size_t *starts)
{
    const bh_plan_layer *l = &plan->layers[layer];
    size_t at = 0;
    for (uint32_t a = 0; a < l->linear.n_answers; a++) {
        starts[a] = at;
        at +=
            bh_he_answer_bytes(plan->he, bh_linear_n_places(&l->linear, a), l->t_bits);
    }
}
