// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define REGION_NS    20e3 // a thousand times the resolution of the clock
#define WARM_UP_NS   2e6
#define LEAD_IN_NS   60e3
#define CHAIN_TURNS  128
#define CHAIN_TRIES  3
#define CLOCK_PROBES 101

static double read_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double measure_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

double measure_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

double measure_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

// 64 additions of a register: some cores compute additions of a small constant while
// renaming registers, several in one cycle.
#define TIMES_8(x)  x x x x x x x x
#define TIMES_64(x) TIMES_8(TIMES_8(x))
#if defined(__x86_64__)
#define CHAIN_64 TIMES_64("add %1, %0\n\t")
#elif defined(__aarch64__)
#define CHAIN_64 TIMES_64("add %0, %0, %1\n\t")
#endif

#ifdef CHAIN_64
static void run_chain(void)
{
    uint64_t sum = 1, step = 3;
    for (int i = 0; i < CHAIN_TURNS; i++) {
        __asm__ volatile(CHAIN_64 : "+r"(sum) : "r"(step));
    }
}

// The fastest try: whatever interrupts a chain only makes it longer.
double measure_ghz(void)
{
    double best = INFINITY;
    for (int i = 0; i < CHAIN_TRIES; i++) {
        double start = measure_now_ns();
        run_chain();
        double ns = measure_now_ns() - start;
        best = fmin(best, ns);
    }
    return 64.0 * CHAIN_TURNS / best;
}
#else
double measure_ghz(void)
{
    return 0;
}
#endif

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    double above = i + 1 < n ? sorted[i + 1] : sorted[i];
    return sorted[i] + (at - (double)i) * (above - sorted[i]);
}

spread spread_of(double *values, size_t n)
{
    qsort(values, n, sizeof values[0], compare);
    return (spread){
        .min = values[0],
        .q1 = quantile(values, n, 0.25),
        .median = quantile(values, n, 0.5),
        .q3 = quantile(values, n, 0.75),
        .p99 = quantile(values, n, 0.99),
    };
}

static double clock_cost_ns(void)
{
    double cost[CLOCK_PROBES];
    for (int i = 0; i < CLOCK_PROBES; i++) {
        double start = measure_now_ns();
        cost[i] = measure_now_ns() - start;
    }
    return spread_of(cost, CLOCK_PROBES).median;
}

static double time_batch(const operation *op, size_t batch)
{
    if (op->before != NULL) {
        op->before(op->user);
    }
    double start = measure_now_ns();
    for (size_t i = 0; i < batch; i++) {
        op->run(op->user);
    }
    return measure_now_ns() - start;
}

// Runs the operation untimed for so long; the fastest time.
static double run_for(const operation *op, size_t batch, double duration_ns)
{
    double start = measure_now_ns(), fastest = INFINITY;
    do {
        fastest = fmin(fastest, time_batch(op, batch) / (double)batch);
    } while (measure_now_ns() - start < duration_ns);
    return fastest;
}

static size_t choose_batch(const operation *op, double ns)
{
    size_t batch = (size_t)(REGION_NS / fmax(ns, 1)) + 1;
    return op->batch_max > 0 && batch > op->batch_max ? op->batch_max : batch;
}

measured measure(const operation *op, size_t repeats)
{
    double ns[MEASURE_REPEATS_MAX] = {0}, cycles[MEASURE_REPEATS_MAX] = {0},
           ghz[MEASURE_REPEATS_MAX] = {0};
    double overhead = clock_cost_ns();
    size_t batch = choose_batch(op, run_for(op, 1, WARM_UP_NS));
    for (size_t i = 0; i < repeats; i++) {
        // A core that meets wide registers after other work lowers its clock, and runs
        // them at a fraction of their speed until it has.
        (void)run_for(op, batch, LEAD_IN_NS);
        ghz[i] = measure_ghz();
        double region = time_batch(op, batch) - overhead;
        ns[i] = (region > 0 ? region : 0) / (double)batch;
        cycles[i] = ns[i] * ghz[i];
    }
    return (measured){.repeats = repeats,
                      .batch = batch,
                      .ns = spread_of(ns, repeats),
                      .cycles = spread_of(cycles, repeats).median,
                      .ghz = spread_of(ghz, repeats).median};
}
