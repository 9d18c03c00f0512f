// SPDX-License-Identifier: Apache-2.0
// Mixtures of several networks: which sample is drawn from which, what they share, and
// their file. And what a temperature and an image's own normalisation change.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/input.h"
#include "model/integer.h"
#include "model/model.h"
#include "support/close.h"
#include "support/random_model.h"

enum { INPUT = 2 * 6 * 6, CLASSES = 3, IMAGES = 20, SAMPLES = 7 };

static void small_graph(bh_graph *g, bh_normalise normalise)
{
    bh_input input = {.shape = {2, 6, 6}, .normalise = normalise, .dev = {1, 1}};
    assert_ok(bh_graph_from_text(g, "conv 3 3x3, relu, max 2, fc 5, relu, fc classes",
                                 "small", input, CLASSES, NULL));
}

// Every member with weights of a size of its own.
static bh_model *new_model(bh_normalise normalise, uint32_t members, test_rng *rng)
{
    static bh_graph g;
    bh_model *m;
    small_graph(&g, normalise);
    assert_ok(bh_model_new(&m, &g, members));
    for (uint32_t k = 0; k < members; k++) {
        for (uint32_t i = 0; i < 3; i++) {
            bh_posterior *p = bh_model_posterior(m, k, i);
            for (size_t w = 0; w < p->n_weights + p->n_bias; w++) {
                p->mean[w] =
                    (float)(k + 1) * (float)test_rng_range(rng, -1000, 1000) / 4000;
                p->dev[w] = 0.01f * (float)(k + 1);
            }
        }
    }
    return m;
}

static float *new_inputs(const bh_model *m, test_rng *rng)
{
    float *inputs = bh_alloc(IMAGES * INPUT, sizeof *inputs);
    uint8_t pixels[INPUT];
    for (int i = 0; i < IMAGES; i++) {
        random_pixels(rng, pixels, &m->graph);
        bh_normalise_pixels(&m->graph, inputs + i * INPUT, pixels);
    }
    return inputs;
}

static void quantise(bh_model *m, const float *inputs)
{
    bh_error err = {0};
    if (bh_model_quantise(m, inputs, IMAGES, 8, 8, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
}

// A model of one member of a mixture, on the mixture's grid.
static bh_model *alone(const bh_model *m, uint32_t member)
{
    bh_model *one;
    assert_ok(bh_model_new(&one, &m->graph, 1));
    one->graph = m->graph;
    for (uint32_t i = 0; i < 3; i++) {
        const bh_posterior *from = bh_model_posterior(m, member, i);
        bh_posterior *to = bh_model_posterior(one, 0, i);
        memcpy(to->mean, from->mean, (to->n_weights + to->n_bias) * sizeof *to->mean);
        memcpy(to->dev, from->dev, (to->n_weights + to->n_bias) * sizeof *to->dev);
    }
    assert_ok(bh_integer_new(&one->integer, &one->graph, one->posterior, 1, NULL));
    return one;
}

// Sample s is what member s mod members alone would give.
static void test_turns(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("turns");
    for (uint32_t members = 1; members <= 4; members++) {
        bh_model *m = new_model(BH_NORMALISE_FIXED, members, &rng);
        float *inputs = new_inputs(m, &rng);
        const uint8_t seed[32] = {(uint8_t)members};
        double all[SAMPLES * CLASSES], one[SAMPLES * CLASSES];
        quantise(m, inputs);
        assert_ok(bh_model_infer_clear(m, all, inputs, SAMPLES, seed));
        for (uint32_t k = 0; k < members; k++) {
            bh_model *single = alone(m, k);
            assert_ok(bh_model_infer_clear(single, one, inputs, SAMPLES, seed));
            for (size_t s = 0; s < SAMPLES; s++) {
                bool same = memcmp(one + s * CLASSES, all + s * CLASSES,
                                   CLASSES * sizeof *one) == 0;
                assert_int_equal(same, s % members == k);
            }
            bh_model_free(single);
        }
        bh_free(inputs);
        bh_model_free(m);
    }
}

// Bounds are the largest of all members, in any order of them.
static void test_shared_quantisation(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("shared quantisation");
    bh_model *m = new_model(BH_NORMALISE_FIXED, 3, &rng);
    float *inputs = new_inputs(m, &rng);
    quantise(m, inputs);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t at = bh_graph_linear_index(&m->graph, i);
        const bh_quant *q = &m->graph.layers[at].quant;
        uint64_t bound = 0, row = 0;
        for (uint32_t k = 0; k < 3; k++) {
            bh_int_posterior *p = bh_model_integer(m, k, 0);
            uint64_t b = bh_integer_bound(p, 1, &m->graph, i);
            uint64_t r = bh_integer_row_bound(p, 1, &m->graph, i);
            bound = b > bound ? b : bound;
            row = r > row ? r : row;
            // No member's weights are cut, but for draws beyond three deviations.
            p += i;
            for (size_t w = 0; w < p->n_weights; w++) {
                assert_true(abs(p->weight_mean[w]) + 3 * p->weight_dev[w] <=
                            (127 << BH_DRAW_FRACTION_BITS) + 4);
            }
        }
        assert_int_equal(bh_integer_bound(m->integer, 3, &m->graph, i), bound);
        assert_int_equal(bh_integer_row_bound(m->integer, 3, &m->graph, i), row);
        assert_true(bound < q->acc_max && q->acc_max <= 2 * bound + 1);
    }
    bh_free(inputs);
    bh_model_free(m);
}

static void test_number(void **state)
{
    (void)state;
    static bh_graph g;
    bh_model *m = NULL;
    small_graph(&g, BH_NORMALISE_FIXED);
    assert_status(bh_model_new(&m, &g, 0), BH_ERR_ARG);
    assert_status(bh_model_new(&m, &g, BH_MODEL_MEMBERS_MAX + 1), BH_ERR_ARG);
    assert_null(m);
    assert_ok(bh_model_new(&m, &g, BH_MODEL_MEMBERS_MAX));
    assert_ptr_equal(bh_model_posterior(m, 64, 2), bh_model_posterior(m, 0, 2));
    assert_ptr_equal(bh_model_posterior(m, 129, 0), bh_model_posterior(m, 1, 0));
    assert_ptr_equal(bh_model_posterior(m, 63, 2), &m->posterior[64 * 3 - 1]);
    bh_model_free(m);
}

static void seal(bh_writer *w) // makes the checksum right again
{
    assert_ok(bh_hash(w->data + w->len - 32, w->data, w->len - 32, NULL, 0));
}

static void refuse(const bh_writer *w, const char *part)
{
    bh_model *back = NULL;
    bh_error err = {0};
    assert_status(bh_model_read(&back, w->data, w->len, "m.bhn", &err),
                  BH_ERR_ENCODING);
    assert_null(back);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
    }
}

static void test_file(void **state)
{
    (void)state;
    enum { MEMBERS_AT = 20 };
    test_rng rng = test_rng_new("file");
    bh_model *m = new_model(BH_NORMALISE_IMAGE, 3, &rng), *back = NULL;
    float *inputs = new_inputs(m, &rng);
    const uint8_t seed[32] = {3};
    double a[SAMPLES * CLASSES], b[SAMPLES * CLASSES];
    bh_writer w = {0};
    m->graph.temperature = 1.5;
    quantise(m, inputs);
    assert_ok(bh_model_write(m, &w));
    assert_ok(bh_model_read(&back, w.data, w.len, "m.bhn", NULL));
    assert_int_equal(back->members, 3);
    assert_true(back->graph.temperature == 1.5);
    assert_int_equal(back->graph.input.normalise, BH_NORMALISE_IMAGE);
    assert_ok(bh_model_infer_clear(m, a, inputs, SAMPLES, seed));
    assert_ok(bh_model_infer_clear(back, b, inputs, SAMPLES, seed));
    assert_memory_equal(a, b, sizeof a);
    bh_model_free(back);
    size_t live = bh_hooks_get()->live_blocks;
    const uint8_t wrong[] = {0, 65, 2, 4, 255};
    for (size_t i = 0; i < sizeof wrong; i++) {
        w.data[MEMBERS_AT] = wrong[i];
        seal(&w);
        refuse(&w, wrong[i] == 2 || wrong[i] == 4 ? "number of weights"
                                                  : "members, not 1 to 64");
    }
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    bh_writer_reset(&w);
    // A bound that holds for the first two members and not for the third.
    uint64_t *acc_max = &m->graph.layers[0].quant.acc_max;
    *acc_max = bh_integer_bound(m->integer, 2, &m->graph, 0);
    assert_true(*acc_max < bh_integer_bound(m->integer, 3, &m->graph, 0));
    assert_ok(bh_model_write(m, &w));
    refuse(&w, "exceed their stated bound");
    bh_writer_reset(&w);
    bh_model_posterior(m, 2, 1)->dev[0] = NAN;
    assert_ok(bh_model_write(m, &w));
    refuse(&w, "layer 4 (fc)");
    bh_writer_clear(&w);
    bh_free(inputs);
    bh_model_free(m);
}

// Logits are divided by it, and nothing else changes.
static void test_temperature(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("temperature");
    bh_model *m = new_model(BH_NORMALISE_FIXED, 2, &rng);
    float *inputs = new_inputs(m, &rng);
    const uint8_t seed[32] = {5};
    double a[SAMPLES * CLASSES], b[SAMPLES * CLASSES];
    quantise(m, inputs);
    assert_ok(bh_model_infer_clear(m, a, inputs, SAMPLES, seed));
    m->graph.temperature = 4;
    assert_ok(bh_model_infer_clear(m, b, inputs, SAMPLES, seed));
    for (size_t i = 0; i < SAMPLES * CLASSES; i++) {
        assert_true(b[i] == a[i] / 4);
    }
    bh_free(inputs);
    bh_model_free(m);
}

// The range of the first layer's inputs comes from calibration, with a tenth of room.
static void test_image_range(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("image range");
    bh_model *m = new_model(BH_NORMALISE_IMAGE, 1, &rng);
    float *inputs = new_inputs(m, &rng);
    double least = 0, largest = 0;
    for (size_t i = 0; i < IMAGES * INPUT; i++) {
        least = fmin(least, (double)inputs[i]);
        largest = fmax(largest, (double)inputs[i]);
    }
    quantise(m, inputs);
    const bh_quant *q = &m->graph.layers[0].quant;
    assert_true(least < 0 && largest > 0);
    assert_close(q->x_hi * q->x_scale, 1.1 * largest, q->x_scale / 2 + 1e-9);
    assert_close(q->x_lo * q->x_scale, 1.1 * least, q->x_scale / 2 + 1e-9);
    assert_true(abs(q->x_hi - q->x_lo - 255) <= 1);
    // Flat images are zero everywhere.
    memset(inputs, 0, IMAGES * INPUT * sizeof *inputs);
    quantise(m, inputs);
    assert_int_equal(q->x_lo, 0);
    assert_int_equal(q->x_hi, 255);
    inputs[17] = INFINITY;
    assert_status(bh_model_quantise(m, inputs, IMAGES, 8, 8, NULL), BH_ERR_RANGE);
    bh_free(inputs);
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),       cmocka_unit_test(test_shared_quantisation),
        cmocka_unit_test(test_number),      cmocka_unit_test(test_file),
        cmocka_unit_test(test_temperature), cmocka_unit_test(test_image_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
