// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "model/graph_check.h"

// Scales outside this range come from no real network, and within it no product of two
// scales leaves the doubles.
#define SCALE_MIN 1e-30
#define SCALE_MAX 1e30

static const char *quant_problem(const bh_quant *q, bool first)
{
    if (!(q->x_scale >= SCALE_MIN && q->x_scale <= SCALE_MAX) ||
        !(q->w_scale >= SCALE_MIN && q->w_scale <= SCALE_MAX)) {
        return "a scale is out of range";
    }
    if (q->shift > (first ? 0 : BH_SHIFT_MAX)) {
        return "the shift is out of range";
    }
    if (q->x_lo < -BH_INPUT_MAX || q->x_lo > 0 || q->x_hi < 1 ||
        q->x_hi > BH_INPUT_MAX) {
        return "the range of the inputs is out of bounds";
    }
    if (!bh_graph_in_range(q->w_max, 1, BH_WEIGHT_MAX)) {
        return "the range of the weights is out of bounds";
    }
    return bh_graph_in_range(q->acc_max, 1, BH_ACC_MAX)
               ? NULL
               : "the accumulators' bound is out of range";
}

// Largest |v| after a layer of a segment, from the largest before; 0 if it does not
// stay below 2^62. Signs are not tracked: ReLU and max pools never enlarge |v|.
static uint64_t value_bound(const bh_layer *layer, uint64_t bound)
{
    uint64_t factor = 1;
    if (layer->kind == BH_LAYER_SQUARE) {
        factor = bound;
    } else if (layer->kind == BH_LAYER_AVG_POOL) {
        factor = (uint64_t)layer->kernel_h * layer->kernel_w;
    }
    return bound <= BH_SEGMENT_MAX / factor ? bound * factor : 0;
}

bh_status bh_graph_check_quant(const bh_graph *g, bh_error *err)
{
    uint64_t bound = 0;
    uint32_t n_linear = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        const bh_layer *layer = &g->layers[i];
        if (!bh_layer_is_linear(layer)) {
            // Nothing but flattens stands before the first linear layer.
            bound = n_linear > 0 ? value_bound(layer, bound) : 0;
            if (n_linear > 0 && bound == 0) {
                return bh_graph_refuse(err, g, i, "its values could exceed 62 bits");
            }
            continue;
        }
        const char *problem = quant_problem(&layer->quant, n_linear == 0);
        if (problem != NULL) {
            return bh_graph_refuse(err, g, i, problem);
        }
        if (n_linear > 0) {
            double scale =
                ldexp(bh_graph_segment_scale(g, n_linear - 1), (int)layer->quant.shift);
            // Scales are doubles that passed through a few roundings, not more.
            if (!(fabs(scale / layer->quant.x_scale - 1) < 1e-9)) {
                return bh_graph_refuse(
                    err, g, i, "its scale does not follow from the layer before");
            }
        }
        bound = layer->quant.acc_max;
        n_linear++;
    }
    return BH_OK;
}
