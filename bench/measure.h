// SPDX-License-Identifier: Apache-2.0
// Timing: warm-up, repeats, median and quartiles, in nanoseconds and in core cycles.
//
// Nothing tells a program reliably at what frequency its core runs, and it changes from
// one millisecond to the next. So the clock is estimated beside every repeat, from a
// chain of additions each of which waits for the one before: one cycle each.
#ifndef BH_BENCH_MEASURE_H
#define BH_BENCH_MEASURE_H

#include <stddef.h>

// Nanoseconds of a clock that never goes back.
double measure_now_ns(void);
// Nanoseconds of processor time that all threads of this process have used.
double measure_cpu_ns(void);

double measure_thread_cpu_ns(void); // of the calling thread

// Cycles per nanosecond of this core, from some microseconds of additions; 0 on a
// processor for which there is no chain.
double measure_ghz(void);

// Order statistics, linearly interpolated.
typedef struct spread {
    double min, q1, median, q3, p99;
} spread;
// Of n >= 1 values, which it sorts.
spread spread_of(double *values, size_t n);

// What to time. `before` (NULL: nothing) runs untimed before every batch of at most
// batch_max calls of `run` (0: any number): it restores inputs that `run` changes.
typedef struct operation {
    void (*run)(void *user);
    void (*before)(void *user);
    size_t batch_max;
    void *user;
} operation;

typedef struct measured {
    size_t repeats, batch; // timed regions, and operations in each
    spread ns;             // of one operation
    double cycles;         // median of one operation; 0 where measure_ghz is
    double ghz;            // median
} measured;

#define MEASURE_REPEATS_MIN 20
#define MEASURE_REPEATS_MAX 1000

// Warms up, chooses the batch so that a timed region takes about 20 microseconds, runs
// the operation for a while before each region, subtracts what reading the clock costs.
// repeats: 1 .. MEASURE_REPEATS_MAX.
measured measure(const operation *op, size_t repeats);

#endif
