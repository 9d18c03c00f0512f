// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "report.h"
#include "tally.h"

static const struct {
    const char *name;
    tally_figure figure;
} figures[] = {{"total", TALLY_TOTAL},   {"client", TALLY_CLIENT},
               {"server", TALLY_SERVER}, {"erase", TALLY_ERASE},
               {"cpu", TALLY_CPU},       {"online", TALLY_ONLINE}};

static const struct {
    const char *name;
    tally_step step;
} steps[] = {{"encrypt", TALLY_ENCRYPT},
             {"server", TALLY_ANSWER},
             {"decrypt", TALLY_DECRYPT},
             {"done", TALLY_DONE}};

enum {
    N_FIGURES = sizeof figures / sizeof figures[0],
    N_STEPS = sizeof steps / sizeof steps[0],
    N_DURATIONS = N_STEPS - 1 // the last one is a moment
};

static json_t *layer_json(tally *t, uint32_t k)
{
    json_t *layer =
        json_pack("{s:{s:I, s:I}}", "bytes", "up", (json_int_t)t->layer_bytes[k][0],
                  "down", (json_int_t)t->layer_bytes[k][1]);
    for (size_t i = 0; i < N_STEPS; i++) {
        json_object_set_new(layer, steps[i].name,
                            json_real(tally_median(t, k, steps[i].step)));
    }
    return layer;
}

json_t *tally_ms_json(tally *t)
{
    json_t *ms = json_object(), *layers = json_array(), *all = json_object();
    for (size_t i = 0; i < N_FIGURES; i++) {
        json_object_set_new(ms, figures[i].name,
                            json_real(tally_spread(t, figures[i].figure).median));
    }
    for (size_t i = 0; i < N_DURATIONS; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < t->n_layers; k++) {
            sum += tally_median(t, k, steps[i].step);
        }
        json_object_set_new(all, steps[i].name, json_real(sum));
    }
    for (uint32_t k = 0; k < t->n_layers; k++) {
        json_array_append_new(layers, layer_json(t, k));
    }
    json_object_set_new(ms, "steps", all);
    json_object_set_new(ms, "layers", layers);
    return ms;
}

json_t *tally_spread_json(tally *t)
{
    json_t *spreads = json_object();
    for (size_t i = 0; i < N_FIGURES; i++) {
        spread s = tally_spread(t, figures[i].figure);
        json_object_set_new(spreads, figures[i].name, report_spread(&s, 1));
    }
    return spreads;
}

static void print_layers(tally *t)
{
    printf("\nms, sums over samples    encrypt   server  decrypt   done at   MB up  MB "
           "down\n");
    for (uint32_t k = 0; k < t->n_layers; k++) {
        printf("linear layer %-3u       ", k + 1);
        for (size_t i = 0; i < N_STEPS; i++) {
            printf(" %8.2f", tally_median(t, k, steps[i].step));
        }
        printf("  %7.3f  %7.3f\n", (double)t->layer_bytes[k][0] / 1e6,
               (double)t->layer_bytes[k][1] / 1e6);
    }
}

void tally_print(tally *t)
{
    for (size_t i = 0; i < N_FIGURES; i++) {
        spread s = tally_spread(t, figures[i].figure);
        printf("%-8s %10.2f ms   quartiles %.2f - %.2f, fastest %.2f, 99th percentile "
               "%.2f\n",
               figures[i].name, s.median, s.q1, s.q3, s.min, s.p99);
    }
    printf("%-8s %10.1f million core cycles, all threads\n", "",
           tally_spread(t, TALLY_CYCLES).median / 1e6);
    printf("%-8s %10.3f MB up, %.3f MB down, %u rounds\n", "bytes",
           (double)t->bytes_up / 1e6, (double)t->bytes_down / 1e6, t->rounds);
    if (t->bytes_offline > 0) {
        printf("%-8s %10.3f MB both ways to prepare a query\n", "",
               (double)t->bytes_offline / 1e6);
    }
    printf("%-8s %10.1f MB at the peak, both sides\n", "memory",
           (double)t->peak_rss / 1e6);
    print_layers(t);
}
