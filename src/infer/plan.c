// SPDX-License-Identifier: Apache-2.0
#include "infer/plan.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "infer/select.h"

static bh_linear_shape shape_of(const bh_layer *layer)
{
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

static const bh_layer *layer_of(const bh_plan *plan, uint32_t i)
{
    return &plan->graph->layers[bh_graph_linear_index(plan->graph, i)];
}

static bh_status refuse(bh_error *err, bh_status status, uint32_t i, const char *why)
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

// What a query makes a client hold and compute for one layer, besides ciphertexts: a
// manifest's sender is not trusted to be modest.
static bool client_can_afford(const bh_plan *plan, uint32_t i)
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

// Fills what follows from t_bits and the packing, and checks every bound.
static bh_status finish_layer(const bh_plan *plan, uint32_t i, bh_error *err)
{
    bh_plan_layer *l = &plan->layers[i];
    const bh_quant *q = &layer_of(plan, i)->quant;
    l->repeats = bh_repeats_of(i, plan->samples);
    l->bytes_up = bh_linear_bytes_up(&l->linear, plan->he, l->repeats);
    l->bytes_down = bh_linear_bytes_down(&l->linear, plan->he, l->t_bits, l->repeats);
    if (l->bytes_up > BH_PLAN_MESSAGE_MAX || l->bytes_down > BH_PLAN_MESSAGE_MAX) {
        return refuse(err, BH_ERR_TOO_LARGE, i, "its messages would exceed 256 MiB");
    }
    if (!client_can_afford(plan, i)) {
        return refuse(err, BH_ERR_TOO_LARGE, i,
                      "its tensors or pools are too large for so many samples");
    }
    l->ciphertexts_up = l->linear.n_uploads * l->repeats.inputs;
    l->ciphertexts_down = l->linear.n_answers * l->repeats.samples;
    bh_status status = bh_noise_of_answer(plan->he, &l->noise,
                                          bh_linear_weights_per_answer(&l->linear),
                                          q->w_max, l->t_bits);
    if (status != BH_OK) {
        return refuse(err, status, i, bh_status_message(status));
    }
    return BH_OK;
}

// A plan without layers; NULL, and *status says why, if there can be none.
static bh_plan *start(bh_status *status, bh_guard guard, uint32_t samples,
                      bh_error *err)
{
    if (bh_guard_name(guard) == NULL) {
        *status = bh_fail(err, BH_ERR_PARAMS, "unknown guard %d", (int)guard);
        return NULL;
    }
    if (samples < 1 || samples > BH_SAMPLES_MAX) {
        *status = bh_fail(err, BH_ERR_PARAMS, "%u samples: 1 to %d are possible",
                          samples, BH_SAMPLES_MAX);
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
    plan->guard = guard;
    plan->samples = samples;
    plan->graph = graph;
    *status = bh_he_new(&plan->he, bh_guard_params(guard), err);
    if (*status != BH_OK) {
        bh_plan_free(plan);
        return NULL;
    }
    return plan;
}

// Hands a finished plan out, or frees what could not be finished.
static bh_status conclude(bh_plan **out, bh_plan *plan, bh_status status)
{
    if (status != BH_OK) {
        bh_plan_free(plan);
        return status;
    }
    *out = plan;
    return BH_OK;
}

static bh_status allocate_layers(bh_plan *plan, bh_error *err)
{
    if (!plan->graph->quantised) {
        return bh_fail(err, BH_ERR_STATE, "the model is not quantised");
    }
    plan->n_layers = bh_graph_linear_count(plan->graph);
    plan->layers = bh_alloc(plan->n_layers, sizeof *plan->layers);
    return plan->layers != NULL ? BH_OK : bh_fail_plain(err, BH_ERR_NOMEM);
}

static bh_status list_choices(const bh_plan *plan, uint32_t i, bh_candidates *out,
                              const bh_cost *cost, bh_error *err)
{
    bh_plan_layer *l = &plan->layers[i];
    bh_linear_shape shape = shape_of(layer_of(plan, i));
    l->t_bits = t_bits_for(&layer_of(plan, i)->quant);
    if (l->t_bits > BH_T_BITS_MAX) {
        return refuse(
            err, BH_ERR_RANGE, i,
            "its accumulators need more than 28 bits; quantise to fewer bits");
    }
    bh_status status = bh_linear_choose(&out->linear, &shape, plan->he, l->t_bits,
                                        layer_of(plan, i)->quant.w_max);
    if (status != BH_OK) {
        return refuse(err, status, i,
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
    if (status == BH_OK &&
        bh_select(choices, plan->n_layers, plan->samples, cost) != BH_OK) {
        status = bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (uint32_t i = 0; i < plan->n_layers && status == BH_OK; i++) {
        plan->layers[i].linear = choices[i].linear.items[choices[i].chosen];
        status = finish_layer(plan, i, err);
    }
    bh_free(choices);
    return status;
}

bh_status bh_plan_new(bh_plan **out, const bh_graph *graph, bh_guard guard,
                      uint32_t samples, const bh_cost *cost, bh_error *err)
{
    bh_status status;
    *out = NULL;
    bh_plan *plan = start(&status, guard, samples, err);
    if (plan == NULL) {
        return status;
    }
    *plan->graph = *graph;
    status = allocate_layers(plan, err);
    if (status == BH_OK) {
        status = choose_packings(plan, cost, err);
    }
    return conclude(out, plan, status);
}

void bh_plan_free(bh_plan *plan)
{
    if (plan != NULL) {
        bh_he_free(plan->he);
        bh_free(plan->graph);
        bh_free(plan->layers);
        bh_free(plan);
    }
}

void bh_plan_write(const bh_plan *plan, bh_writer *w)
{
    bh_writer_u8(w, (uint8_t)plan->guard);
    bh_writer_u32(w, plan->samples);
    bh_writer_text(w, bh_he_name(plan->he));
    bh_graph_write(plan->graph, w);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        bh_writer_u8(w, (uint8_t)l->t_bits);
        bh_writer_u32(w, l->linear.packing.c_i);
        bh_writer_u32(w, l->linear.packing.c_o);
        bh_writer_u32(w, l->linear.packing.tile_height);
        bh_writer_u32(w, l->linear.packing.tile_width);
    }
}

static bh_status read_layer(const bh_plan *plan, uint32_t i, bh_reader *r,
                            bh_error *err)
{
    bh_plan_layer *l = &plan->layers[i];
    const bh_layer *layer = layer_of(plan, i);
    l->t_bits = bh_reader_u8(r);
    bh_packing packing = {.c_i = bh_reader_u32(r), .c_o = bh_reader_u32(r)};
    packing.tile_height = bh_reader_u32(r);
    packing.tile_width = bh_reader_u32(r);
    if (r->status != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest ends too early");
    }
    if (l->t_bits < t_bits_for(&layer->quant) || l->t_bits > BH_T_BITS_MAX) {
        return refuse(err, BH_ERR_RANGE, i, "its accumulators do not fit its modulus");
    }
    bh_linear_shape shape = shape_of(layer);
    bh_status status =
        bh_linear_init(&l->linear, &shape, &packing, bh_he_degree(plan->he));
    if (status != BH_OK) {
        return refuse(err, status, i, "its packing is impossible");
    }
    return finish_layer(plan, i, err);
}

bh_status bh_plan_read(bh_plan **out, bh_reader *r, bh_error *err)
{
    char params[64];
    bh_status status;
    bh_guard guard = bh_reader_u8(r);
    uint32_t samples = bh_reader_u32(r);
    bh_reader_text(r, params, sizeof params);
    *out = NULL;
    if (r->status != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest ends too early");
    }
    bh_plan *plan = start(&status, guard, samples, err);
    if (plan == NULL) {
        return status;
    }
    if (strcmp(params, bh_guard_params(guard)) != 0) {
        status = bh_fail(err, BH_ERR_PARAMS, "guard '%s' with parameter set '%s'",
                         bh_guard_name(guard), params);
        return conclude(out, plan, status);
    }
    status = bh_graph_read(plan->graph, r, err);
    if (status == BH_OK) {
        status = allocate_layers(plan, err);
    }
    for (uint32_t i = 0; status == BH_OK && i < plan->n_layers; i++) {
        status = read_layer(plan, i, r, err);
    }
    return conclude(out, plan, status);
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
