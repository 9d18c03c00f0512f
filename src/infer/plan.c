// SPDX-License-Identifier: Apache-2.0
#include "infer/plan.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "infer/plan_steps.h"
#include "infer/select.h"
#include "infer/unit.h"

static const bh_layer *layer_of(const bh_plan *plan, uint32_t i)
{
    return &plan->graph->layers[bh_graph_linear_index(plan->graph, i)];
}

bh_linear_shape bh_plan_shape(const bh_plan *plan, uint32_t i)
{
    const bh_layer *layer = layer_of(plan, i);
    return (bh_linear_shape){
        .in_channels = layer->in.channels,
        .in_height = layer->in.height,
        .in_width = layer->in.width,
        .out_channels = layer->out_channels,
        .kernel_h = layer->kernel_h,
        .kernel_w = layer->kernel_w,
        .stride = layer->stride,
        .pad = layer->pad,
    };
}

bh_status bh_plan_refuse(bh_error *err, bh_status status, uint32_t i, const char *why)
{
    return bh_fail(err, status, "linear layer %u: %s", i + 1, why);
}

// The smallest l with 2^(l-1) above every accumulator and every input.
static unsigned t_bits_for(const bh_quant *q)
{
    uint64_t largest = q->acc_max > BH_INPUT_MAX ? q->acc_max : BH_INPUT_MAX;
    unsigned bits = 1;
    while (largest >> (bits - 1) != 0) {
        bits++;
    }
    return bits;
}

bh_status bh_plan_finish_layer(const bh_plan *plan, uint32_t i, bh_error *err)
{
    bh_plan_layer *l = &plan->layers[i];
    const bh_quant *q = &layer_of(plan, i)->quant;
    l->repeats = bh_repeats_of(i, plan->samples);
    l->bytes_up = bh_linear_bytes_up(&l->linear, plan->he, l->repeats);
    l->bytes_down = bh_linear_bytes_down(&l->linear, plan->he, l->t_bits, l->repeats);
    if (l->bytes_up > BH_PLAN_MESSAGE_MAX || l->bytes_down > BH_PLAN_MESSAGE_MAX) {
        return bh_plan_refuse(err, BH_ERR_TOO_LARGE, i,
                              "its messages would exceed 256 MiB");
    }
    if (!bh_plan_is_affordable(plan, i)) {
        return bh_plan_refuse(err, BH_ERR_TOO_LARGE, i,
                              "its tensors or pools are too large for so many samples");
    }
    l->ciphertexts_up = l->linear.n_uploads * l->repeats.inputs;
    l->ciphertexts_down = l->linear.n_answers * l->repeats.samples;
    bh_status status = bh_noise_of_answer(plan->he, &l->noise,
                                          bh_linear_weights_per_answer(&l->linear),
                                          q->w_max, l->t_bits);
    if (status != BH_OK) {
        return bh_plan_refuse(err, status, i, bh_status_message(status));
    }
    return BH_OK;
}

bh_plan *bh_plan_start(bh_status *status, const bh_plan_options *o, bh_error *err)
{
    *status = bh_plan_check_options(o, err);
    if (*status != BH_OK) {
        return NULL;
    }
    bh_plan *plan = bh_alloc(1, sizeof *plan);
    bh_graph *graph = bh_alloc(1, sizeof *graph);
    if (plan == NULL || graph == NULL) {
        *status = bh_fail_plain(err, BH_ERR_NOMEM);
        bh_free(plan);
        bh_free(graph);
        return NULL;
    }
    plan->guard = o->guard;
    plan->samples = o->samples;
    plan->reveal = o->reveal;
    plan->logit_bits = o->logit_bits > 0 ? o->logit_bits : BH_LOGIT_BITS_DEFAULT;
    plan->ahead = o->ahead > 0 ? o->ahead : BH_AHEAD_DEFAULT;
    plan->graph = graph;
    *status = bh_he_new(&plan->he, bh_guard_params(o->guard), err);
    if (*status != BH_OK) {
        bh_plan_free(plan);
        return NULL;
    }
    return plan;
}

static bh_status find_t_bits(bh_plan *plan, bh_error *err)
{
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        plan->layers[i].t_bits = t_bits_for(&layer_of(plan, i)->quant);
        if (plan->layers[i].t_bits > BH_T_BITS_MAX) {
            return bh_plan_refuse(
                err, BH_ERR_RANGE, i,
                "its accumulators need more than 28 bits; quantise to fewer bits");
        }
    }
    return BH_OK;
}

static bh_status write_script(bh_plan *plan, bh_error *err)
{
    unsigned t_bits[BH_GRAPH_LAYERS_MAX];
    bh_script_options options = {.samples = plan->samples,
                                 .reveal = plan->reveal,
                                 .logit_bits = plan->logit_bits};
    bh_status status = bh_script_new(&plan->script, t_bits, plan->graph, &options, err);
    if (status != BH_OK) {
        return status;
    }
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        plan->layers[i].t_bits = t_bits[i];
    }
    for (uint32_t i = 0; i < plan->script->n_flights; i++) {
        if (plan->script->flight_bytes[i] > BH_PLAN_MESSAGE_MAX) {
            return bh_plan_refuse(err, BH_ERR_TOO_LARGE, plan->script->flight_layers[i],
                                  "its messages would exceed 256 MiB");
        }
    }
    return BH_OK;
}

bh_status bh_plan_start_layers(bh_plan *plan, bh_error *err)
{
    if (!plan->graph->quantised) {
        return bh_fail(err, BH_ERR_STATE, "the model is not quantised");
    }
    plan->n_layers = bh_graph_linear_count(plan->graph);
    plan->layers = bh_alloc(plan->n_layers, sizeof *plan->layers);
    if (plan->layers == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    return plan->guard == BH_GUARD_SEALED ? write_script(plan, err)
                                          : find_t_bits(plan, err);
}

static bh_status list_choices(const bh_plan *plan, uint32_t i, bh_candidates *out,
                              const bh_cost *cost, bh_error *err)
{
    const bh_plan_layer *l = &plan->layers[i];
    bh_linear_shape shape = bh_plan_shape(plan, i);
    bh_status status = bh_linear_choose(&out->linear, &shape, plan->he, l->t_bits,
                                        layer_of(plan, i)->quant.w_max);
    if (status != BH_OK) {
        return bh_plan_refuse(err, status, i,
                              status == BH_ERR_NOISE ? bh_status_message(status)
                                                     : "its shape fits no packing");
    }
    for (uint32_t k = 0; k < out->linear.count; k++) {
        out->stages[k] =
            bh_cost_stages(cost, &out->linear.items[k], plan->he, l->t_bits);
    }
    return BH_OK;
}

static bh_status choose_packings(const bh_plan *plan, const bh_cost *cost,
                                 bh_error *err)
{
    bh_candidates *choices = bh_alloc(plan->n_layers, sizeof *choices);
    if (choices == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = BH_OK;
    for (uint32_t i = 0; i < plan->n_layers && status == BH_OK; i++) {
        status = list_choices(plan, i, &choices[i], cost, err);
    }
    if (status == BH_OK && plan->guard == BH_GUARD_SEALED) {
        bh_select_work(choices, plan->n_layers, plan->samples, cost);
    } else if (status == BH_OK &&
               bh_select(choices, plan->n_layers, plan->samples, cost) != BH_OK) {
        status = bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (uint32_t i = 0; i < plan->n_layers && status == BH_OK; i++) {
        plan->layers[i].linear = choices[i].linear.items[choices[i].chosen];
        status = bh_plan_finish_layer(plan, i, err);
    }
    bh_free(choices);
    return status;
}

bh_status bh_plan_new(bh_plan **out, const bh_graph *graph,
                      const bh_plan_options *options, const bh_cost *cost,
                      bh_error *err)
{
    bh_status status;
    *out = NULL;
    bh_plan *plan = bh_plan_start(&status, options, err);
    if (plan == NULL) {
        return status;
    }
    *plan->graph = *graph;
    status = bh_plan_start_layers(plan, err);
    if (status == BH_OK && plan->script != NULL) {
        plan->supplier = bh_cost_supplier(cost, plan->script->transfers);
    }
    if (status == BH_OK) {
        status = choose_packings(plan, cost, err);
    }
    // What nobody asked for is made to fit.
    while (status == BH_OK && options->ahead == 0 && plan->ahead > 1 &&
           bh_plan_check_units(plan, NULL) != BH_OK) {
        plan->ahead--;
    }
    if (status == BH_OK) {
        status = bh_plan_check_units(plan, err);
    }
    if (status != BH_OK) {
        bh_plan_free(plan);
        return status;
    }
    *out = plan;
    return BH_OK;
}

void bh_plan_free(bh_plan *plan)
{
    if (plan != NULL) {
        bh_he_free(plan->he);
        bh_free(plan->graph);
        bh_free(plan->layers);
        bh_script_free(plan->script);
        bh_free(plan);
    }
}

bh_plan_totals bh_plan_sum(const bh_plan *plan)
{
    bh_plan_totals sum = {0};
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        sum.answers += plan->layers[i].ciphertexts_down;
        sum.bytes_up += plan->layers[i].bytes_up;
        sum.bytes_down += plan->layers[i].bytes_down;
    }
    return sum;
}

double bh_plan_distance_log2(const bh_plan *plan)
{
    double sum = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        double places = (double)bh_linear_out_len(&l->linear) * plan->samples;
        sum += places * exp2(-l->noise.statistical_bits);
    }
    return log2(sum);
}

double bh_plan_latency(const bh_plan *plan, const bh_cost *cost, bh_stages *stages,
                       double *done)
{
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        stages[i] = bh_cost_stages(cost, &l->linear, plan->he, l->t_bits);
    }
    return bh_pipeline_run(stages, plan->n_layers, plan->samples, cost, done);
}
