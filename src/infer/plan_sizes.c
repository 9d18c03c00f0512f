// SPDX-License-Identifier: Apache-2.0
// Sizes and places that both sides derive from the plan.
#include "infer/plan.h"

size_t bh_plan_upload_bytes(const bh_plan *plan, uint32_t layer)
{
    const bh_plan_layer *l = &plan->layers[layer];
    return (size_t)(l->bytes_up / l->repeats.inputs);
}

size_t bh_plan_answer_bytes(const bh_plan *plan, uint32_t layer)
{
    const bh_plan_layer *l = &plan->layers[layer];
    return (size_t)(l->bytes_down / l->repeats.samples);
}

void bh_plan_answer_starts(const bh_plan *plan, uint32_t layer, size_t *starts)
{
    const bh_plan_layer *l = &plan->layers[layer];
    size_t at = 0;
    for (uint32_t a = 0; a < l->linear.n_answers; a++) {
        starts[a] = at;
        at +=
            bh_he_answer_bytes(plan->he, bh_linear_n_places(&l->linear, a), l->t_bits);
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

bh_plan_largest bh_plan_largest_of(const bh_plan *plan)
{
    bh_plan_largest most = {0};
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_linear *l = &plan->layers[i].linear;
        most.in = larger(most.in, bh_linear_in_len(l));
        most.out = larger(most.out, bh_linear_out_len(l));
        most.n_uploads = larger(most.n_uploads, l->n_uploads);
        most.n_answers = larger(most.n_answers, l->n_answers);
    }
    return most;
}
