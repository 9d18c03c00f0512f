// SPDX-License-Identifier: Apache-2.0
#include "support/replay.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/clear.h"
#include "model/segment.h"
#include "mpc/truncate.h"
#include "protocol/service.h"
#include "support/record.h"
#include "support/test.h"

// The number that the two shares of element k stand for, modulo 2^bits.
static uint32_t together(const record *r, int stage, uint32_t layer, size_t k,
                         unsigned bits)
{
    uint32_t sum = r->shares[0][stage][layer][k] + r->shares[1][stage][layer][k];
    return bits == 32 ? sum : sum & ((UINT32_C(1) << bits) - 1);
}

static int64_t centred(uint32_t v, unsigned bits)
{
    return (int64_t)((uint64_t)v << (64 - bits)) >> (64 - bits);
}

// Tensors of one sample that is replayed.
typedef struct tensors {
    int64_t *x, *y, *exact_x, *exact_y, *scratch;
    uint32_t *dither;
} tensors;

static tensors new_tensors(const bh_graph *g)
{
    size_t len = bh_segment_scratch_len(g) + bh_shape_len(g->input.shape);
    tensors t = {bh_alloc(len, sizeof(int64_t)),     bh_alloc(len, sizeof(int64_t)),
                 bh_alloc(len, sizeof(int64_t)),     bh_alloc(len, sizeof(int64_t)),
                 bh_alloc(2 * len, sizeof(int64_t)), bh_alloc(len, sizeof(uint32_t))};
    assert_true(t.x && t.y && t.exact_x && t.exact_y && t.scratch && t.dither);
    return t;
}

static void free_tensors(tensors *t)
{
    bh_free(t->x);
    bh_free(t->y);
    bh_free(t->exact_x);
    bh_free(t->exact_y);
    bh_free(t->scratch);
    bh_free(t->dither);
}

// What the shares of a linear layer's result stand for, into t->y.
static void check_linear(const record *r, const bh_plan *plan, uint32_t i,
                         uint32_t sample, tensors *t, replay_counts *counts)
{
    const bh_layer *layer = &plan->graph->layers[bh_graph_linear_index(plan->graph, i)];
    size_t len = bh_shape_len(layer->out);
    uint32_t at = i * r->samples + sample;
    bh_clear_linear(layer, t->y, t->x, r->weights[at], r->bias[at]);
    for (size_t k = 0; k < len; k++) {
        unsigned l = plan->layers[i].t_bits;
        int64_t shared = centred(together(r, 0, i, sample * len + k, l), l);
        if (llabs(shared - t->y[k]) > 1) {
            fail_msg("layer %u sample %u output %zu: shared %lld, clear %lld", i,
                     sample, k, (long long)shared, (long long)t->y[k]);
        }
        counts->off_by_one += shared != t->y[k];
        t->y[k] = shared;
    }
    counts->accumulators += len;
}

static void check_segment(const record *r, const bh_plan *plan, uint32_t i,
                          uint32_t sample, tensors *t, replay_counts *counts)
{
    const bh_graph *g = plan->graph;
    const bh_layer *next = &g->layers[bh_graph_linear_index(g, i + 1)];
    size_t len = bh_shape_len(next->in);
    memcpy(t->dither, r->shares[0][1][i] + sample * len, len * sizeof *t->dither);
    bh_segment_run_stochastic(g, i, t->x, t->y, t->scratch, t->dither);
    for (size_t k = 0; k < len; k++) {
        unsigned l = plan->layers[i + 1].t_bits;
        int64_t shared = centred(together(r, 2, i, sample * len + k, l), l);
        if (shared != t->x[k]) {
            fail_msg("layer %u sample %u activation %zu: shared %lld, replayed %lld", i,
                     sample, k, (long long)shared, (long long)t->x[k]);
        }
    }
    counts->activations += len;
}

static void check_logits(const record *r, const bh_plan *plan, uint32_t sample,
                         const tensors *t, const double *logits, replay_counts *counts)
{
    const bh_graph *g = plan->graph;
    uint32_t i = plan->n_layers - 1, best = 0, exact_best = 0;
    unsigned l = plan->layers[i].t_bits;
    unsigned f = bh_script_logit_shift(g, plan->logit_bits, l);
    double scale = bh_graph_logit_scale(g);
    for (uint32_t k = 0; k < g->n_classes; k++) {
        size_t at = (size_t)sample * g->n_classes + k;
        uint32_t w = (uint32_t)(t->y[k] + (INT64_C(1) << (l - 2)));
        assert_int_equal(w, together(r, 1, i, at, l));
        uint32_t u = bh_truncate_clear(w, r->shares[0][1][i][at], f);
        double want =
            ((double)u * ldexp(1, (int)f) - ldexp(1, (int)l - 2) - (f > 0)) * scale;
        assert_memory_equal(&logits[k], &want, sizeof want);
        double exact = (double)t->exact_y[k] * scale;
        counts->deviation = fmax(counts->deviation, fabs(want - exact));
        if (counts->exact != NULL) {
            counts->exact[at] = exact;
        }
        best = logits[k] > logits[best] ? k : best;
        exact_best = t->exact_y[k] > t->exact_y[exact_best] ? k : exact_best;
    }
    counts->logits += g->n_classes;
    counts->label_differs += best != exact_best;
}

// The label of the largest sum of truncated logits, the first of equal ones.
static void check_label(const record *r, const bh_plan *plan, uint32_t label)
{
    const bh_graph *g = plan->graph;
    uint32_t last = plan->n_layers - 1, best = 0;
    unsigned l = plan->layers[last].t_bits;
    unsigned f = bh_script_logit_shift(g, plan->logit_bits, l);
    uint64_t most = 0;
    for (uint32_t c = 0; c < g->n_classes; c++) {
        uint64_t sum = 0;
        for (uint32_t s = 0; s < r->samples; s++) {
            size_t at = (size_t)s * g->n_classes + c;
            uint32_t u = bh_truncate_clear(together(r, 1, last, at, l),
                                           r->shares[0][1][last][at], f);
            assert_int_equal(u, together(r, 2, last, at, BH_SCRIPT_VOTE_BITS));
            sum += u;
        }
        best = c == 0 || sum > most ? c : best;
        most = sum > most ? sum : most;
    }
    assert_int_equal(label, best);
}

static void replay_sample(const record *r, const bh_plan *plan, uint32_t sample,
                          const int64_t *input, const double *logits,
                          replay_counts *counts)
{
    const bh_graph *g = plan->graph;
    tensors t = new_tensors(g);
    size_t len = bh_shape_len(g->input.shape);
    memcpy(t.x, input, len * sizeof *input);
    memcpy(t.exact_x, input, len * sizeof *input);
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        uint32_t at = i * r->samples + sample;
        bh_clear_linear(layer, t.exact_y, t.exact_x, r->weights[at], r->bias[at]);
        check_linear(r, plan, i, sample, &t, counts);
        if (i + 1 < r->n_layers) {
            bh_segment_run(g, i, t.exact_x, t.exact_y, t.scratch);
            check_segment(r, plan, i, sample, &t, counts);
        }
    }
    if (logits != NULL) {
        check_logits(r, plan, sample, &t, logits, counts);
    }
    free_tensors(&t);
}

void replay_query(session *p, const bh_model *model, const uint8_t *pixels,
                  size_t chunk, replay_counts *counts)
{
    const bh_plan *plan = p->service->plan;
    record r;
    record_query(&r, p, model, pixels, chunk);
    assert_int_equal(record_count_foreign(&r, model), 0);
    for (uint32_t s = 0; s < r.samples; s++) {
        const double *logits = r.result.logits;
        replay_sample(&r, plan, s, r.input,
                      logits != NULL ? logits + s * plan->graph->n_classes : NULL,
                      counts);
    }
    if (plan->reveal == BH_REVEAL_LABEL) {
        check_label(&r, plan, r.result.prediction.label);
        counts->labels++;
    }
    record_clear(&r);
}
