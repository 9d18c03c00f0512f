// SPDX-License-Identifier: Apache-2.0
// The second half of `bayhenn-bench kernels`: streams, samplers, weight draws.
#ifndef BH_BENCH_RANDOMNESS_H
#define BH_BENCH_RANDOMNESS_H

#include "bench.h"

void randomness_measure(const char *command, const bench_options *o);

#endif
