// SPDX-License-Identifier: Apache-2.0
// What `plan` says of guard `sealed`: the layers sum up to the script, and to what is
// known of a network; slower links and machines take longer.
#include <math.h>

#include "infer/sealed_cost.h"
#include "model/deviation.h"
#include "model/synthetic.h"
#include "support/test.h"

static bh_plan *plan_of(const char *net, uint32_t samples, bh_reveal reveal)
{
    bh_model *m;
    bh_plan *plan;
    bh_error err;
    bh_cost cost = bh_cost_default();
    const bh_plan_options options = {
        .guard = BH_GUARD_SEALED, .samples = samples, .reveal = reveal};
    assert_ok(bh_model_synthetic(&m, net, 1, &err));
    assert_ok(bh_plan_new(&plan, &m->graph, &options, &cost, &err));
    bh_model_free(m);
    return plan;
}

static void check_sums(const bh_plan *plan)
{
    const bh_script *s = plan->script;
    bh_sealed_count all = bh_sealed_count_all(plan), sum = {0};
    uint64_t bytes[2] = {0, 0};
    for (uint32_t i = 0; i < s->n_flights; i++) {
        bytes[i % 2] += s->flight_bytes[i];
    }
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        bh_sealed_count layer = bh_sealed_count_layer(plan, i);
        sum.comparisons += layer.comparisons;
        sum.flights += layer.flights;
    }
    uint64_t comparisons = 0;
    for (uint32_t i = 0; i < s->n_moves; i++) {
        comparisons += s->moves[i].gate_len;
    }
    assert_int_equal(all.comparisons, comparisons);
    assert_int_equal(sum.comparisons, comparisons);
    assert_int_equal(all.bytes_up, bytes[0]);
    assert_int_equal(all.bytes_down, bytes[1]);
    assert_int_equal(all.flights, s->n_flights);
    assert_int_equal(sum.flights, s->n_flights);
    assert_true(all.off_by_one > 0);
}

static void test_sums(void **state)
{
    (void)state;
    static const char *const nets[] = {"lenet5", "netd", "lenet-caffe"};
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        for (int reveal = BH_REVEAL_LOGITS; reveal <= BH_REVEAL_LABEL; reveal++) {
            bh_plan *plan = plan_of(nets[i], 1 + (uint32_t)i, (bh_reveal)reveal);
            check_sums(plan);
            bh_plan_free(plan);
        }
    }
}

// Pools of 2 x 2 windows take 3 comparisons each, and a clamp at either end follows.
static void test_known_network(void **state)
{
    (void)state;
    bh_plan *plan = plan_of("lenet-caffe", 1, BH_REVEAL_LOGITS);
    assert_in_range(bh_sealed_count_layer(plan, 0).comparisons, 4 * 2880, 5 * 2880);
    assert_in_range(bh_sealed_count_layer(plan, 1).comparisons, 4 * 800, 5 * 800);
    assert_in_range(bh_sealed_count_layer(plan, 2).comparisons, 500, 1000);
    assert_int_equal(bh_sealed_count_layer(plan, 3).comparisons, 0);
    assert_int_equal(bh_sealed_count_layer(plan, 3).flights, 1); // opened
    bh_plan_free(plan);
}

static void test_latency(void **state)
{
    (void)state;
    bh_plan *plan = plan_of("lenet5", 8, BH_REVEAL_LOGITS);
    bh_cost near = bh_cost_default(), far = near, slow = near;
    far.link.rtt_seconds += 0.04;
    slow.link.bytes_per_second /= 2;
    bh_sealed_latency t = bh_sealed_latency_of(plan, &near);
    bh_sealed_latency u = bh_sealed_latency_of(plan, &far);
    bh_sealed_latency v = bh_sealed_latency_of(plan, &slow);
    bh_sealed_count all = bh_sealed_count_all(plan);
    double bytes = (double)(all.bytes_up + all.bytes_down);
    assert_true(fabs((u.online - t.online) / (all.flights * 0.02e9) - 1) < 1e-9);
    assert_true(fabs((u.prepare - t.prepare) / 0.04e9 - 1) < 1e-9);
    assert_true(fabs((v.online - t.online) / (bytes * 8) - 1) < 1e-9);
    assert_true(v.prepare > t.prepare);
    bh_plan_free(plan);
}

static void test_deviation(void **state)
{
    (void)state;
    bh_plan *plan = plan_of("netd", 1, BH_REVEAL_LOGITS);
    double unit = bh_graph_logit_scale(plan->graph);
    double least = bh_sealed_logit_deviation(plan, 0);
    // By default a logit keeps 8 fraction bits.
    assert_true(least >= 0 && least <= 1.0 / 256);
    assert_true(fabs(bh_sealed_logit_deviation(plan, 1000) - least - 1000 * unit) <
                1e-9);
    bh_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_known_network),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
