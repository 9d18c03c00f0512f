// SPDX-License-Identifier: Apache-2.0
#include "model/deviation.h"

#include "model/integer.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Deviation and size of every value at one place of the network.
typedef struct spread {
    uint64_t deviation, size;
} spread;

static uint64_t input_range(const bh_quant *q)
{
    return (uint64_t)((int64_t)q->x_hi - q->x_lo);
}

static spread linear(const bh_layer *layer, uint64_t deviation, uint64_t row_bound)
{
    const bh_quant *q = &layer->quant;
    uint64_t inputs = (uint64_t)layer->in.channels * layer->kernel_h * layer->kernel_w;
    uint64_t row = smaller(row_bound, multiply(inputs, q->w_max));
    uint64_t range = input_range(q);
    row = range > 0 ? smaller(row, 2 * q->acc_max / range) : 0;
    deviation = add(multiply(row, deviation), 1);
    return (spread){smaller(deviation, 2 * q->acc_max + 1), q->acc_max};
}

static spread between(const bh_layer *layer, spread s)
{
    uint64_t window = (uint64_t)layer->kernel_h * layer->kernel_w;
    switch (layer->kind) {
    case BH_LAYER_SQUARE:
        s.deviation = multiply(s.deviation, add(multiply(2, s.size), s.deviation));
        s.size = multiply(s.size, s.size);
        break;
    case BH_LAYER_AVG_POOL:
        s.deviation = multiply(s.deviation, window);
        s.size = multiply(s.size, window);
        break;
    default:
        break;
    }
    return s;
}

static uint64_t requantise(const bh_quant *q, uint64_t deviation)
{
    if (q->shift > 0) {
        uint64_t half = UINT64_C(1) << (q->shift - 1);
        deviation = 1 + (add(deviation, half - 1) >> q->shift);
    }
    return smaller(deviation, input_range(q));
}

uint64_t bh_graph_deviation(const bh_graph *g, const uint64_t *row_bounds)
{
    spread s = {0, 0};
    uint32_t n_linear = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        const bh_layer *layer = &g->layers[i];
        if (!bh_layer_is_linear(layer)) {
            s = between(layer, s);
            continue;
        }
        uint64_t deviation = n_linear > 0 ? requantise(&layer->quant, s.deviation) : 0;
        s = linear(layer, deviation,
                   row_bounds != NULL ? row_bounds[n_linear] : UINT64_MAX);
        n_linear++;
    }
    return s.deviation;
}

uint64_t bh_model_deviation(const bh_model *m)
{
    uint64_t row_bounds[BH_GRAPH_LAYERS_MAX] = {0};
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        row_bounds[i] = bh_integer_row_bound(m->integer, m->members, &m->graph, i);
    }
    return bh_graph_deviation(&m->graph, row_bounds);
}
