// SPDX-License-Identifier: Apache-2.0
// Models: quantisation, clear inference and the model file.
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/clear.h"
#include "model/input.h"
#include "model/integer.h"
#include "model/model.h"
#include "model/reals.h"
#include "model/segment.h"
#include "model/synthetic.h"
#include "support/faults.h"
#include "support/test.h"

enum { INPUT = 2 * 8 * 8, CLASSES = 3, IMAGES = 40 };
enum { CUT_AT = 24, CUT_BYTES = 25 }; // in a model file

#define CONV(o, k, s, p)                                                               \
    (bh_layer)                                                                         \
    {                                                                                  \
        .kind = BH_LAYER_CONV2D, .out_channels = o, .kernel_h = k, .kernel_w = k,      \
        .stride = s, .pad = p                                                          \
    }
#define POOL(what, k)                                                                  \
    (bh_layer)                                                                         \
    {                                                                                  \
        .kind = what, .kernel_h = k, .kernel_w = k, .stride = k                        \
    }
#define PLAIN(what)                                                                    \
    (bh_layer)                                                                         \
    {                                                                                  \
        .kind = what                                                                   \
    }
#define FC(o)                                                                          \
    (bh_layer)                                                                         \
    {                                                                                  \
        .kind = BH_LAYER_FC, .out_channels = o                                         \
    }

// Small networks: ReLU and max pools; squares and average pools; signed activations.
static void small_graph(bh_graph *g, int variant)
{
    const bh_layer layers[3][9] = {
        {CONV(4, 3, 1, 1), PLAIN(BH_LAYER_RELU), POOL(BH_LAYER_MAX_POOL, 2),
         PLAIN(BH_LAYER_FLATTEN), FC(7), PLAIN(BH_LAYER_RELU), FC(CLASSES)},
        {CONV(4, 3, 1, 0), POOL(BH_LAYER_AVG_POOL, 3), PLAIN(BH_LAYER_SQUARE),
         PLAIN(BH_LAYER_FLATTEN), FC(7), PLAIN(BH_LAYER_SQUARE), FC(CLASSES)},
        {CONV(4, 5, 2, 2), POOL(BH_LAYER_MAX_POOL, 2), FC(7), PLAIN(BH_LAYER_FLATTEN),
         FC(5), PLAIN(BH_LAYER_RELU), FC(CLASSES)},
    };
    memset(g, 0, sizeof *g);
    strcpy(g->name, "small");
    g->n_layers = 7;
    g->n_classes = CLASSES;
    memcpy(g->layers, layers[variant], sizeof layers[variant]);
    g->input =
        (bh_input){.shape = {2, 8, 8}, .mean = {0.5f, 0.25f}, .dev = {0.5f, 0.25f}};
}

static bh_model *new_model(int variant, double dev, test_rng *rng)
{
    static bh_graph g;
    bh_model *m = NULL;
    small_graph(&g, variant);
    assert_ok(bh_model_new(&m, &g, 1));
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        bh_posterior *p = bh_model_posterior(m, 0, i);
        double size = 1.5 / sqrt((double)p->n_weights / (double)p->n_bias);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] =
                (float)(size * (double)test_rng_range(rng, -1000, 1000) / 1000);
            p->dev[k] = (float)(size * dev);
        }
    }
    return m;
}

static float *new_inputs(const bh_model *m, test_rng *rng)
{
    float *inputs = bh_alloc(IMAGES * INPUT, sizeof *inputs);
    uint8_t pixels[INPUT];
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < INPUT; k++) {
            pixels[k] = (uint8_t)test_rng_next(rng);
        }
        bh_normalise_pixels(&m->graph, inputs + i * INPUT, pixels);
    }
    return inputs;
}

static bh_model *new_quantised(int variant, double dev, test_rng *rng)
{
    bh_error err = {0};
    bh_model *m = new_model(variant, dev, rng);
    float *inputs = new_inputs(m, rng);
    if (bh_model_quantise(m, inputs, IMAGES, 8, 8, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    bh_free(inputs);
    return m;
}

static void float_logits(const bh_model *m, float *logits, const float *input)
{
    static float buffers[2][1024];
    const float *in = input;
    uint32_t linear = 0;
    for (uint32_t i = 0; i < m->graph.n_layers; i++) {
        const bh_layer *layer = &m->graph.layers[i];
        const float *parameters =
            bh_layer_is_linear(layer) ? bh_model_posterior(m, 0, linear++)->mean : NULL;
        bh_reals_layer(layer, buffers[i % 2], in, parameters);
        in = buffers[i % 2];
    }
    memcpy(logits, in, CLASSES * sizeof *logits);
}

// Without deviations, 8 bits follow the real network to a few percent of its range, on
// the inputs of the calibration: others may be clamped.
static void test_quantised_agrees(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("quantised against float");
    const uint8_t seed[32] = {0};
    double most = 0;
    for (int trial = 0; trial < 60; trial++) {
        bh_model *m = new_model(trial % 3, 0, &rng);
        float *inputs = new_inputs(m, &rng);
        assert_ok(bh_model_quantise(m, inputs, IMAGES, 8, 8, NULL));
        double worst = 0, range = 0;
        for (int i = 0; i < IMAGES; i++) {
            double logits[CLASSES];
            float expected[CLASSES];
            float_logits(m, expected, inputs + i * INPUT);
            assert_ok(bh_model_infer_clear(m, logits, inputs + i * INPUT, 1, seed));
            for (int c = 0; c < CLASSES; c++) {
                worst = fmax(worst, fabs(logits[c] - (double)expected[c]));
                range = fmax(range, fabs((double)expected[c]));
            }
        }
        most = fmax(most, worst / range);
        if (worst > 0.1 * range) {
            fail_msg("variant %d: off by %g of %g", trial % 3, worst, range);
        }
        bh_free(inputs);
        bh_model_free(m);
    }
    printf("off by at most %.4f of the range\n", most);
}

static void test_quantisation_fields(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("quantisation fields");
    for (int variant = 0; variant < 3; variant++) {
        for (unsigned bits = 2; bits <= 8; bits++) {
            bh_model *m = new_model(variant, 0.1, &rng);
            float *inputs = new_inputs(m, &rng);
            assert_ok(bh_model_quantise(m, inputs, IMAGES, bits, bits, NULL));
            assert_true(m->graph.quantised);
            assert_ok(bh_graph_check(&m->graph, NULL));
            for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
                uint32_t at = bh_graph_linear_index(&m->graph, i);
                const bh_quant *q = &m->graph.layers[at].quant;
                bool nonnegative = i > 0 && !(variant == 2 && i < 3);
                assert_int_equal(q->w_max, (1 << (bits - 1)) - 1);
                if (i > 0) {
                    assert_int_equal(q->x_hi,
                                     (1 << (nonnegative ? bits : bits - 1)) - 1);
                    assert_int_equal(q->x_lo, nonnegative ? 0 : -q->x_hi);
                }
                uint64_t bound = bh_integer_bound(m->integer, 1, &m->graph, i);
                assert_true(bound <= q->acc_max && q->acc_max <= 2 * bound + 1);
                assert_int_equal(q->acc_max & (q->acc_max + 1), 0); // 2^k - 1
            }
            bh_free(inputs);
            bh_model_free(m);
        }
    }
}

// Pixels with mean 0 and deviation 1 are their own integers.
static void test_pixels(void **state)
{
    (void)state;
    static bh_graph g;
    bh_model *m = NULL;
    bh_input input = {.shape = {1, 28, 28}, .dev = {1}};
    float *zero = bh_alloc(784, sizeof *zero);
    assert_ok(bh_graph_named(&g, "lenet5", input, 10, NULL));
    assert_ok(bh_model_new(&m, &g, 1));
    assert_ok(bh_model_quantise(m, zero, 1, 8, 8, NULL)); // all weights zero as well
    const bh_quant *q = &m->graph.layers[0].quant;
    assert_int_equal(q->x_lo, 0);
    assert_int_equal(q->x_hi, 255);
    assert_true(fabs(q->x_scale * 255 - 1) < 1e-12);
    // A mean above 1 leaves no pixel above zero; the range still holds zero.
    g.input.mean[0] = 2;
    bh_model_free(m);
    assert_ok(bh_model_new(&m, &g, 1));
    assert_ok(bh_model_quantise(m, zero, 1, 8, 8, NULL));
    assert_int_equal(m->graph.layers[0].quant.x_lo, -255);
    assert_int_equal(m->graph.layers[0].quant.x_hi, 1);
    bh_free(zero);
    bh_model_free(m);
}

static void test_quantise_refuses(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("quantise refuses");
    bh_error err = {0};
    bh_model *m = new_quantised(0, 0.1, &rng);
    float *inputs = new_inputs(m, &rng);
    bh_writer before = {0}, after = {0};
    assert_ok(bh_model_write(m, &before));
    assert_status(bh_model_quantise(m, inputs, 0, 8, 8, &err), BH_ERR_ARG);
    assert_status(bh_model_quantise(m, inputs, 1, 1, 8, &err), BH_ERR_ARG);
    assert_status(bh_model_quantise(m, inputs, 1, 8, 9, &err), BH_ERR_ARG);
    inputs[5] = NAN;
    assert_status(bh_model_quantise(m, inputs, 1, 8, 8, &err), BH_ERR_RANGE);
    assert_non_null(strstr(err.message, "layer 1 (conv2d)"));
    inputs[5] = 0;
    assert_ok(bh_model_write(m, &after)); // nothing has changed
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    float *bad = &bh_model_posterior(m, 0, 1)->mean[3];
    const float values[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        *bad = values[i];
        assert_status(bh_model_quantise(m, inputs, 1, 8, 8, &err), BH_ERR_RANGE);
        assert_int_equal(err.status, BH_ERR_RANGE);
        assert_non_null(strstr(err.message, "layer "));
    }
    *bad = 0;
    bh_model_posterior(m, 0, 1)->mean[bh_model_posterior(m, 0, 1)->n_weights] =
        1e9f; // a bias beyond 31 bits
    assert_status(bh_model_quantise(m, inputs, 1, 8, 8, &err), BH_ERR_RANGE);
    bh_writer_clear(&before);
    bh_writer_clear(&after);
    bh_free(inputs);
    bh_model_free(m);
}

// Every accumulator of random and of saturated inputs stays within acc_max.
static void test_accumulators(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("accumulators");
    static int64_t x[1024], acc[1024];
    static int32_t w[4096], bias[16];
    for (int trial = 0; trial < 30; trial++) {
        bh_model *m = new_quantised(trial % 3, trial % 2 ? 0.5 : 0.05, &rng);
        for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
            const bh_layer *layer =
                &m->graph.layers[bh_graph_linear_index(&m->graph, i)];
            for (uint32_t s = 0; s < 20; s++) {
                uint8_t seed[32] = {(uint8_t)trial, (uint8_t)test_rng_next(&rng)};
                assert_ok(
                    bh_draw_layer(bh_model_integer(m, 0, i), w, bias, seed, i, s));
                for (size_t k = 0; k < bh_shape_len(layer->in); k++) {
                    // Half of the trials follow the signs of the first row.
                    bool up = s % 2 ? w[k % bh_model_integer(m, 0, i)->n_weights] > 0
                                    : test_rng_below(&rng, 2);
                    x[k] = up ? layer->quant.x_hi : layer->quant.x_lo;
                }
                bh_clear_linear(layer, acc, x, w, bias);
                for (size_t k = 0; k < bh_shape_len(layer->out); k++) {
                    assert_true((uint64_t)llabs(acc[k]) <= layer->quant.acc_max);
                }
            }
        }
        bh_model_free(m);
    }
}

static void test_infer(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("infer");
    bh_model *m = new_quantised(0, 0.3, &rng);
    float *inputs = new_inputs(m, &rng);
    double a[5 * CLASSES], b[5 * CLASSES];
    uint8_t seed[32] = {7};
    assert_ok(bh_model_infer_clear(m, a, inputs, 5, seed));
    assert_ok(bh_model_infer_clear(m, b, inputs, 3, seed));
    assert_memory_equal(a, b, 3 * CLASSES * sizeof *a);
    assert_memory_not_equal(a, a + CLASSES, CLASSES * sizeof *a);
    // Sample 4 by hand.
    static int64_t x[1024], acc[1024], scratch[4096];
    static int32_t w[4096], bias[16];
    assert_true(bh_segment_scratch_len(&m->graph) <= 4096);
    bh_quantise_input(&m->graph, x, inputs);
    for (uint32_t i = 0; i < 3; i++) {
        assert_ok(bh_draw_layer(bh_model_integer(m, 0, i), w, bias, seed, i, 4));
        bh_clear_linear(&m->graph.layers[bh_graph_linear_index(&m->graph, i)], acc, x,
                        w, bias);
        if (i < 2) {
            bh_segment_run(&m->graph, i, x, acc, scratch);
        }
    }
    for (int c = 0; c < CLASSES; c++) {
        assert_true(a[4 * CLASSES + c] ==
                    (double)acc[c] * bh_graph_logit_scale(&m->graph));
    }
    seed[0] ^= 1;
    assert_ok(bh_model_infer_clear(m, b, inputs, 5, seed));
    assert_memory_not_equal(a, b, sizeof a);
    bh_model *plain = new_model(0, 0, &rng);
    assert_status(bh_model_infer_clear(plain, b, inputs, 1, seed), BH_ERR_STATE);
    bh_free(inputs);
    bh_model_free(plain);
    bh_model_free(m);
}

static void test_round_trip(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("round trip");
    uint8_t seed[32] = {1};
    for (int variant = 0; variant < 4; variant++) {
        bh_model *m =
            variant < 3 ? new_quantised(variant, 0.2, &rng) : new_model(0, 0.2, &rng);
        bh_model *back = NULL;
        bh_writer w = {0}, again = {0};
        assert_ok(bh_model_write(m, &w));
        assert_ok(bh_model_read(&back, w.data, w.len, "x", NULL));
        assert_ok(bh_model_write(back, &again));
        assert_int_equal(w.len, again.len);
        assert_memory_equal(w.data, again.data, w.len);
        if (variant < 3) {
            float *inputs = new_inputs(m, &rng);
            double a[4 * CLASSES], b[4 * CLASSES];
            assert_ok(bh_model_infer_clear(m, a, inputs, 4, seed));
            assert_ok(bh_model_infer_clear(back, b, inputs, 4, seed));
            assert_memory_equal(a, b, sizeof a);
            bh_free(inputs);
        }
        bh_writer_clear(&w);
        bh_writer_clear(&again);
        bh_model_free(m);
        bh_model_free(back);
    }
}

static void test_damaged_file(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("damaged file");
    bh_model *m = new_quantised(2, 0.2, &rng), *back = NULL;
    bh_writer w = {0};
    bh_error err;
    size_t live = 0;
    assert_ok(bh_model_write(m, &w));
    live = bh_hooks_get()->live_blocks;
    for (size_t len = 0; len < w.len; len++) {
        assert_status(bh_model_read(&back, w.data, len, "x.bhn", &err),
                      BH_ERR_ENCODING);
        assert_null(back);
        assert_non_null(strstr(err.message, "x.bhn"));
    }
    for (size_t i = 0; i < w.len; i++) {
        w.data[i] ^= (uint8_t)(1 + test_rng_below(&rng, 255));
        bh_status status = bh_model_read(&back, w.data, w.len, "x.bhn", &err);
        assert_int_equal(status, i < 8    ? BH_ERR_ENCODING
                                 : i < 12 ? BH_ERR_VERSION
                                 : i < 20 ? BH_ERR_ENCODING
                                          : BH_ERR_CHECKSUM);
        assert_int_equal(err.status, status);
        assert_null(back);
        bh_writer_reset(&w);
        assert_ok(bh_model_write(m, &w));
    }
    bh_writer_u8(&w, 0);
    assert_status(bh_model_read(&back, w.data, w.len, "x", &err), BH_ERR_ENCODING);
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    bh_writer_clear(&w);
    bh_model_free(m);
}

static void seal(bh_writer *w) // makes the checksum right again
{
    assert_ok(bh_hash(w->data + w->len - 32, w->data, w->len - 32, NULL, 0));
}

// Damage under a right checksum: what an attacker writes. Refused, or a whole model.
static void test_hostile_file(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("hostile file");
    bh_model *m = new_quantised(0, 0.2, &rng), *back = NULL;
    bh_writer w = {0};
    bh_error err;
    size_t live, accepted = 0, graph_len;
    bh_graph_write(&m->graph, &w);
    graph_len = w.len;
    bh_writer_reset(&w);
    assert_ok(bh_model_write(m, &w));
    live = bh_hooks_get()->live_blocks;
    for (int trial = 0; trial < 20000; trial++) {
        size_t at = 20 + test_rng_below(&rng, trial % 4 ? graph_len : w.len - 52);
        uint8_t old = w.data[at];
        w.data[at] = trial % 3 ? (uint8_t)test_rng_next(&rng) : 0xff;
        seal(&w);
        if (bh_model_read(&back, w.data, w.len, "x", &err) == BH_OK) {
            accepted++;
            bh_model_free(back);
        } else {
            assert_true(strlen(err.message) > 5);
        }
        w.data[at] = old;
        assert_int_equal(bh_hooks_get()->live_blocks, live);
    }
    printf("%zu of 20000 accepted\n", accepted);
    bh_writer_clear(&w);
    bh_model_free(m);
}

static void expect_refusal(const bh_model *m, const char *part)
{
    bh_writer w = {0};
    bh_error err = {0};
    bh_model *back = NULL;
    assert_ok(bh_model_write(m, &w));
    assert_status(bh_model_read(&back, w.data, w.len, "bad.bhn", &err),
                  BH_ERR_ENCODING);
    if (strstr(err.message, part) == NULL || strstr(err.message, "bad.bhn") == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
    }
    bh_writer_clear(&w);
}

static void test_bad_contents(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("bad contents");
    bh_model *m = new_quantised(0, 0.2, &rng);
    const float bad_means[] = {NAN, INFINITY, -INFINITY};
    const float bad_devs[] = {NAN, INFINITY, -1e-30f};
    float *mean = &bh_model_posterior(m, 0, 1)->mean[20];
    float *dev = &bh_model_posterior(m, 0, 2)->dev[22];
    float old_mean = *mean, old_dev = *dev;
    for (int i = 0; i < 3; i++) {
        *mean = bad_means[i];
        expect_refusal(m, "layer 5 (fc)");
        *mean = old_mean;
        *dev = bad_devs[i];
        expect_refusal(m, "layer 7 (fc)");
        *dev = old_dev;
    }
    *mean = 1e30f;
    expect_refusal(m, "does not fit on its grid");
    *mean = old_mean;
    uint64_t *acc_max = &m->graph.layers[4].quant.acc_max, old = *acc_max;
    uint64_t bound = bh_integer_bound(m->integer, 1, &m->graph, 1);
    *acc_max = bound - 1;
    expect_refusal(m, "exceed their stated bound");
    *acc_max = old;
    m->graph.layers[6].quant.x_scale *= 2;
    expect_refusal(m, "does not follow");
    bh_model_free(m);
    // Without quantisation nothing but the reader itself looks at the numbers.
    m = new_model(0, 0.2, &rng);
    for (int i = 0; i < 3; i++) {
        bh_model_posterior(m, 0, 0)->mean[0] = bad_means[i];
        expect_refusal(m, "layer 1 (conv2d)");
        bh_model_posterior(m, 0, 0)->mean[0] = 0;
        bh_model_posterior(m, 0, 2)->dev[22] = bad_devs[i];
        expect_refusal(m, "layer 7 (fc)");
        bh_model_posterior(m, 0, 2)->dev[22] = 0;
    }
    bh_model_free(m);
}

// What a file says of the cut: all of it is kept, and nothing that makes no sense.
static void test_cut(void **state)
{
    (void)state;
    static const struct {
        bh_model_cut cut;
        bool fine;
    } cases[] = {
        {{0}, true},
        {{true, 0, 0, 0, 0}, true},
        {{true, 5, 5, 0.25, UINT64_MAX}, true},
        {{true, 5, 6, 0, 1}, false},
        {{true, 5, 0, 0, 1}, false},
        {{true, 0, 1, 0, 1}, false},
        {{true, 1, 1, 0, 1}, false},
        {{true, 0, 0, 1, 1}, false},
        {{true, 0, 0, -0.1, 1}, false},
        {{true, 0, 0, NAN, 1}, false},
        {{false, 2, 1, 0, 0}, false},
        {{false, 0, 0, 0.1, 0}, false},
        {{false, 0, 0, 0, 1}, false},
    };
    test_rng rng = test_rng_new("cut");
    bh_model *m = new_model(0, 0.2, &rng);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bh_model_cut *cut = &cases[i].cut;
        bh_model *back;
        bh_writer w = {0};
        m->cut = *cut;
        if (!cases[i].fine) {
            expect_refusal(m, "the cut of its data makes no sense");
            continue;
        }
        assert_ok(bh_model_write(m, &w));
        assert_ok(bh_model_read(&back, w.data, w.len, "x", NULL));
        assert_true(back->cut.stated == cut->stated && back->cut.folds == cut->folds &&
                    back->cut.fold == cut->fold && back->cut.seed == cut->seed);
        assert_true(back->cut.validation == cut->validation);
        bh_model_free(back);
        bh_writer_clear(&w);
    }
    bh_model_free(m);
}

// Version 2 is version 3 without the cut.
static void test_version_2(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("version 2");
    bh_model *m = new_model(0, 0.2, &rng), *back;
    bh_writer w = {0}, again = {0};
    m->cut = (bh_model_cut){true, 5, 2, 0.1, 7};
    assert_ok(bh_model_write(m, &w));
    memmove(w.data + CUT_AT, w.data + CUT_AT + CUT_BYTES, w.len - CUT_AT - CUT_BYTES);
    w.len -= CUT_BYTES;
    w.data[8] = 2;
    for (size_t i = 0; i < 8; i++) {
        w.data[12 + i] = (uint8_t)(w.len >> (8 * i));
    }
    seal(&w);
    assert_ok(bh_model_read(&back, w.data, w.len, "x", NULL));
    assert_false(back->cut.stated);
    m->cut = (bh_model_cut){0};
    bh_writer_clear(&w);
    assert_ok(bh_model_write(m, &w));
    assert_ok(bh_model_write(back, &again));
    assert_int_equal(w.len, again.len);
    assert_memory_equal(w.data, again.data, w.len);
    bh_writer_clear(&w);
    bh_writer_clear(&again);
    bh_model_free(back);
    bh_model_free(m);
}

// A graph that promises 2^26 weights costs no memory if the file does not hold them.
static void test_no_memory_for_promises(void **state)
{
    (void)state;
    static bh_graph g;
    small_graph(&g, 0);
    g.layers[4].out_channels = 4096;
    g.input.shape = (bh_shape){2, 256, 256};
    g.layers[0].out_channels = 1;
    assert_ok(bh_graph_check(&g, NULL));
    assert_int_equal(bh_layer_weights_len(&g.layers[4]), 1 << 26);
    bh_writer w = {0};
    bh_writer_bytes(&w,
                    "\x89"
                    "BHN\r\n\x1a\n",
                    8);
    bh_writer_u32(&w, BH_MODEL_VERSION);
    bh_writer_u64(&w, 0);
    bh_writer_u32(&w, 1);
    bh_writer_bytes(&w, (uint8_t[CUT_BYTES]){0}, CUT_BYTES);
    bh_graph_write(&g, &w);
    bh_writer_bytes(&w, (uint8_t[100]){0}, 100);
    w.data[12] = (uint8_t)w.len;
    w.data[13] = (uint8_t)(w.len >> 8);
    seal(&w);
    bh_model *m = NULL;
    bh_error err;
    size_t count = bh_hooks_get()->alloc_count;
    assert_status(bh_model_read(&m, w.data, w.len, "x", &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "number of weights"));
    assert_int_equal(bh_hooks_get()->alloc_count, count + 1); // the graph alone
    bh_writer_clear(&w);
}

static void test_paths(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("paths");
    bh_model *m = new_quantised(1, 0.2, &rng), *back = NULL;
    bh_error err = {0};
    char dir[] = "/tmp/bayhenn-test-XXXXXX", path[64], other[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/m.bhn", dir);
    snprintf(other, sizeof other, "%s.tmp", path);
    assert_status(bh_model_load(&back, path, &err), BH_ERR_IO);
    char expected[160];
    snprintf(expected, sizeof expected, "cannot open %s: No such file or directory",
             path);
    assert_string_equal(err.message, expected);
    assert_ok(bh_model_save(m, path, &err));
    assert_int_not_equal(access(other, F_OK), 0);
    assert_ok(bh_model_save(m, path, &err)); // over the old one
    assert_ok(bh_model_load(&back, path, &err));
    bh_model_free(back);
    assert_status(bh_model_load(&back, dir, &err), BH_ERR_IO);
    assert_null(back);
    snprintf(other, sizeof other, "%s/none/m.bhn", dir);
    assert_status(bh_model_save(m, other, &err), BH_ERR_IO);
    FILE *file = fopen(path, "w");
    fputs("{\"not\": \"a model\"}", file);
    fclose(file);
    assert_status(bh_model_load(&back, path, &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "is not a bayhenn model"));
    unlink(path);
    assert_int_equal(rmdir(dir), 0); // nothing was left behind
    bh_model_free(m);
}

typedef struct job {
    bh_graph graph;
    float inputs[INPUT];
    char path[64];
} job;

// Everything that allocates, up to the first error.
static bh_status everything(void *job_)
{
    const job *j = job_;
    bh_model *m = NULL, *back = NULL;
    double logits[2 * CLASSES];
    uint8_t seed[32] = {0};
    bh_status status = bh_model_new(&m, &j->graph, 1);
    if (status == BH_OK) {
        status = bh_model_quantise(m, j->inputs, 1, 8, 8, NULL);
    }
    if (status == BH_OK) {
        status = bh_model_infer_clear(m, logits, j->inputs, 2, seed);
    }
    if (status == BH_OK) {
        status = bh_model_save(m, j->path, NULL);
    }
    if (status == BH_OK) {
        status = bh_model_load(&back, j->path, NULL);
    }
    bh_model_free(m);
    bh_model_free(back);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    static job j;
    char dir[] = "/tmp/bayhenn-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(j.path, sizeof j.path, "%s/m.bhn", dir);
    small_graph(&j.graph, 0);
    fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, everything, &j);
    unlink(j.path);
    assert_int_equal(rmdir(dir), 0); // nothing was left behind
}

// The same name and seed give the same model, quantised; another seed another one.
static void test_synthetic(void **state)
{
    (void)state;
    bh_writer files[3] = {{0}};
    const uint64_t seeds[] = {7, 7, 8};
    bh_error err = {0};
    bh_model *m;
    for (size_t i = 0; i < 3; i++) {
        assert_ok(bh_model_synthetic(&m, "netd", seeds[i], NULL));
        assert_true(m->graph.quantised);
        assert_ok(bh_model_write(m, &files[i]));
        bh_model_free(m);
    }
    assert_int_equal(files[0].len, files[1].len);
    assert_memory_equal(files[0].data, files[1].data, files[0].len);
    assert_memory_not_equal(files[0].data, files[2].data, files[0].len);
    for (size_t i = 0; i < 3; i++) {
        bh_writer_clear(&files[i]);
    }
    assert_status(bh_model_synthetic(&m, "resnet", 1, &err), BH_ERR_ARG);
    assert_null(m);
    assert_ok(bh_model_synthetic(&m, "minionn-cifar", 1, NULL));
    assert_int_equal(bh_model_input_len(m), 3 * 32 * 32);
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantised_agrees),
        cmocka_unit_test(test_quantisation_fields),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_quantise_refuses),
        cmocka_unit_test(test_accumulators),
        cmocka_unit_test(test_infer),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged_file),
        cmocka_unit_test(test_hostile_file),
        cmocka_unit_test(test_bad_contents),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_no_memory_for_promises),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_synthetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
