// SPDX-License-Identifier: Apache-2.0
// The bound on the logits' deviation under stochastic rounding: its steps against all
// cases where they are few, and whole random models with the worst errors.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/clear.h"
#include "model/deviation.h"
#include "model/integer.h"
#include "model/segment.h"
#include "support/random_model.h"
#include "support/test.h"

// One input to a sum of `window` accumulators, a requantisation by f, one weight: the
// bound is the deviation of the requantised value, plus 1.
static void small_graph(bh_graph *g, uint32_t window, uint32_t f)
{
    bh_quant q = {.x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 1};
    q.acc_max = 1 << 20;
    *g = (bh_graph){.name = "d", .n_classes = 2, .n_layers = 3, .quantised = true};
    g->input = (bh_input){.shape = {1, 1, window}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 1,
                              .kernel_h = 1,
                              .kernel_w = 1,
                              .stride = 1,
                              .quant = q};
    g->layers[1] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 1, .kernel_w = window, .stride = 1};
    q.shift = f;
    q.x_lo = -20;
    q.x_hi = 21;
    g->layers[2] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2, .quant = q};
    g->layers[2].quant.x_scale = ldexp(bh_graph_segment_scale(g, 0), (int)f);
    assert_ok(bh_graph_check(g, NULL));
}

// The largest distance between the nearest rounding of b and a stochastic one of a,
// |a - b| <= d, over all b around zero and one end of the range.
static int64_t worst(const bh_graph *g, int64_t d, uint32_t f)
{
    const int64_t unit = INT64_C(1) << f, from = -22 * unit, to = 3 * unit;
    int64_t found = 0, in[16] = {0}, scratch[32];
    for (int64_t b = from; b <= to; b++) {
        int64_t near;
        in[0] = b;
        bh_segment_run(g, 0, &near, in, scratch);
        for (int64_t a = b - d; a <= b + d; a++) {
            const uint32_t dithers[] = {0, (uint32_t)unit - 1}; // the extremes
            for (int k = 0; k < 2; k++) {
                int64_t out;
                in[0] = a;
                bh_segment_run_stochastic(g, 0, &out, in, scratch, &dithers[k]);
                found = llabs(out - near) > found ? llabs(out - near) : found;
            }
        }
    }
    return found;
}

static void test_requantisation(void **state)
{
    (void)state;
    static bh_graph g;
    for (uint32_t f = 0; f <= 5; f++) {
        for (uint32_t window = 1; window <= 16; window++) {
            small_graph(&g, window, f);
            assert_int_equal(bh_graph_deviation(&g, NULL), worst(&g, window, f) + 1);
        }
    }
}

static void test_steps(void **state)
{
    (void)state;
    static bh_graph g;
    const uint64_t rows[] = {UINT64_MAX, UINT64_MAX}, none[] = {UINT64_MAX, 0};
    small_graph(&g, 5, 0); // five accumulators that deviate by 1 each
    assert_int_equal(bh_graph_deviation(&g, NULL), 6);
    assert_int_equal(bh_graph_deviation(&g, rows), 6);
    assert_int_equal(bh_graph_deviation(&g, none), 1);
    g.layers[2].quant.w_max = 127;
    assert_int_equal(bh_graph_deviation(&g, NULL), 127 * 5 + 1);
    // Whatever moves, inputs stay in a range of 41.
    g.input.shape.width = g.layers[1].kernel_w = 100;
    g.layers[1].quant = (bh_quant){0};
    assert_int_equal(bh_graph_deviation(&g, NULL), 127 * 41 + 1);
    // The sum of |weights| is at most 2 * 1000 / 41 = 48.
    g.layers[2].quant.acc_max = 1000;
    assert_int_equal(bh_graph_deviation(&g, NULL), 48 * 41 + 1);
    g.layers[2].quant.acc_max = 1;
    assert_int_equal(bh_graph_deviation(&g, NULL), 1);
    // A square of at most 2^20 that deviates by 1, rounded to units of 2^16.
    small_graph(&g, 1, 16);
    g.layers[1] = (bh_layer){.kind = BH_LAYER_SQUARE};
    assert_int_equal(bh_graph_deviation(&g, NULL),
                     1 + ((1 << 21) + 1 + (1 << 15) - 1) / (1 << 16) + 1);
}

typedef enum choice { LEAST, MOST, RANDOM, CHOICES } choice;

// Both inferences of one model, and their tensors.
typedef struct twins {
    const bh_model *m;
    int64_t *x, *acc, *x_off, *acc_off, *scratch;
    int32_t *weights, *bias;
    uint32_t *dither;
    uint8_t seed[BH_SEED_BYTES];
} twins;

static void twins_init(twins *t, const bh_model *m, test_rng *rng)
{
    size_t len = bh_segment_scratch_len(&m->graph) + bh_model_input_len(m);
    size_t weights = 0;
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i);
        size_t n = p->n_weights + p->n_bias;
        weights = n > weights ? n : weights;
    }
    t->m = m;
    t->x = bh_alloc(len, sizeof *t->x);
    t->acc = bh_alloc(len, sizeof *t->acc);
    t->x_off = bh_alloc(len, sizeof *t->x_off);
    t->acc_off = bh_alloc(len, sizeof *t->acc_off);
    t->scratch = bh_alloc(len, sizeof *t->scratch);
    t->weights = bh_alloc(weights, sizeof *t->weights);
    t->bias = bh_alloc(weights, sizeof *t->bias);
    t->dither = bh_alloc(len, sizeof *t->dither);
    for (size_t i = 0; i < sizeof t->seed; i++) {
        t->seed[i] = (uint8_t)test_rng_next(rng);
    }
}

static void twins_clear(twins *t)
{
    bh_free(t->x);
    bh_free(t->acc);
    bh_free(t->x_off);
    bh_free(t->acc_off);
    bh_free(t->scratch);
    bh_free(t->weights);
    bh_free(t->bias);
    bh_free(t->dither);
}

// One linear layer in both, the other's accumulators off by up to 1.
static void run_linear(twins *t, uint32_t i, choice c, test_rng *rng)
{
    const bh_layer *layer = &t->m->graph.layers[bh_graph_linear_index(&t->m->graph, i)];
    size_t len = bh_shape_len(layer->out);
    assert_ok(bh_draw_layer(bh_model_integer(t->m, 0, i), t->weights, t->bias, t->seed,
                            i, 0));
    bh_clear_linear(layer, t->acc, t->x, t->weights, t->bias);
    bh_clear_linear(layer, t->acc_off, t->x_off, t->weights, t->bias);
    for (size_t k = 0; k < len; k++) {
        t->acc_off[k] += c == LEAST ? -1 : c == MOST ? 1 : test_rng_range(rng, -1, 1);
    }
}

static void run_segment(twins *t, uint32_t i, choice c, test_rng *rng)
{
    const bh_graph *g = &t->m->graph;
    size_t len = bh_shape_len(g->layers[bh_graph_linear_index(g, i + 1)].in);
    for (size_t k = 0; k < len; k++) {
        t->dither[k] = c == LEAST  ? UINT32_MAX
                       : c == MOST ? 0
                                   : (uint32_t)test_rng_next(rng);
    }
    bh_segment_run(g, i, t->x, t->acc, t->scratch);
    bh_segment_run_stochastic(g, i, t->x_off, t->acc_off, t->scratch, t->dither);
}

static uint64_t deviation(twins *t, choice c, test_rng *rng)
{
    const bh_graph *g = &t->m->graph;
    const bh_quant *q = &g->layers[bh_graph_linear_index(g, 0)].quant;
    uint32_t count = bh_graph_linear_count(g);
    for (size_t k = 0; k < bh_model_input_len(t->m); k++) {
        t->x[k] = t->x_off[k] = test_rng_range(rng, q->x_lo, q->x_hi);
    }
    for (uint32_t i = 0; i < count; i++) {
        run_linear(t, i, c, rng);
        if (i + 1 < count) {
            run_segment(t, i, c, rng);
        }
    }
    uint64_t most = 0;
    for (uint32_t k = 0; k < g->n_classes; k++) {
        uint64_t off = (uint64_t)llabs(t->acc_off[k] - t->acc[k]);
        most = off > most ? off : most;
    }
    return most;
}

static void test_models(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("models");
    double nearest = 0;
    for (int trial = 0; trial < 100; trial++) {
        bh_model *m = random_model(&rng);
        uint64_t bound = bh_model_deviation(m);
        assert_true(bound >= 1 && bound <= bh_graph_deviation(&m->graph, NULL));
        twins t;
        twins_init(&t, m, &rng);
        for (int run = 0; run < 2 * CHOICES; run++) {
            uint64_t off = deviation(&t, (choice)(run % CHOICES), &rng);
            assert_true(off <= bound);
            if (bound > 1) {
                nearest = fmax(nearest, (double)off / (double)bound);
            }
        }
        twins_clear(&t);
        bh_model_free(m);
    }
    printf("up to %.2f of the bound\n", nearest);
}

// The row bound is what the largest drawable weights of any member add up to.
static void test_row_bound(void **state)
{
    (void)state;
    int32_t mean[] = {-3 * 4096, 5 << 12, 0, 100 << 12, 1 << 12, 1 << 12};
    int32_t dev[] = {0, 1 << 12, 1 << 12, 10 << 12, 0, 0};
    int64_t bias[] = {1000 << 12, 0}, bias_dev[] = {0, 0};
    bh_int_posterior p[2] = {{.n_weights = 6,
                              .n_bias = 2,
                              .weight_mean = mean,
                              .weight_dev = dev,
                              .bias_mean = bias,
                              .bias_dev = bias_dev,
                              .w_max = 127}};
    static const bh_graph one = {.n_layers = 1, .layers = {{.kind = BH_LAYER_FC}}};
    assert_int_equal(bh_integer_row_bound(p, 1, &one, 0), 127 + 1 + 1);
    mean[3] = -10 * 4096;
    dev[3] = 0;
    assert_int_equal(bh_integer_row_bound(p, 1, &one, 0), 3 + (5 + 6) + 6);
    int32_t other[] = {0, 0, 0, 0, 126 << 12, -126 * 4096};
    p[1] = p[0];
    p[1].weight_mean = other;
    assert_int_equal(bh_integer_row_bound(p, 2, &one, 0), 126 + 126);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requantisation),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_row_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
