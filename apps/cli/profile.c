// SPDX-License-Identifier: Apache-2.0
#include "profile.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { TIMES = 4 }; // of a layer

#define MS_MAX 1e9 // of a profile that is read: some eleven days

static void times_of(double times[TIMES], const bh_client_layer *l)
{
    const double all[TIMES] = {l->encrypt_ms, l->server_ms, l->decrypt_ms, l->done_ms};
    memcpy(times, all, sizeof all);
}

static void set_times(bh_client_layer *l, const double times[TIMES])
{
    l->encrypt_ms = times[0];
    l->server_ms = times[1];
    l->decrypt_ms = times[2];
    l->done_ms = times[3];
}

bh_status profile_add(profile_log *log, const bh_client_facts *facts,
                      const bh_client_result *result, double total_ms)
{
    uint32_t n = result->n_layers; // of a graph: no more than BH_GRAPH_LAYERS_MAX
    log->per_query = 1 + (size_t)n * TIMES;
    if (log->queries == log->room) {
        size_t room = 2 * log->room + 16;
        double *numbers =
            realloc(log->numbers, room * log->per_query * sizeof *numbers);
        if (numbers == NULL) {
            return BH_ERR_NOMEM;
        }
        log->numbers = numbers;
        log->room = room;
    }
    double *to = log->numbers + log->queries++ * log->per_query;
    to[0] = total_ms;
    log->last = (profile){.samples = facts->samples, .n_layers = n};
    snprintf(log->last.model, sizeof log->last.model, "%s", facts->model_name);
    for (uint32_t i = 0; i < n; i++) {
        times_of(to + 1 + (size_t)i * TIMES, &result->layers[i]);
        log->last.layers[i] = result->layers[i];
    }
    return BH_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Of the number at `at` in every query. sorted: room for all queries.
static double median(const profile_log *log, size_t at, double *sorted)
{
    for (size_t q = 0; q < log->queries; q++) {
        sorted[q] = log->numbers[q * log->per_query + at];
    }
    qsort(sorted, log->queries, sizeof *sorted, ascending);
    return sorted[log->queries / 2];
}

static bool take_medians(profile_log *log)
{
    double *sorted = calloc(log->queries + 1, sizeof *sorted), times[TIMES];
    if (sorted == NULL || log->queries == 0) {
        free(sorted);
        return false;
    }
    log->last.queries = log->queries;
    log->last.total_ms = median(log, 0, sorted);
    for (uint32_t i = 0; i < log->last.n_layers; i++) {
        for (size_t k = 0; k < TIMES; k++) {
            times[k] = median(log, 1 + (size_t)i * TIMES + k, sorted);
        }
        set_times(&log->last.layers[i], times);
    }
    free(sorted);
    return true;
}

FILE *profile_open(const char *path, bh_error *err)
{
    FILE *file = fopen(path, "ab"); // what is there stays until it is replaced
    if (file == NULL) {
        (void)bh_fail(err, BH_ERR_IO, "%s: %s", path, strerror(errno));
    }
    return file;
}

bh_status profile_write(profile_log *log, FILE *file, bh_error *err)
{
    if (!take_medians(log)) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    const profile *p = &log->last;
    json_t *layers = json_array();
    for (uint32_t i = 0; i < p->n_layers; i++) {
        const bh_client_layer *l = &p->layers[i];
        json_array_append_new(layers,
                              json_pack("{s:f, s:f, s:f, s:f, s:I, s:I}", "encrypt_ms",
                                        l->encrypt_ms, "server_ms", l->server_ms,
                                        "decrypt_ms", l->decrypt_ms, "done_ms",
                                        l->done_ms, "bytes_up", (json_int_t)l->bytes_up,
                                        "bytes_down", (json_int_t)l->bytes_down));
    }
    json_t *all = json_pack("{s:s, s:I, s:I, s:f, s:o}", "model", p->model, "samples",
                            (json_int_t)p->samples, "queries", (json_int_t)p->queries,
                            "total_ms", p->total_ms, "layers", layers);
    (void)!ftruncate(fileno(file), 0); // what cannot be cut off holds nothing
    bool failed = json_dumpf(all, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0 ||
                  putc('\n', file) == EOF || fflush(file) != 0;
    json_decref(all);
    return failed ? bh_fail(err, BH_ERR_IO, "writing the profile failed: %s",
                            strerror(errno))
                  : BH_OK;
}

void profile_clear(profile_log *log)
{
    free(log->numbers);
    *log = (profile_log){0};
}

static bool are_times(const double *times, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(times[i] >= 0 && times[i] <= MS_MAX)) {
            return false;
        }
    }
    return true;
}

static bool unpack(profile *out, json_t *all)
{
    const char *model;
    json_t *layers;
    json_int_t samples, queries, up, down;
    double times[TIMES];
    if (json_unpack(all, "{s:s, s:I, s:I, s:F, s:o}", "model", &model, "samples",
                    &samples, "queries", &queries, "total_ms", &out->total_ms, "layers",
                    &layers) != 0 ||
        json_array_size(layers) > BH_GRAPH_LAYERS_MAX || samples < 1 ||
        samples > BH_SAMPLES_MAX || queries < 1 || !are_times(&out->total_ms, 1)) {
        return false;
    }
    snprintf(out->model, sizeof out->model, "%s", model);
    out->samples = (uint32_t)samples;
    out->queries = (uint64_t)queries;
    out->n_layers = (uint32_t)json_array_size(layers);
    for (uint32_t i = 0; i < out->n_layers; i++) {
        if (json_unpack(json_array_get(layers, i), "{s:F, s:F, s:F, s:F, s:I, s:I}",
                        "encrypt_ms", &times[0], "server_ms", &times[1], "decrypt_ms",
                        &times[2], "done_ms", &times[3], "bytes_up", &up, "bytes_down",
                        &down) != 0 ||
            up < 0 || down < 0 || !are_times(times, TIMES)) {
            return false;
        }
        set_times(&out->layers[i], times);
        out->layers[i].bytes_up = (uint64_t)up;
        out->layers[i].bytes_down = (uint64_t)down;
    }
    return true;
}

bh_status profile_read(profile *out, const char *path, bh_error *err)
{
    json_error_t problem;
    *out = (profile){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bh_fail(err, BH_ERR_IO, "%s: %s", path, strerror(errno));
    }
    json_t *all = json_loadf(file, 0, &problem);
    bool ok = all != NULL && unpack(out, all);
    fclose(file);
    json_decref(all);
    return ok ? BH_OK
              : bh_fail(err, BH_ERR_ENCODING,
                        "%s: not a profile that infer --profile wrote", path);
}
