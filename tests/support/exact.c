// SPDX-License-Identifier: Apache-2.0
#include "support/exact.h"

#include <string.h>

#include "base/memory.h"
#include "model/clear.h"
#include "model/segment.h"
#include "support/record.h"
#include "support/test.h"

// Clear inference of one sample; compares each layer's output.
static size_t compare_sample(const record *r, const bh_graph *g, uint32_t sample,
                             const int64_t *input, const double *logits)
{
    size_t compared = 0, len = BH_GRAPH_VALUES_MAX;
    int64_t *x = bh_alloc(len, sizeof *x), *y = bh_alloc(len, sizeof *y);
    int64_t *scratch = bh_alloc(bh_segment_scratch_len(g), sizeof *scratch);
    memcpy(x, input, bh_shape_len(g->input.shape) * sizeof *x);
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        uint32_t at = i * r->samples + sample;
        assert_non_null(r->weights[at]);
        bh_clear_linear(layer, y, x, r->weights[at], r->bias[at]);
        assert_int_equal(r->output_lengths[at], bh_shape_len(layer->out));
        for (size_t k = 0; k < r->output_lengths[at]; k++) {
            if (r->outputs[at][k] != y[k]) {
                fail_msg("layer %u sample %u output %zu: encrypted %lld, clear %lld", i,
                         sample, k, (long long)r->outputs[at][k], (long long)y[k]);
            }
        }
        compared += r->output_lengths[at];
        if (i + 1 < r->n_layers) {
            bh_segment_run(g, i, x, y, scratch);
        }
    }
    for (size_t k = 0; k < g->n_classes; k++) {
        double want = (double)y[k] * bh_graph_logit_scale(g);
        assert_memory_equal(&logits[k], &want, sizeof want);
    }
    bh_free(x);
    bh_free(y);
    bh_free(scratch);
    return compared;
}

size_t exact_query(session *p, const bh_model *model, const uint8_t *pixels,
                   size_t chunk)
{
    const bh_graph *g = &model->graph;
    size_t compared = 0;
    record r;
    record_query(&r, p, model, pixels, chunk);
    assert_int_equal(record_count_foreign(&r, model), 0);
    for (uint32_t s = 0; s < r.samples; s++) {
        compared +=
            compare_sample(&r, g, s, r.input, r.result.logits + s * g->n_classes);
    }
    record_clear(&r);
    return compared;
}
