// SPDX-License-Identifier: Apache-2.0
// What queries took, layer by layer: written by `infer --profile`, shown beside what
// was predicted by `plan --profile`. A file is one JSON object:
//
//   model, samples, queries, total_ms,
//   layers: [{encrypt_ms, server_ms, decrypt_ms, done_ms, bytes_up, bytes_down}]
//
// Times are medians over the queries; of a layer, sums over the samples of a query, but
// done_ms, which is since the query began (bh_client_layer).
#ifndef BH_CLI_PROFILE_H
#define BH_CLI_PROFILE_H

#include <stdio.h>

#include "bayhenn/session.h"
#include "model/graph.h"

typedef struct profile {
    char model[64];
    uint32_t samples, n_layers;
    uint64_t queries;
    double total_ms;
    bh_client_layer layers[BH_GRAPH_LAYERS_MAX];
} profile;

// Times are 0 to 1e9 ms. BH_ERR_IO, BH_ERR_ENCODING with a sentence that names the
// file.
bh_status profile_read(profile *out, const char *path, bh_error *err) BH_MUST_CHECK;

// Queries one after the other, of one session's plan. {0} is empty.
typedef struct profile_log {
    double *numbers; // of every query: total_ms and four of each layer
    size_t queries, room, per_query;
    profile last; // everything that is no median
} profile_log;

// BH_ERR_NOMEM.
bh_status profile_add(profile_log *log, const bh_client_facts *facts,
                      const bh_client_result *result, double total_ms) BH_MUST_CHECK;
// For writing, before there is something to write; NULL with a sentence that names the
// file.
FILE *profile_open(const char *path, bh_error *err);
// Replaces what the file holds. BH_ERR_IO with a sentence, BH_ERR_NOMEM.
bh_status profile_write(profile_log *log, FILE *file, bh_error *err) BH_MUST_CHECK;
void profile_clear(profile_log *log);

#endif
