// SPDX-License-Identifier: Apache-2.0
#include "infer/select.h"

#include <math.h>

#include "base/memory.h"

#define WORK_SHARE 1e-3

typedef struct search {
    bh_candidates *layers;
    uint32_t n_layers, samples;
    const bh_cost *cost;
    bh_stages *scratch;
} search;

double bh_select_objective(const bh_candidates *layers, uint32_t n_layers,
                           uint32_t samples, const bh_cost *cost, bh_stages *scratch)
{
    double work = 0, carrying = 0;
    for (uint32_t i = 0; i < n_layers; i++) {
        const bh_stages *s = &layers[i].stages[layers[i].chosen];
        bh_repeats r = bh_repeats_of(i, samples);
        scratch[i] = *s;
        work += bh_stages_work(s, r);
        carrying += r.inputs * s->up + r.samples * s->down;
    }
    double time = cost->link.bytes_per_second > BH_LINK_BYTES_ONLY
                      ? bh_pipeline_run(scratch, n_layers, samples, cost, NULL)
                      : carrying;
    return time + WORK_SHARE * work;
}

static double objective(const search *s)
{
    return bh_select_objective(s->layers, s->n_layers, s->samples, s->cost, s->scratch);
}

// Moves one layer to its best choice while the others stay. Returns the objective.
static double improve_layer(const search *s, bh_candidates *layer)
{
    uint32_t best = layer->chosen;
    double least = objective(s);
    for (uint32_t k = 0; k < layer->linear.count; k++) {
        layer->chosen = k;
        double value = objective(s);
        if (value < least) {
            least = value;
            best = k;
        }
    }
    layer->chosen = best;
    return least;
}

// Layer by layer until nothing gets better.
static double descend(const search *s)
{
    double before, now = INFINITY;
    do {
        before = now;
        for (uint32_t i = 0; i < s->n_layers; i++) {
            now = improve_layer(s, &s->layers[i]);
        }
    } while (now < before);
    return now;
}

// Every layer with the least of a weighted sum of what computing and carrying it takes.
static void choose_least(bh_candidates *layers, uint32_t n_layers, uint32_t samples,
                         double computing, double carrying)
{
    for (uint32_t i = 0; i < n_layers; i++) {
        bh_candidates *layer = &layers[i];
        bh_repeats r = bh_repeats_of(i, samples);
        double least = INFINITY;
        for (uint32_t k = 0; k < layer->linear.count; k++) {
            const bh_stages *t = &layer->stages[k];
            double carried = r.inputs * t->up + r.samples * t->down;
            double value =
                computing * (bh_stages_work(t, r) - carried) + carrying * carried;
            if (value < least) {
                least = value;
                layer->chosen = k;
            }
        }
    }
}

void bh_select_work(bh_candidates *layers, uint32_t n_layers, uint32_t samples,
                    const bh_cost *cost)
{
    bool bytes_only = cost->link.bytes_per_second <= BH_LINK_BYTES_ONLY;
    choose_least(layers, n_layers, samples, bytes_only ? WORK_SHARE : 1, 1);
}

bh_status bh_select(bh_candidates *layers, uint32_t n_layers, uint32_t samples,
                    const bh_cost *cost)
{
    // Where descents start: computing alone, all alike, bytes alone.
    static const double starts[] = {0, 0.5, 1};
    search s = {layers, n_layers, samples, cost, NULL};
    double least = INFINITY;
    s.scratch = bh_alloc(n_layers, sizeof *s.scratch);
    if (s.scratch == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t k = 0; k < sizeof starts / sizeof starts[0]; k++) {
        choose_least(layers, n_layers, samples, 1 - starts[k], starts[k]);
        double value = descend(&s);
        if (value < least) {
            least = value;
            for (uint32_t i = 0; i < n_layers; i++) {
                layers[i].best = layers[i].chosen;
            }
        }
    }
    for (uint32_t i = 0; i < n_layers; i++) {
        layers[i].chosen = layers[i].best;
    }
    bh_free(s.scratch);
    return BH_OK;
}
