// SPDX-License-Identifier: Apache-2.0
#include "support/random_model.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/input.h"

static double unit(test_rng *rng) // in [-1, 1)
{
    return (double)(int64_t)test_rng_next(rng) / 9223372036854775808.0;
}

static void add(bh_graph *g, bh_layer layer)
{
    g->layers[g->n_layers++] = layer;
}

static uint32_t pick(test_rng *rng, uint32_t lo, uint32_t hi)
{
    return (uint32_t)test_rng_range(rng, lo, hi);
}

// A linear layer and what follows it; the graph check decides whether it is possible.
static void add_block(test_rng *rng, bh_graph *g, int convolution)
{
    if (convolution) {
        add(g, (bh_layer){.kind = BH_LAYER_CONV2D,
                          .out_channels = pick(rng, 1, 6),
                          .kernel_h = pick(rng, 1, 4),
                          .kernel_w = pick(rng, 1, 4),
                          .stride = pick(rng, 1, 3),
                          .pad = pick(rng, 0, 2)});
    } else {
        add(g, (bh_layer){.kind = BH_LAYER_FC, .out_channels = pick(rng, 1, 40)});
    }
    uint32_t activation = pick(rng, 0, 5);
    if (activation > 0) {
        add(g, (bh_layer){.kind = activation == 1 ? BH_LAYER_SQUARE : BH_LAYER_RELU});
    }
    if (convolution && pick(rng, 0, 1)) {
        add(g,
            (bh_layer){.kind = pick(rng, 0, 1) ? BH_LAYER_MAX_POOL : BH_LAYER_AVG_POOL,
                       .kernel_h = pick(rng, 1, 3),
                       .kernel_w = pick(rng, 1, 3),
                       .stride = pick(rng, 1, 3)});
    }
}

static void random_images(test_rng *rng, bh_input *in)
{
    in->shape = (bh_shape){pick(rng, 1, 3), pick(rng, 1, 20), pick(rng, 1, 20)};
    in->normalise = pick(rng, 0, 2) ? BH_NORMALISE_FIXED : BH_NORMALISE_IMAGE;
    for (uint32_t c = 0; c < in->shape.channels; c++) {
        bool plain = in->normalise == BH_NORMALISE_IMAGE;
        in->mean[c] = plain || pick(rng, 0, 1) ? 0 : (float)(unit(rng) * 0.5);
        in->dev[c] = plain || pick(rng, 0, 1) ? 1 : (float)(0.1 + fabs(unit(rng)));
    }
}

static void random_table(test_rng *rng, bh_input *in)
{
    in->n_columns = pick(rng, 1, 60);
    in->shape = (bh_shape){1, 1, in->n_columns};
    in->mean[0] = BH_COLUMN_PIXEL_MEAN;
    in->dev[0] = BH_COLUMN_PIXEL_DEV;
    for (uint32_t j = 0; j < in->n_columns; j++) {
        in->column_mean[j] = (float)(unit(rng) * 100);
        in->column_dev[j] = (float)exp2(unit(rng) * 10);
    }
}

static void random_graph(test_rng *rng, bh_graph *g)
{
    do {
        *g = (bh_graph){.name = "random", .dataset = "random"};
        g->temperature = pick(rng, 0, 1) ? 1 : exp2(unit(rng) * 6);
        (pick(rng, 0, 4) > 0 ? random_images : random_table)(rng, &g->input);
        uint32_t convolutions = pick(rng, 0, 2), fully = pick(rng, 0, 1);
        for (uint32_t i = 0; i < convolutions; i++) {
            add_block(rng, g, 1);
        }
        for (uint32_t i = 0; i < fully; i++) {
            add_block(rng, g, 0);
        }
        g->n_classes = pick(rng, 2, 12);
        add(g, (bh_layer){.kind = BH_LAYER_FC, .out_channels = g->n_classes});
    } while (bh_graph_check(g, NULL) != BH_OK);
}

void random_pixels(test_rng *rng, uint8_t *pixels, const bh_graph *graph)
{
    for (size_t i = 0; i < bh_shape_len(graph->input.shape); i++) {
        uint64_t r = test_rng_next(rng);
        pixels[i] = (r >> 8) % 4 == 0 ? 255 : (r >> 8) % 4 == 1 ? 0 : (uint8_t)r;
    }
}

static bh_status quantise(test_rng *rng, bh_model *m)
{
    enum { COUNT = 8 };
    size_t len = bh_shape_len(m->graph.input.shape);
    uint8_t *pixels = bh_alloc(len, 1);
    float *inputs = bh_alloc(COUNT * len, sizeof *inputs);
    for (size_t i = 0; i < COUNT; i++) {
        random_pixels(rng, pixels, &m->graph);
        bh_normalise_pixels(&m->graph, inputs + i * len, pixels);
    }
    bh_status status = bh_model_quantise(m, inputs, COUNT, 8, 8, NULL);
    bh_free(inputs);
    bh_free(pixels);
    return status;
}

// NULL if the random posterior cannot be quantised within the limits.
static bh_model *try_model(test_rng *rng, const bh_graph *graph, uint32_t members)
{
    bh_model *m;
    assert_ok(bh_model_new(&m, graph, members));
    for (uint32_t i = 0; i < members * bh_graph_linear_count(graph); i++) {
        bh_posterior *p = &m->posterior[i];
        double spread = 0.02 + fabs(unit(rng)) * 0.3;
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] = (float)(unit(rng) * 0.3);
            p->dev[k] = (float)(fabs(unit(rng)) * 0.3 * spread);
        }
    }
    if (quantise(rng, m) != BH_OK) {
        bh_model_free(m);
        return NULL;
    }
    return m;
}

bh_model *random_model_of(test_rng *rng, const bh_graph *graph)
{
    bh_model *m = NULL;
    for (int i = 0; m == NULL && i < 100; i++) {
        m = try_model(rng, graph, 1);
    }
    assert_non_null(m);
    return m;
}

bh_model *random_model(test_rng *rng)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    bh_model *m = NULL;
    while (m == NULL) {
        random_graph(rng, g);
        m = try_model(rng, g, pick(rng, 1, 3));
    }
    bh_free(g);
    return m;
}
