// SPDX-License-Identifier: Apache-2.0
// Plans: what a server plans a client accepts, and what a server must not ask for a
// client refuses, whoever wrote the manifest.
#include <string.h>

#include "base/memory.h"
#include "infer/plan.h"
#include "support/test.h"

// A quantised graph of one fully connected layer.
static bh_graph *fully_connected(uint32_t side, uint32_t classes, uint64_t acc_max)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    *g = (bh_graph){
        .name = "fc", .n_layers = 1, .n_classes = classes, .quantised = true};
    g->input = (bh_input){.shape = {1, side, side}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = classes};
    g->layers[0].quant = (bh_quant){
        .x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 127, .acc_max = acc_max};
    assert_ok(bh_graph_check(g, NULL));
    return g;
}

// conv2d 1 x 1, a pool, fully connected.
static bh_graph *pooled(uint32_t side, uint32_t kernel, uint32_t stride)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    *g = (bh_graph){.name = "pool", .n_layers = 3, .n_classes = 2, .quantised = true};
    g->input = (bh_input){.shape = {1, side, side}, .dev = {1}};
    bh_quant quant = {
        .x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 127, .acc_max = 32767};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 1,
                              .kernel_h = 1,
                              .kernel_w = 1,
                              .stride = 1,
                              .quant = quant};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_MAX_POOL,
                              .kernel_h = kernel,
                              .kernel_w = kernel,
                              .stride = stride};
    quant.shift = 1;
    quant.x_scale = 2;
    g->layers[2] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2, .quant = quant};
    return g;
}

static bh_status plan_of(bh_plan **plan, const bh_graph *g, uint32_t samples)
{
    bh_error err = {0};
    bh_cost cost = bh_cost_default();
    bh_status status = bh_plan_new(
        plan, g,
        &(const bh_plan_options){.guard = BH_GUARD_SAMPLED, .samples = samples}, &cost,
        &err);
    assert_true(status == BH_OK || err.message[0] != '\0');
    return status;
}

// Writes the plan as it is and reads it as a client does.
static bh_status reread(const bh_plan *plan)
{
    bh_writer first = {0}, second = {0};
    bh_plan *copy;
    bh_error err = {0};
    bh_plan_write(plan, &first);
    bh_reader r = bh_reader_over(first.data, first.len);
    bh_status status = bh_plan_read(&copy, &r, &err);
    if (status == BH_OK) {
        assert_ok(bh_reader_finish(&r));
        bh_plan_write(copy, &second);
        assert_int_equal(second.len, first.len);
        assert_memory_equal(second.data, first.data, first.len);
        bh_plan_free(copy);
    } else {
        assert_true(err.message[0] != '\0');
    }
    bh_writer_clear(&first);
    bh_writer_clear(&second);
    return status;
}

static void test_round_trip(void **state)
{
    (void)state;
    bh_graph *g = fully_connected(28, 10, (1 << 20) - 1);
    bh_plan *plan;
    assert_ok(plan_of(&plan, g, 8));
    assert_int_equal(plan->layers[0].t_bits, 21);
    assert_ok(reread(plan));
    // One bit more is wasteful and harmless; one fewer would lose results.
    plan->layers[0].t_bits = 22;
    assert_ok(reread(plan));
    plan->layers[0].t_bits = 20;
    assert_status(reread(plan), BH_ERR_RANGE);
    plan->layers[0].t_bits = BH_T_BITS_MAX + 1;
    assert_status(reread(plan), BH_ERR_RANGE);
    plan->layers[0].t_bits = 21;
    plan->samples = BH_SAMPLES_MAX + 1;
    assert_status(reread(plan), BH_ERR_PARAMS);
    plan->samples = 8;
    plan->layers[0].linear.packing.c_i = 0;
    assert_status(reread(plan), BH_ERR_PARAMS);
    bh_plan_free(plan);
    bh_free(g);
}

// A packing with so many weights in one answer that F < 2^40 B: the planner avoids it,
// a client refuses it.
static void test_noise_is_checked(void **state)
{
    (void)state;
    bh_graph *g = fully_connected(64, 40, (1 << 27) - 1);
    bh_plan *plan;
    assert_ok(plan_of(&plan, g, 1));
    assert_int_equal(plan->layers[0].t_bits, 28);
    assert_true(plan->layers[0].noise.statistical_bits >= 41);
    assert_ok(reread(plan));
    bh_linear *l = &plan->layers[0].linear;
    bh_linear_shape shape = l->shape;
    assert_ok(bh_linear_init(l, &shape, &(bh_packing){100, 40, 1, 1}, l->n));
    assert_status(reread(plan), BH_ERR_NOISE);
    bh_plan_free(plan);
    bh_free(g);
}

static void test_impossible(void **state)
{
    (void)state;
    bh_plan *plan;
    bh_graph *g = fully_connected(28, 10, (1 << 28) - 1); // l = 29
    assert_status(plan_of(&plan, g, 1), BH_ERR_RANGE);
    g->quantised = false;
    assert_status(plan_of(&plan, g, 1), BH_ERR_STATE);
    bh_free(g);
}

// What a manifest may make a client hold and compute.
static void test_costs_are_bounded(void **state)
{
    (void)state;
    bh_plan *plan;
    bh_graph *g = pooled(512, 8, 8);
    assert_ok(bh_graph_check(g, NULL));
    assert_ok(plan_of(&plan, g, 8));
    // The same for more samples than memory was meant for: 2^18 values each.
    plan->samples = 256;
    assert_status(reread(plan), BH_ERR_TOO_LARGE);
    bh_plan_free(plan);
    bh_free(g);
    // 2^26 inputs read by the windows of one pool: allowed once, not 256 times.
    g = pooled(129, 65, 1);
    assert_ok(bh_graph_check(g, NULL));
    assert_ok(plan_of(&plan, g, 1));
    plan->samples = 256;
    assert_status(reread(plan), BH_ERR_TOO_LARGE);
    bh_plan_free(plan);
    bh_free(g);
    // More than that is no graph at all.
    g = pooled(1024, 512, 1);
    assert_status(bh_graph_check(g, NULL), BH_ERR_ENCODING);
    bh_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_noise_is_checked),
        cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_costs_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
