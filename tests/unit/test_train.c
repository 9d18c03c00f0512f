// SPDX-License-Identifier: Apache-2.0
// Whole training runs on a small synthetic problem.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "bayes/metrics.h"
#include "bayes/train.h"
#include "support/faults.h"
#include "support/test.h"

#define SIDE    8
#define CLASSES 3
#define COUNT   600

// Images of a bar in one of three places, in noise.
static bh_images make_images(size_t count)
{
    test_rng rng = {99};
    bh_images images = {.count = count, .shape = {1, SIDE, SIDE}};
    images.pixels = bh_alloc(count, SIDE * SIDE);
    images.labels = bh_alloc(count, 1);
    assert_true(images.pixels != NULL && images.labels != NULL);
    for (size_t i = 0; i < count; i++) {
        uint8_t label = (uint8_t)test_rng_below(&rng, CLASSES);
        images.labels[i] = label;
        for (size_t j = 0; j < SIDE * SIDE; j++) {
            bool bar = j % SIDE / 2 == label;
            images.pixels[i * SIDE * SIDE + j] =
                (uint8_t)((bar ? 120 : 0) + test_rng_below(&rng, 120));
        }
    }
    return images;
}

static bh_model *make_model(void)
{
    const bh_layer layers[] = {
        {.kind = BH_LAYER_CONV2D,
         .out_channels = 4,
         .kernel_h = 3,
         .kernel_w = 3,
         .stride = 1,
         .pad = 1},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2},
        {.kind = BH_LAYER_FLATTEN},
        {.kind = BH_LAYER_FC, .out_channels = CLASSES},
    };
    bh_graph g = {.name = "bars", .n_classes = CLASSES};
    g.input.shape = (bh_shape){1, SIDE, SIDE};
    g.input.dev[0] = 1;
    g.n_layers = sizeof layers / sizeof *layers;
    memcpy(g.layers, layers, sizeof layers);
    assert_ok(bh_graph_check(&g, NULL));
    bh_model *m;
    assert_ok(bh_model_new(&m, &g, 1));
    return m;
}

static bh_train_options small_options(void)
{
    bh_train_options o = bh_train_defaults();
    o.epochs = 10;
    o.pretrain_epochs = 4;
    o.batch = 50;
    o.learning_rate = 5e-3;
    o.shift_max = 0;
    o.seed = 42;
    return o;
}

static bool same_posterior(const bh_model *a, const bh_model *b)
{
    bool same = true;
    for (uint32_t i = 0; i < bh_graph_linear_count(&a->graph); i++) {
        const bh_posterior *p = bh_model_posterior(a, 0, i);
        const bh_posterior *q = bh_model_posterior(b, 0, i);
        size_t bytes = (p->n_weights + p->n_bias) * sizeof(float);
        same = same && memcmp(p->mean, q->mean, bytes) == 0;
        same = same && memcmp(p->dev, q->dev, bytes) == 0;
    }
    return same;
}

// What the progress calls said.
typedef struct record {
    uint64_t last_step;
    uint32_t epochs_done;
    double first_loss, last_loss, last_accuracy, last_left;
} record;

static void on_progress(void *user, const bh_train_progress *p)
{
    record *r = user;
    assert_true(p->step > r->last_step && p->step <= p->steps);
    assert_true(p->epoch >= 1 && p->epoch <= p->epochs && p->seconds_left >= 0);
    r->last_step = p->step;
    if (p->epoch_done) {
        r->epochs_done++;
        assert_int_equal(r->epochs_done, p->epoch);
        r->first_loss = p->epoch == 1 ? p->loss : r->first_loss;
        r->last_loss = p->loss;
        r->last_accuracy = p->accuracy;
        r->last_left = p->seconds_left;
    }
}

static void test_learns(void **state)
{
    (void)state;
    bh_images images = make_images(COUNT);
    bh_model *m = make_model();
    bh_train_options o = small_options();
    record r = {0};
    o.on_progress = on_progress;
    o.user = &r;
    assert_ok(bh_train(m, &images, &o, NULL));
    assert_int_equal(r.epochs_done, o.epochs);
    assert_int_equal(r.last_step, o.epochs * COUNT / o.batch);
    assert_true(r.last_left == 0);
    assert_true(r.last_loss < 0.1 && r.last_loss < r.first_loss / 5);
    assert_true(r.last_accuracy > 0.98);
    for (uint32_t i = 0; i < 2; i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i);
        for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
            assert_true(p->dev[j] > 0 && p->dev[j] < 1);
        }
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

// The integer network says what the labels say.
static void test_quantised_predictions(void **state)
{
    (void)state;
    bh_images images = make_images(COUNT);
    bh_model *m = make_model();
    bh_train_options o = small_options();
    assert_ok(bh_train(m, &images, &o, NULL));
    assert_true(m->graph.quantised);
    double logits[4 * CLASSES], p[100 * CLASSES];
    float input[SIDE * SIDE];
    for (size_t i = 0; i < 100; i++) {
        uint8_t seed[32] = {(uint8_t)i};
        for (size_t j = 0; j < SIDE * SIDE; j++) {
            input[j] = (float)images.pixels[i * SIDE * SIDE + j] / 255;
        }
        assert_ok(bh_model_infer_clear(m, logits, input, 4, seed));
        (void)bh_predict_from_logits(p + i * CLASSES, logits, 4, CLASSES);
    }
    assert_true(bh_metrics_compute(p, images.labels, 100, CLASSES).accuracy > 0.97);
    bh_model_free(m);
    bh_images_clear(&images);
}

static void test_reproducible(void **state)
{
    (void)state;
    bh_images images = make_images(130); // the last batch and chunk are partial
    bh_model *a = make_model(), *b = make_model(), *c = make_model();
    bh_train_options o = small_options();
    o.epochs = 4;
    o.shift_max = 1;
    assert_ok(bh_train(a, &images, &o, NULL));
    assert_ok(bh_train(b, &images, &o, NULL));
    assert_true(same_posterior(a, b));
    assert_ok(bh_train(a, &images, &o, NULL)); // what the model was does not matter
    assert_true(same_posterior(a, b));
    o.seed++;
    assert_ok(bh_train(c, &images, &o, NULL));
    assert_false(same_posterior(a, c));
    bh_model_free(a);
    bh_model_free(b);
    bh_model_free(c);
    bh_images_clear(&images);
}

static void expect_refusal(bh_images *images, const bh_train_options *o)
{
    bh_model *m = make_model();
    bh_error err = {0};
    assert_status(bh_train(m, images, o, &err), BH_ERR_ARG);
    assert_int_equal(err.status, BH_ERR_ARG);
    assert_true(err.message[0] != '\0');
    bh_model_free(m);
}

static void test_refuses(void **state)
{
    (void)state;
    bh_images images = make_images(20);
    bh_train_options good = small_options(), o = good;
    o.epochs = 0;
    expect_refusal(&images, &o);
    o = good;
    o.batch = 0;
    expect_refusal(&images, &o);
    o = good;
    o.learning_rate = NAN;
    expect_refusal(&images, &o);
    o = good;
    o.prior_dev = 0;
    expect_refusal(&images, &o);
    o = good;
    o.kl_weight = -1;
    expect_refusal(&images, &o);
    o = good;
    o.shift_max = SIDE;
    expect_refusal(&images, &o);
    images.shape.height = SIDE / 2;
    expect_refusal(&images, &good);
    images.shape.height = SIDE;
    images.labels[19] = CLASSES;
    expect_refusal(&images, &good);
    images.count = 0;
    expect_refusal(&images, &good);
    images.count = 20;
    bh_free(images.labels);
    images.labels = NULL;
    expect_refusal(&images, &good);
    bh_images_clear(&images);
}

static void test_divergence_is_an_error(void **state)
{
    (void)state;
    bh_images images = make_images(100);
    bh_model *m = make_model();
    bh_train_options o = small_options();
    o.learning_rate = 1e30;
    assert_status(bh_train(m, &images, &o, NULL), BH_ERR_RANGE);
    bh_model_free(m);
    bh_images_clear(&images);
}

typedef struct job {
    bh_images images;
    bh_train_options options;
} job;

static bh_status train_afresh(void *job_)
{
    const job *j = job_;
    bh_error err = {0};
    size_t *at = &bh_hooks_get()->fail_alloc_at, kept = *at;
    *at = 0; // the model itself is always there
    bh_model *m = make_model();
    *at = kept;
    bh_status status = bh_train(m, &j->images, &j->options, &err);
    bh_model_free(m);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    job j = {make_images(40), small_options()};
    j.options.epochs = 2;
    size_t failed =
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, train_afresh, &j);
    assert_true(failed > 20 && failed < 200);
    bh_images_clear(&j.images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_quantised_predictions),
        cmocka_unit_test(test_reproducible),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_divergence_is_an_error),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
