// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bayes/trainer.h"
#include "bench.h"
#include "machine.h"
#include "measure.h"
#include "model/graph.h"

static const char name[] = "train";

enum { REPEATS = 20, IMAGES = 4096, SECONDS_MS = 500 };

static const char help[] =
    "usage: bayhenn-bench train [--net NAME] [--method NAME] [--batch B] [--threads "
    "N]\n"
    "                           [--repeats R] [--json]\n"
    "\n"
    "Training throughput on random images: whole steps, with random shifts of the\n"
    "images, gradients, divergence and Adam. bench/train runs it beside PyTorch.\n"
    "\n"
    "  --net NAME     lenet5, netd, lenet-caffe or minionn-cifar [lenet5]\n"
    "  --method NAME  ordinary, local, flipout or sample [all of them]\n"
    "  --batch B      [128]\n"
    "  --threads N    [2]\n" BENCH_HELP(
        "20") "  --json         one line of JSON for every method\n"
              "\n"
              "example:\n"
              "  bayhenn-bench train --net lenet-caffe --threads 1\n";

static const char *const methods[] = {"local", "flipout", "sample", "ordinary"};
enum { METHODS = 4, ORDINARY = 3 };

typedef struct train_options {
    bench_options bench;
    const char *net;
    int method; // METHODS: all
    uint64_t batch, threads;
} train_options;

typedef struct subject {
    bh_graph graph;
    bh_images images;
    uint32_t order[IMAGES];
    bh_trainer trainer;
    bh_train_options options;
    uint64_t step;
} subject;

static void fill_images(subject *s)
{
    const size_t len = IMAGES * bh_shape_len(s->graph.input.shape);
    s->images = (bh_images){.count = IMAGES, .shape = s->graph.input.shape};
    s->images.pixels = bench_alloc(name, len, 1);
    s->images.labels = bench_alloc(name, IMAGES, 1);
    uint32_t state = 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        s->images.pixels[i] = (uint8_t)(state >> 24);
    }
    for (uint32_t i = 0; i < IMAGES; i++) {
        s->images.labels[i] = (uint8_t)(i % s->graph.n_classes);
        s->order[i] = i;
    }
}

static void run_steps(subject *s, size_t count)
{
    const size_t batch = s->options.batch;
    for (size_t i = 0; i < count; i++) {
        bh_step step = {.bayesian = s->options.bayesian,
                        .index = s->step,
                        .rate = 1e-4,
                        .kl_scale = 0.1 / IMAGES,
                        .order = s->order + s->step * batch % (IMAGES - batch + 1),
                        .count = batch};
        bh_trainer_step(&s->trainer, &step);
        s->step++;
    }
}

static void print(const train_options *o, int method, const spread *rate)
{
    char machine[MACHINE_NAME_BYTES];
    if (!o->bench.json) {
        printf("%-12s %-9s batch %llu, %llu thread%s: %8.0f images/s  (%.0f to %.0f)\n",
               o->net, methods[method], (unsigned long long)o->batch,
               (unsigned long long)o->threads, o->threads == 1 ? "" : "s", rate->median,
               rate->q1, rate->q3);
        return;
    }
    json_t *line =
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:s}", "net", o->net, "method",
                  methods[method], "batch", (json_int_t)o->batch, "threads",
                  (json_int_t)o->threads, "images_per_second", rate->median, "q1",
                  rate->q1, "q3", rate->q3, "machine", machine_name(machine));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

static void measure_method(const train_options *o, subject *s, int method)
{
    s->options.bayesian = method != ORDINARY;
    s->options.estimator = method != ORDINARY ? (bh_estimator)method : 0;
    bench_need(name, bh_trainer_init(&s->trainer, &s->graph, &s->images, &s->options));
    bh_trainer_first_means(&s->trainer);
    bh_variational_set_dev(&s->trainer.posterior, 0.1, 1e-3);
    bh_trainer_refresh(&s->trainer);
    const size_t repeats = bench_repeats(&o->bench, REPEATS);
    double rates[MEASURE_REPEATS_MAX], start = measure_now_ns();
    run_steps(s, 2);
    const double step_ms = (measure_now_ns() - start) / 2e6;
    const size_t steps = o->bench.quick ? 1 : 1 + (size_t)(SECONDS_MS / step_ms);
    for (size_t i = 0; i < repeats; i++) {
        start = measure_now_ns();
        run_steps(s, steps);
        rates[i] = (double)(steps * o->batch) / (measure_now_ns() - start) * 1e9;
    }
    const spread rate = spread_of(rates, repeats);
    print(o, method, &rate);
    bh_trainer_clear(&s->trainer);
}

static int run(const train_options *o)
{
    bh_error err = {0};
    bh_pool *pool = NULL;
    subject *s = bench_alloc(name, 1, sizeof *s);
    bh_input input = {.mean = {0.5f, 0.5f, 0.5f}, .dev = {0.3f, 0.3f, 0.3f}};
    bench_need_with(name, bh_graph_named_shape(&input.shape, o->net, &err), &err);
    for (uint32_t c = input.shape.channels; c < BH_GRAPH_CHANNELS_MAX; c++) {
        input.mean[c] = input.dev[c] = 0;
    }
    bench_need_with(name, bh_graph_named(&s->graph, o->net, input, 10, &err), &err);
    bench_need_with(name, cli_pool(&pool, o->threads, &err), &err);
    fill_images(s);
    s->options = bh_train_defaults();
    s->options.augment = (bh_augment){.shift = 2};
    s->options.batch = (uint32_t)o->batch;
    s->options.pool = pool;
    for (int method = METHODS; method-- > 0;) {
        if (o->method == METHODS || o->method == method) {
            measure_method(o, s, method);
        }
    }
    bh_free(s->images.pixels);
    bh_free(s->images.labels);
    bh_free(s);
    bh_pool_free(pool);
    return CLI_OK;
}

enum { OPT_NET = BENCH_JSON + 1, OPT_METHOD, OPT_BATCH, OPT_THREADS };

static bool take(void *user, int c)
{
    train_options *o = user;
    switch (c) {
    case OPT_NET:
        o->net = optarg;
        return true;
    case OPT_METHOD:
        for (o->method = 0; o->method < METHODS; o->method++) {
            if (strcmp(optarg, methods[o->method]) == 0) {
                return true;
            }
        }
        cli_usage(name, "unknown method \"%s\"", optarg);
        return false;
    case OPT_BATCH:
        return cli_number(name, "--batch", optarg, 1, IMAGES, &o->batch);
    case OPT_THREADS:
        return cli_number(name, "--threads", optarg, 1, 64, &o->threads);
    default:
        return bench_take(name, &o->bench, c, optarg);
    }
}

int bench_train(int argc, char **argv)
{
    static const struct option longs[] = {
        {"net", required_argument, NULL, OPT_NET},
        {"method", required_argument, NULL, OPT_METHOD},
        {"batch", required_argument, NULL, OPT_BATCH},
        {"threads", required_argument, NULL, OPT_THREADS},
        BENCH_OPTIONS,
        {0}};
    train_options o = {.net = "lenet5", .method = METHODS, .batch = 128, .threads = 2};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv)) {
        return CLI_USAGE;
    }
    bh_error err;
    if (bh_graph_check_named(o.net, &err) != BH_OK) {
        return cli_usage(name, "%s", err.message);
    }
    return run(&o);
}
