// SPDX-License-Identifier: Apache-2.0
// The planner: links by name, the pipeline's simulation against cases worked out by
// hand, the choice of packings against exhaustive search, calibration.
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "infer/calibrate.h"
#include "infer/plan.h"
#include "infer/select.h"
#include "model/synthetic.h"
#include "support/faults.h"
#include "support/test.h"

// ---- links ----

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double bytes_per_second, rtt_seconds;
    } good[] = {
        {"10gbit", 1.25e9, 0.2e-3},
        {"1gbit", 125e6, 0.2e-3},
        {"100mbit", 12.5e6, 20e-3},
        {"100mbit,40ms", 12.5e6, 40e-3},
        {"56kbit,1s", 7e3, 1},
        {"2e6,250us", 2e6, 250e-6},
        {"0.5gbit,0s", 62.5e6, 0},
        {"125000000", 125e6, 0.2e-3},
        {"bytes", 1, 0},
        {"1.5", 1.5, 20e-3},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bh_link link;
        assert_ok(bh_link_parse(&link, good[i].text, NULL));
        assert_true(fabs(link.bytes_per_second / good[i].bytes_per_second - 1) < 1e-12);
        assert_true(fabs(link.rtt_seconds - good[i].rtt_seconds) < 1e-12);
    }
}

static void test_links_refused(void **state)
{
    (void)state;
    static const char *const speeds[] = {
        "",       "gbit",   "-1gbit",    " 1gbit", "nan",     "inf",     "0x10",
        "1gbits", "1 gbit", "0",         "1tbit",  "1e300",   "1gbit 1", "Bytes",
        "0.5",    ",40ms",  "1gbit;1ms", "1",      "8e-3kbit"};
    static const char *const trips[] = {
        "1gbit,",    "1gbit,40", "1gbit,-1ms",  "1gbit,1ms,", "1gbit,1ms,2",
        "1gbit,61s", "1gbit,1m", "1gbit,nanms", "1gbit, 1ms", "1gbit,0x1s"};
    bh_link link;
    bh_error err;
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        assert_status(bh_link_parse(&link, speeds[i], &err), BH_ERR_ARG);
        assert_non_null(strstr(err.message, "no such speed in "));
    }
    for (size_t i = 0; i < sizeof trips / sizeof trips[0]; i++) {
        assert_status(bh_link_parse(&link, trips[i], &err), BH_ERR_ARG);
        assert_non_null(strstr(err.message, "no such round trip in "));
    }
    assert_status(bh_link_parse(&link, "fast", &err), BH_ERR_ARG);
    assert_string_equal(
        err.message, "a link is 10gbit, 1gbit, \"100mbit,40ms\", bytes per second or "
                     "\"bytes\": no such speed in \"fast\"");
}

// ---- the pipeline ----

static bh_cost machine(uint32_t server_threads, double rtt_ns)
{
    return (bh_cost){.client_threads = 1,
                     .server_threads = server_threads,
                     .link = {1e9, rtt_ns / 1e9}};
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-6);
}

// One sample of one layer passes every stage once; the bytes are passed on twice each
// way.
static void test_one_sample(void **state)
{
    (void)state;
    bh_stages s = {.encrypt = 1,
                   .load = 2,
                   .draw = 4,
                   .answer = 8,
                   .n_answers = 3,
                   .decrypt = 16,
                   .pass_up = 32,
                   .pass_down = 64,
                   .up = 128,
                   .down = 256};
    bh_cost cost = machine(1, 1024);
    double all = 1 + 2 + 4 + 3 * 8 + 16 + 2 * 32 + 2 * 64 + 128 + 256 + 1024, done;
    assert_near(bh_pipeline_run(&s, 1, 1, &cost, &done), all);
    assert_near(done, all);
    assert_near(bh_stages_work(&s, (bh_repeats){1, 1}), all - 1024);
}

// What takes longest is in use all the time, the rest hides behind it.
static void test_bottlenecks(void **state)
{
    (void)state;
    bh_cost cost = machine(1, 0);
    const bh_stages server = {.answer = 10, .n_answers = 2, .decrypt = 1};
    assert_near(bh_pipeline_run(&server, 1, 5, &cost, NULL), 5 * 20 + 1);
    const bh_stages client = {.answer = 1, .n_answers = 2, .decrypt = 10};
    assert_near(bh_pipeline_run(&client, 1, 5, &cost, NULL), 2 + 5 * 10);
    const bh_stages down = {.answer = 1, .n_answers = 1, .down = 10};
    assert_near(bh_pipeline_run(&down, 1, 5, &cost, NULL), 1 + 5 * 10);
    // The first layer has one upload, the second one for every sample.
    const bh_stages up[] = {{.up = 10}, {.up = 10}};
    assert_near(bh_pipeline_run(up, 2, 5, &cost, NULL), 10 + 5 * 10);
}

// Server 1 and client 1 for each of three samples of two layers. Layer 0 is computed
// until 1, 2, 3 and decrypted until 2, 3, 4; layer 1 is computed until 4, 5, 6, since
// the server is free at 3, and decrypted until 5, 6, 7.
static void test_layers_overlap(void **state)
{
    (void)state;
    bh_cost cost = machine(1, 0);
    const bh_stages s[] = {{.answer = 1, .n_answers = 1, .decrypt = 1},
                           {.answer = 1, .n_answers = 1, .decrypt = 1}};
    double done[2];
    assert_near(bh_pipeline_run(s, 2, 3, &cost, done), 7);
    assert_near(done[0], 4);
    assert_near(done[1], 7);
}

// Answers are spread over threads; as many samples are taken at once as there are
// threads, if they have arrived.
static void test_threads(void **state)
{
    (void)state;
    bh_cost cost = machine(2, 0);
    bh_stages s = {.answer = 1, .n_answers = 3};
    assert_near(bh_pipeline_run(&s, 1, 1, &cost, NULL), 2);
    assert_near(bh_pipeline_run(&s, 1, 4, &cost, NULL), 6);
    s.draw = 10; // one sample's draws stay on one thread
    assert_near(bh_pipeline_run(&s, 1, 1, &cost, NULL), 12);
    assert_near(bh_pipeline_run(&s, 1, 2, &cost, NULL), 13);
}

// ---- the choice ----

static bh_plan *plan_for(const bh_model *m, uint32_t samples, const bh_cost *cost)
{
    bh_plan *plan;
    bh_error err = {0};
    assert_ok(bh_plan_new(
        &plan, &m->graph,
        &(const bh_plan_options){.guard = BH_GUARD_SAMPLED, .samples = samples}, cost,
        &err));
    return plan;
}

static uint64_t bytes_of(const bh_plan *plan)
{
    bh_plan_totals sum = bh_plan_sum(plan);
    return sum.bytes_up + sum.bytes_down;
}

static double latency(const bh_plan *plan, const bh_cost *cost)
{
    bh_stages stages[BH_GRAPH_LAYERS_MAX];
    return bh_plan_latency(plan, cost, stages, NULL);
}

// With one sample nothing overlaps: latency is a + bytes * slowness, so that a slower
// link never gets more bytes. With more samples both directions of the link work at
// once, and the sum of their bytes is not what counts; only "bytes" is the least then.
static void test_slower_links(void **state)
{
    (void)state;
    static const char *const nets[] = {"lenet5", "netd", "lenet-caffe",
                                       "minionn-cifar"};
    static const double speeds[] = {1e10, 1.25e9, 5e8, 125e6, 5e7, 12.5e6, 1e6, 1e3};
    enum { SPEEDS = sizeof speeds / sizeof speeds[0] };
    for (size_t k = 0; k < sizeof nets / sizeof nets[0]; k++) {
        bh_model *m;
        assert_ok(bh_model_synthetic(&m, nets[k], 1, NULL));
        for (uint32_t samples = 1; samples <= 8; samples += 7) {
            bh_cost cost = bh_cost_default();
            cost.link = (bh_link){BH_LINK_BYTES_ONLY, 0};
            bh_plan *least = plan_for(m, samples, &cost);
            uint64_t before = UINT64_MAX;
            double best = 0;
            for (size_t i = 0; i < SPEEDS; i++) {
                cost.link = (bh_link){speeds[i], 1e-3};
                bh_plan *plan = plan_for(m, samples, &cost);
                assert_true(bytes_of(plan) >= bytes_of(least));
                assert_true(samples > 1 || bytes_of(plan) <= before);
                // A choice that is within 1 % of the best is within 1 % of any other.
                assert_true(latency(plan, &cost) <= latency(least, &cost) * 1.01);
                assert_true(latency(plan, &cost) >= best * 0.99);
                before = bytes_of(plan);
                best = latency(plan, &cost);
                bh_plan_free(plan);
            }
            bh_plan_free(least);
        }
        bh_model_free(m);
    }
}

// Accumulators as large as any weights of 8 bits and any inputs of 8 bits make them.
static void widen(bh_graph *g)
{
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        uint64_t inputs = bh_layer_weights_len(layer) / layer->out_channels;
        uint64_t bound = inputs * BH_WEIGHT_MAX * BH_INPUT_MAX;
        for (layer->quant.acc_max = 1; layer->quant.acc_max < bound;) {
            layer->quant.acc_max = 2 * layer->quant.acc_max + 1;
        }
    }
}

// What docs/planner.md promises of lenet-caffe, with weights as they come and with the
// worst there are.
static void test_fewest_bytes(void **state)
{
    (void)state;
    bh_model *m;
    bh_cost cost = bh_cost_default();
    cost.link = (bh_link){BH_LINK_BYTES_ONLY, 0};
    assert_ok(bh_model_synthetic(&m, "lenet-caffe", 1, NULL));
    for (int worst = 0; worst < 2; worst++) {
        bh_plan *one = plan_for(m, 1, &cost), *eight = plan_for(m, 8, &cost);
        assert_true(bytes_of(one) <= 1250000);
        assert_true(bytes_of(eight) <= 9500000);
        bh_plan_free(one);
        bh_plan_free(eight);
        widen(&m->graph);
    }
    bh_model_free(m);
}

static bh_candidates *candidates_of(const bh_plan *plan, const bh_cost *cost)
{
    bh_candidates *c = bh_alloc(plan->n_layers, sizeof *c);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        assert_ok(bh_linear_choose(&c[i].linear, &l->linear.shape, plan->he, l->t_bits,
                                   BH_WEIGHT_MAX));
        for (uint32_t k = 0; k < c[i].linear.count; k++) {
            c[i].stages[k] =
                bh_cost_stages(cost, &c[i].linear.items[k], plan->he, l->t_bits);
        }
    }
    return c;
}

// False after the last combination.
static bool next_combination(bh_candidates *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (++c[i].chosen < c[i].linear.count) {
            return true;
        }
        c[i].chosen = 0;
    }
    return false;
}

// Against every combination of the layers' choices.
static void check_choice(const bh_model *m, uint32_t samples, const bh_cost *cost)
{
    bh_stages scratch[BH_GRAPH_LAYERS_MAX];
    bh_plan *plan = plan_for(m, samples, cost);
    uint32_t n = plan->n_layers;
    bh_candidates *c = candidates_of(plan, cost);
    double best = INFINITY;
    do {
        best = fmin(best, bh_select_objective(c, n, samples, cost, scratch));
    } while (next_combination(c, n));
    assert_ok(bh_select(c, n, samples, cost));
    double chosen = bh_select_objective(c, n, samples, cost, scratch);
    assert_true(chosen <= best * 1.01 && chosen >= best * (1 - 1e-12));
    for (uint32_t i = 0; i < n; i++) {
        const bh_linear *l = &c[i].linear.items[c[i].chosen];
        assert_memory_equal(&l->packing, &plan->layers[i].linear.packing,
                            sizeof l->packing);
    }
    bh_free(c);
    bh_plan_free(plan);
}

static void test_choice(void **state)
{
    (void)state;
    static const char *const nets[] = {"lenet5", "netd", "lenet-caffe"};
    static const double speeds[] = {1.25e9, 125e6, 12.5e6, BH_LINK_BYTES_ONLY};
    for (size_t k = 0; k < 3; k++) {
        bh_model *m;
        assert_ok(bh_model_synthetic(&m, nets[k], 1, NULL));
        for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
            for (uint32_t threads = 1; threads <= 2; threads++) {
                bh_cost cost = bh_cost_default();
                cost.server_threads = threads;
                cost.link = (bh_link){speeds[i], 1e-3};
                check_choice(m, 1, &cost);
                check_choice(m, 8, &cost);
            }
        }
        bh_model_free(m);
    }
}

// ---- calibration ----

static uint64_t real_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t stopped_clock(void)
{
    return 7;
}

static void test_calibrate(void **state)
{
    (void)state;
    bh_cost cost = bh_cost_default();
    cost.server_threads = 3;
    cost.link.rtt_seconds = 5;
    assert_ok(bh_calibrate(&cost, BH_GUARD_SAMPLED, real_clock, NULL));
    assert_true(cost.encrypt > 0 && cost.decrypt > 0 && cost.load > 0 &&
                cost.weight > 0 && cost.product > 0 && cost.answer > 0);
    assert_true(cost.decrypt_place >= 0 && cost.answer_place >= 0);
    assert_int_equal(cost.server_threads, 3);
    assert_true(cost.link.rtt_seconds == 5);
    cost.prepared = true;
    assert_ok(bh_calibrate(&cost, BH_GUARD_SAMPLED, real_clock, NULL));
    assert_true(cost.weight == 0 && cost.product > 0 && cost.answer > 0);
    bh_error err;
    assert_status(bh_calibrate(&cost, (bh_guard)9, real_clock, &err), BH_ERR_PARAMS);
    assert_string_equal(err.message, "unknown guard 9");
}

// A clock that stands still makes everything free, which is still something to plan by.
static void test_stopped_clock(void **state)
{
    (void)state;
    bh_cost cost = bh_cost_default();
    bh_model *m;
    assert_ok(bh_calibrate(&cost, BH_GUARD_SAMPLED, stopped_clock, NULL));
    assert_true(cost.encrypt == 0 && cost.product == 0 && cost.answer == 0);
    assert_ok(bh_model_synthetic(&m, "netd", 1, NULL));
    bh_plan_free(plan_for(m, 2, &cost));
    bh_model_free(m);
}

static uint64_t slow_clock(void) // one call of everything is long enough
{
    static uint64_t now;
    return now += 1000;
}

static bh_status calibrate(void *arg)
{
    bh_cost cost = bh_cost_default();
    const double before = cost.encrypt;
    cost.prepared = *(const bool *)arg;
    bh_status status = bh_calibrate(&cost, BH_GUARD_SAMPLED, slow_clock, NULL);
    assert_true(status == BH_OK || cost.encrypt == before);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool prepared = i == 1;
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, calibrate, &prepared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),          cmocka_unit_test(test_links_refused),
        cmocka_unit_test(test_one_sample),     cmocka_unit_test(test_bottlenecks),
        cmocka_unit_test(test_layers_overlap), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_slower_links),   cmocka_unit_test(test_fewest_bytes),
        cmocka_unit_test(test_choice),         cmocka_unit_test(test_calibrate),
        cmocka_unit_test(test_stopped_clock),  cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
