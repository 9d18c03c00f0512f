// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "bench.h"
#include "machine.h"
#include "net/clock.h"
#include "report.h"
#include "route.h"
#include "subject.h"
#include "tally.h"

static const char name[] = "inference";

enum { REPEATS = 21, WARM_UP = 2, COLD_REPEATS = 5 };

// Room for the work of two queries of the largest named network.
#define PREPARE_BYTES (UINT64_C(256) << 20)

static const char help[] =
    "usage: bayhenn-bench inference (--net NAME | --model FILE) [--samples S]\n"
    "                               [--guard NAME] [--threads N] [--link LINK]\n"
    "                               [--plan-for LINK] [--prepared] [--repeats R]\n"
    "                               [--json]\n"
    "\n"
    "Whole predictions. Without a link client and server take turns in this process,\n"
    "and their computing times add up to the total. With one they run side by side\n"
    "with TLS and a simulated link between them, and the total is what passes from\n"
    "the image to its probabilities. Every result is checked: bit for bit with a twin\n"
    "of the model that has no deviations (guard sealed, which rounds at random:\n"
    "nearly so), then against clear inference.\n"
    "\n"
    "Under guard sealed the total holds what prepares a query, online is the rest; in\n"
    "JSON online_ms is a median, total_ms the mean of all queries, cold_ms a median\n"
    "from connect to the first answer, flights the one-way turns with the two that\n"
    "prepare, bytes_offline what they carry. Over a link client and server are what\n"
    "they compute online. taskset -c 0 puts both parties on one core.\n"
    "\n" SUBJECT_HELP "  --threads N    that each side computes on [1]\n"
    "  --prepared     the server's work that needs no client is made before each\n"
    "                 query, untimed (guard sampled)\n"
    "  --link LINK    loopback, 10gbit, 1gbit, 100mbit,40ms or "
    "BYTES/S,RTT\n"
    "  --plan-for LINK\n"
    "                 that plans are made for, if not this one: on slow ones a sealed\n"
    "                 query has fewer bytes and more to compute\n" BENCH_HELP(
        "21") "  --json         one line of JSON\n"
              "\n"
              "examples:\n"
              "  bayhenn-bench inference --net lenet-caffe\n"
              "  bayhenn-bench inference --net lenet5 --link 100mbit,40ms --json\n"
              "  taskset -c 0 bayhenn-bench inference --net lenet-caffe --samples 1 "
              "\\\n"
              "    --guard sealed --link loopback --repeats 40\n";

typedef struct inference_options {
    bench_options shared;
    subject_options subject;
    const char *link_text;
    bh_link link;     // that bytes pass
    bh_link plan_for; // that plans are made for; 10 Gbit/s where bytes pass none
    bool has_plan_for;
    uint64_t threads;
    uint64_t prepare_bytes; // 0: nothing is prepared
} inference_options;

// A service of a model, and a session with it. Both sides have threads of their own.
typedef struct served {
    bh_pool *server_pool, *client_pool;
    bh_service *service;
    route route;
} served;

static bh_status open_route(served *s, const inference_options *o, bh_error *err)
{
    if (o->link_text == NULL) {
        return route_by_turns(&s->route, s->service, s->client_pool, err);
    }
    bool proxied = strcmp(o->link_text, "loopback") != 0;
    return route_over_link(&s->route, s->service, s->client_pool,
                           proxied ? &o->link : NULL, err);
}

static void serve(served *s, const inference_options *o, const bh_model *model)
{
    bh_error err = {0};
    bench_need_with(name, cli_pool(&s->server_pool, o->threads, &err), &err);
    bench_need_with(name, cli_pool(&s->client_pool, o->threads, &err), &err);
    const bh_service_options options = {.guard = o->subject.guard,
                                        .samples = o->subject.samples,
                                        .clock = bh_clock_us,
                                        .pool = s->server_pool,
                                        .prepare_bytes = o->prepare_bytes,
                                        .link =
                                            o->has_plan_for ? o->plan_for : o->link};
    bench_need_with(name, bh_service_new(&s->service, model, &options, &err), &err);
    bench_need_with(name, open_route(s, o, &err), &err);
}

static void stop(served *s)
{
    s->route.close(s->route.self);
    bh_service_free(s->service);
    bh_pool_free(s->client_pool);
    bh_pool_free(s->server_pool);
}

// Idle time: what the next query takes is made.
static void prepare(const served *s)
{
    bh_status status = BH_OK;
    while (status == BH_OK) {
        status = bh_service_prepare(s->service);
    }
    bench_need(name, status == BH_WANT_MORE ? BH_OK : status);
}

static bh_client_result ask(const served *s, route_times *times, const uint8_t *pixels)
{
    bh_error err = {0};
    bh_client_result result;
    bench_need_with(name, s->route.query(s->route.self, &result, times, pixels, &err),
                    &err);
    return result;
}

static bool check_exactly(const subject *sub, const inference_options *o)
{
    served s;
    route_times times;
    serve(&s, o, sub->twin);
    bh_client_result result = ask(&s, &times, sub->pixels);
    bool ok = o->subject.guard == BH_GUARD_SEALED
                  ? subject_is_near(sub, result.logits, o->subject.samples)
                  : subject_is_exact(sub, result.logits, o->subject.samples);
    stop(&s);
    return ok;
}

// False if a result was wrong.
static bool measure_all(tally *t, const subject *sub, const inference_options *o)
{
    served s;
    bool ok = true;
    size_t repeats = bench_repeats(&o->shared, REPEATS);
    serve(&s, o, sub->model);
    for (size_t i = 0; i < WARM_UP + repeats && ok; i++) {
        route_times times;
        prepare(&s);
        double ghz = measure_ghz(), cpu_ns = measure_cpu_ns();
        bh_client_result result = ask(&s, &times, sub->pixels);
        cpu_ns = measure_cpu_ns() - cpu_ns;
        ghz = (ghz + measure_ghz()) / 2;
        ok = subject_is_likely(sub, result.logits, o->subject.samples);
        if (i >= WARM_UP) {
            tally_add(t, &result, &times, cpu_ns, ghz);
        }
    }
    stop(&s);
    return ok;
}

// From the beginning of a connection to the end of its first query, in milliseconds.
static spread measure_cold(const subject *sub, const inference_options *o)
{
    double times_ms[COLD_REPEATS];
    for (size_t i = 0; i < COLD_REPEATS; i++) {
        served s;
        route_times times;
        bh_error err = {0};
        serve(&s, o, sub->model);
        s.route.close(s.route.self);
        double begin = measure_now_ns();
        bench_need_with(name, open_route(&s, o, &err), &err);
        (void)ask(&s, &times, sub->pixels);
        times_ms[i] = (measure_now_ns() - begin) / 1e6;
        stop(&s);
    }
    return spread_of(times_ms, COLD_REPEATS);
}

// One-way turns of a query, with the two that prepare it.
static json_int_t flights(const tally *t)
{
    return (json_int_t)t->rounds * 2 + 2;
}

// What guard `sealed` is judged by, one after the other.
static json_t *sealed_json(tally *t, const spread *cold)
{
    return json_pack("{s:f, s:f, s:f, s:I, s:I}", "online_ms",
                     tally_spread(t, TALLY_ONLINE).median, "total_ms",
                     tally_mean(t, TALLY_TOTAL), "cold_ms", cold->median, "flights",
                     flights(t), "bytes_offline", (json_int_t)t->bytes_offline);
}

static void print_json(const inference_options *o, tally *t, const spread *cold)
{
    char cpu[MACHINE_NAME_BYTES];
    json_t *all = json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:b, s:s, s:s, s:I, s:o, s:o, s:f, s:{s:I, s:I}, "
        "s:I,"
        " s:I}",
        "net", subject_name(&o->subject), "guard", bh_guard_name(o->subject.guard),
        "samples", (json_int_t)o->subject.samples, "threads", (json_int_t)o->threads,
        "link", o->link_text != NULL ? o->link_text : "none", "prepared",
        o->prepare_bytes > 0, "kernels", bench_kernel_name(name), "cpu",
        machine_name(cpu), "repeats", (json_int_t)t->queries, "ms", tally_ms_json(t),
        "spread_ms", tally_spread_json(t), "cycles",
        tally_spread(t, TALLY_CYCLES).median, "bytes", "up", (json_int_t)t->bytes_up,
        "down", (json_int_t)t->bytes_down, "rounds", (json_int_t)t->rounds,
        "peak_rss_bytes", (json_int_t)t->peak_rss);
    if (o->subject.guard == BH_GUARD_SEALED) {
        json_object_update_new(all, sealed_json(t, cold));
    }
    report_json(all);
}

static void print_text(const inference_options *o, tally *t, const spread *cold)
{
    char cpu[MACHINE_NAME_BYTES];
    printf("%s, guard %s, S = %u, %s, threads %u%s; kernels %s, %s\n\n",
           subject_name(&o->subject), bh_guard_name(o->subject.guard),
           o->subject.samples,
           o->link_text != NULL ? o->link_text : "in process by turns",
           (unsigned)o->threads, o->prepare_bytes > 0 ? ", prepared" : "",
           bench_kernel_name(name), machine_name(cpu));
    tally_print(t);
    if (o->subject.guard == BH_GUARD_SEALED) {
        printf("\n%-8s %10.2f ms from connect to the first answer; mean of %zu with "
               "everything %.2f ms; %u flights\n",
               "cold", cold->median, t->queries, tally_mean(t, TALLY_TOTAL),
               (unsigned)flights(t));
    }
}

static int run(const inference_options *o)
{
    subject sub;
    bh_error err = {0};
    tally *t = bench_alloc(name, 1, sizeof *t);
    bench_need_with(name, subject_init(&sub, &o->subject, &err), &err);
    (void)machine_reset_peak_rss();
    bool ok = check_exactly(&sub, o) && measure_all(t, &sub, o);
    spread cold = {0};
    if (ok && o->subject.guard == BH_GUARD_SEALED) {
        cold = measure_cold(&sub, o);
    }
    if (ok && o->shared.json) {
        print_json(o, t, &cold);
    } else if (ok) {
        print_text(o, t, &cold);
    }
    subject_clear(&sub);
    bh_free(t);
    return ok ? CLI_OK
              : cli_fail(name, "an encrypted result is not what clear inference gives");
}

static bool take_link(inference_options *o, const char *text)
{
    o->link_text = text;
    return strcmp(text, "loopback") == 0 ||
           bench_link(name, text, "loopback, ", &o->link);
}

static bool take(void *user, int c)
{
    inference_options *o = user;
    if (c == 'k') {
        return take_link(o, optarg);
    }
    if (c == 'f') {
        o->has_plan_for = true;
        return bench_link(name, optarg, "", &o->plan_for);
    }
    if (c == 'P') {
        o->prepare_bytes = PREPARE_BYTES;
        return true;
    }
    if (c == 't') {
        return cli_number(name, "--threads", optarg, 1, BH_POOL_THREADS_MAX,
                          &o->threads);
    }
    return c >= SUBJECT_NET ? subject_take(name, &o->subject, c, optarg)
                            : bench_take(name, &o->shared, c, optarg);
}

int bench_inference(int argc, char **argv)
{
    static const struct option longs[] = {SUBJECT_OPTIONS,
                                          {"threads", required_argument, NULL, 't'},
                                          {"link", required_argument, NULL, 'k'},
                                          {"plan-for", required_argument, NULL, 'f'},
                                          {"prepared", no_argument, NULL, 'P'},
                                          BENCH_OPTIONS,
                                          {0}};
    inference_options o = {
        .subject = SUBJECT_DEFAULTS, .link = {1.25e9, 0}, .threads = 1};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !subject_is_named(name, &o.subject)) {
        return CLI_USAGE;
    }
    return run(&o);
}
