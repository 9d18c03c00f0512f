// SPDX-License-Identifier: Apache-2.0
// What repeated queries took: collected one by one, summed up at the end.
#ifndef BH_BENCH_TALLY_H
#define BH_BENCH_TALLY_H

#include <jansson.h>

#include "bayhenn/session.h"
#include "measure.h"
#include "model/graph.h"
#include "route.h"

// Whole queries in milliseconds, but for the last. By turns the last two do not count
// erasing.
typedef enum tally_figure {
    TALLY_TOTAL,  // see route_times
    TALLY_CLIENT, // computing
    TALLY_SERVER,
    TALLY_ERASE,  // see route_times
    TALLY_CPU,    // processor time of all threads of this process
    TALLY_CYCLES, // the same in cycles
    TALLY_ONLINE, // the total without what prepares a query (guard `sealed`)
    TALLY_FIGURES
} tally_figure;

// A linear layer, in milliseconds; sums over samples but for the last.
typedef enum tally_step {
    TALLY_ENCRYPT,
    TALLY_ANSWER, // at the server
    TALLY_DECRYPT,
    TALLY_DONE, // since the query began
    TALLY_STEPS
} tally_step;

typedef struct tally {
    size_t queries;
    uint32_t n_layers, rounds;
    uint64_t bytes_up, bytes_down; // of one query, without preparing it
    // Of preparing one, both ways: of all queries, and their mean.
    uint64_t all_bytes_offline, bytes_offline;
    uint64_t peak_rss; // of this process, which is both sides
    double figures[TALLY_FIGURES][MEASURE_REPEATS_MAX];
    double layers[BH_GRAPH_LAYERS_MAX][TALLY_STEPS][MEASURE_REPEATS_MAX];
    uint64_t layer_bytes[BH_GRAPH_LAYERS_MAX][2]; // up, down
} tally;

// Adds a query; at most MEASURE_REPEATS_MAX.
void tally_add(tally *t, const bh_client_result *result, const route_times *times,
               double cpu_ns, double ghz);

// Over all queries; these sort the collected figures.
spread tally_spread(tally *t, tally_figure figure);
double tally_mean(const tally *t, tally_figure figure);
double tally_median(tally *t, uint32_t layer, tally_step step);

// {"total": ms, "client": ..., "server": ..., "cpu": ..., "steps": {...}, "layers":
// [{...}]}: medians of the whole, of each step summed over the layers, of each layer.
json_t *tally_ms_json(tally *t);
// {"total": {"min": ms, ...}, ...}
json_t *tally_spread_json(tally *t);
// The same, bytes and memory for people, the layers last.
void tally_print(tally *t);

#endif
