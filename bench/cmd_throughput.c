// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench.h"
#include "machine.h"
#include "recording.h"
#include "report.h"
#include "subject.h"

static const char name[] = "throughput";

enum { REPEATS = 21, QUERIES = 4, COUNTS_MAX = 8, THREADS_MAX = 256 };

static const char help[] =
    "usage: bayhenn-bench throughput (--net NAME | --model FILE) [--samples S]\n"
    "                                [--threads A,B,...] [--repeats R] [--json]\n"
    "\n"
    "Queries a second at the server alone: what a client sent is recorded and played\n"
    "to sessions in this process, one session on each thread. The thread counts take\n"
    "turns, so that all of them see the same moments of the machine.\n"
    "\n" SUBJECT_HELP
    "  --threads A,B  thread counts to compare, at most 8 [1,2]\n" BENCH_HELP(
        "21") "  --json         one line of JSON\n"
              "\n"
              "example:\n"
              "  bayhenn-bench throughput --net lenet5 --threads 1,2\n";

typedef struct throughput_options {
    bench_options shared;
    subject_options subject;
    uint32_t counts[COUNTS_MAX];
    size_t n_counts;
} throughput_options;

// One thread's part of a run.
typedef struct player {
    pthread_t thread;
    pthread_barrier_t *start;
    const recording *recorded;
    const bh_service *service;
    bh_status status;
    bh_error err;
    double begin_ns, end_ns, cpu_ns;
} player;

static void *play(void *argument)
{
    player *p = argument;
    pthread_barrier_wait(p->start);
    p->begin_ns = measure_now_ns();
    p->cpu_ns = measure_thread_cpu_ns();
    p->status = recording_play(p->recorded, p->service, &p->err);
    p->cpu_ns = measure_thread_cpu_ns() - p->cpu_ns;
    p->end_ns = measure_now_ns();
    return NULL;
}

typedef struct pace {
    double queries_per_second;
    double cpu_ms; // processor time of one query
} pace;

// `count` threads play the recording side by side: from the first one's begin to the
// last one's end, whenever this thread is woken.
static pace run_once(const recording *recorded, const bh_service *service,
                     uint32_t count)
{
    player players[THREADS_MAX];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, count);
    for (uint32_t i = 0; i < count; i++) {
        players[i] =
            (player){.start = &barrier, .recorded = recorded, .service = service};
        if (pthread_create(&players[i].thread, NULL, play, &players[i]) != 0) {
            exit(cli_fail(name, "cannot start a thread"));
        }
    }
    double begin = INFINITY, end = 0, cpu = 0;
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(players[i].thread, NULL);
        bench_need_with(name, players[i].status, &players[i].err);
        begin = fmin(begin, players[i].begin_ns);
        end = fmax(end, players[i].end_ns);
        cpu += players[i].cpu_ns;
    }
    double queries = (double)count * recorded->queries;
    pthread_barrier_destroy(&barrier);
    return (pace){queries / ((end - begin) / 1e9), cpu / queries / 1e6};
}

// Of each thread count: queries a second, the same against the first count repeat by
// repeat, processor time.
typedef struct rates {
    double rate[COUNTS_MAX][MEASURE_REPEATS_MAX],
        scaling[COUNTS_MAX][MEASURE_REPEATS_MAX],
        cpu_ms[COUNTS_MAX][MEASURE_REPEATS_MAX];
} rates;

static void measure_all(rates *r, const throughput_options *o,
                        const recording *recorded, const bh_service *service,
                        size_t repeats)
{
    for (size_t k = 0; k < o->n_counts; k++) { // warm-up
        (void)run_once(recorded, service, o->counts[k]);
    }
    for (size_t i = 0; i < repeats; i++) {
        for (size_t k = 0; k < o->n_counts; k++) {
            pace p = run_once(recorded, service, o->counts[k]);
            r->rate[k][i] = p.queries_per_second;
            r->cpu_ms[k][i] = p.cpu_ms;
            r->scaling[k][i] = r->rate[k][i] / r->rate[0][i];
        }
    }
}

static void print_text(uint32_t threads, const spread *rate, double scaling,
                       double cpu_ms)
{
    printf("%3u thread%s %10.2f queries/s   quartiles %.2f - %.2f, %.2f times the "
           "first, %.2f ms of processor time each\n",
           threads, threads == 1 ? " " : "s", rate->median, rate->q1, rate->q3, scaling,
           cpu_ms);
}

static void print_all(rates *r, const throughput_options *o, size_t repeats)
{
    char cpu[MACHINE_NAME_BYTES];
    const char *net = subject_name(&o->subject), *kernels = bench_kernel_name(name);
    json_t *lines = json_array();
    machine_name(cpu);
    if (!o->shared.json) {
        printf("%s, S = %u, server alone; kernels %s, %s\n\n", net, o->subject.samples,
               kernels, cpu);
    }
    for (size_t k = 0; k < o->n_counts; k++) {
        spread rate = spread_of(r->rate[k], repeats);
        double scaling = spread_of(r->scaling[k], repeats).median,
               cpu_ms = spread_of(r->cpu_ms[k], repeats).median;
        json_t *line =
            json_pack("{s:I, s:o, s:f, s:f}", "threads", (json_int_t)o->counts[k],
                      "queries_per_second", report_spread(&rate, 1), "scaling", scaling,
                      "cpu_ms", cpu_ms);
        json_array_append_new(lines, line);
        if (!o->shared.json) {
            print_text(o->counts[k], &rate, scaling, cpu_ms);
        }
    }
    json_t *all = json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:o}", "net", net, "guard",
                            bh_guard_name(o->subject.guard), "samples",
                            (json_int_t)o->subject.samples, "kernels", kernels, "cpu",
                            cpu, "repeats", (json_int_t)repeats, "runs", lines);
    if (o->shared.json) {
        report_json(all);
    } else {
        json_decref(all);
    }
}

static int run(const throughput_options *o)
{
    subject sub;
    bh_error err = {0};
    bh_service *service = NULL;
    recording *recorded = bench_alloc(name, 1, sizeof *recorded);
    rates *r = bench_alloc(name, 1, sizeof *r);
    size_t repeats = bench_repeats(&o->shared, REPEATS);
    const bh_service_options options = {.guard = o->subject.guard,
                                        .samples = o->subject.samples};
    bench_need_with(name, subject_init(&sub, &o->subject, &err), &err);
    bench_need_with(name, bh_service_new(&service, sub.model, &options, &err), &err);
    bench_need_with(name, recording_make(recorded, service, sub.pixels, QUERIES, &err),
                    &err);
    measure_all(r, o, recorded, service, repeats);
    print_all(r, o, repeats);
    recording_clear(recorded);
    bh_free(recorded);
    bh_free(r);
    bh_service_free(service);
    subject_clear(&sub);
    return CLI_OK;
}

// "1,2,4"
static bool take_counts(throughput_options *o, char *text)
{
    char *one;
    o->n_counts = 0;
    while ((one = strsep(&text, ",")) != NULL) {
        uint64_t number;
        if (o->n_counts == COUNTS_MAX) {
            cli_usage(name, "--threads takes at most %d counts", COUNTS_MAX);
            return false;
        }
        if (!cli_number(name, "--threads", one, 1, THREADS_MAX, &number)) {
            return false;
        }
        o->counts[o->n_counts++] = (uint32_t)number;
    }
    return true;
}

static bool take(void *user, int c)
{
    throughput_options *o = user;
    if (c == 't') {
        return take_counts(o, optarg);
    }
    return c >= SUBJECT_NET ? subject_take(name, &o->subject, c, optarg)
                            : bench_take(name, &o->shared, c, optarg);
}

int bench_throughput(int argc, char **argv)
{
    static const struct option longs[] = {
        SUBJECT_OPTIONS, {"threads", required_argument, NULL, 't'}, BENCH_OPTIONS, {0}};
    throughput_options o = {
        .subject = SUBJECT_DEFAULTS, .counts = {1, 2}, .n_counts = 2};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !subject_is_named(name, &o.subject)) {
        return CLI_USAGE;
    }
    return run(&o);
}
