// SPDX-License-Identifier: Apache-2.0
// How fast one core reads memory: what work that was prepared ahead is bounded by.
#ifndef BH_BENCH_BANDWIDTH_H
#define BH_BENCH_BANDWIDTH_H

#include "bench.h"

void bandwidth_measure(const char *command, const bench_options *o);

#endif
