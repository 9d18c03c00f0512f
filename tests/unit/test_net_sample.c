// SPDX-License-Identifier: Apache-2.0
// Predictions in floating point, many images at a time, against the plainest way to
// compute them, and against the laws that their draws claim.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "bayes/net_sample.h"
#include "model/input.h"
#include "model/reals.h"
#include "support/close.h"
#include "support/faults.h"
#include "support/random_model.h"
#include "support/stats.h"

#define IMAGES  150 // two chunks, and one of a block and a half
#define SAMPLES 5

typedef struct fixture {
    bh_model *model;
    bh_images images;
    size_t classes, pixels, len; // len: of all logits
    float *logits, *again;
} fixture;

static fixture fixture_new(test_rng *rng)
{
    fixture f = {.model = random_model(rng)};
    f.classes = bh_model_classes(f.model);
    f.pixels = bh_model_input_len(f.model);
    f.len = IMAGES * SAMPLES * f.classes;
    f.images.count = IMAGES;
    f.images.shape = f.model->graph.input.shape;
    f.images.pixels = bh_alloc(IMAGES, f.pixels);
    f.logits = bh_alloc(f.len, sizeof *f.logits);
    f.again = bh_alloc(f.len, sizeof *f.again);
    assert_true(f.images.pixels != NULL && f.logits != NULL && f.again != NULL);
    for (size_t i = 0; i < IMAGES; i++) {
        random_pixels(rng, f.images.pixels + i * f.pixels, &f.model->graph);
    }
    return f;
}

static void fixture_clear(fixture *f)
{
    bh_model_free(f->model);
    bh_images_clear(&f->images);
    bh_free(f->logits);
    bh_free(f->again);
}

static void forget_devs(const bh_model *m)
{
    for (uint32_t i = 0; i < m->members * bh_graph_linear_count(&m->graph); i++) {
        const bh_posterior *p = &m->posterior[i];
        memset(p->dev, 0, (p->n_weights + p->n_bias) * sizeof *p->dev);
    }
}

static float *draw_weights(const bh_posterior *p, test_rng *rng)
{
    float *weights = bh_alloc(p->n_weights + p->n_bias, sizeof *weights);
    for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
        double noise = -6;
        for (int k = 0; k < 12; k++) {
            noise += (double)(test_rng_next(rng) >> 11) * 0x1p-53;
        }
        weights[j] = p->mean[j] + p->dev[j] * (float)noise;
    }
    return weights;
}

// The plain twin: one draw of one member's weights, one image, one layer after the
// other, every tensor in memory of its own.
static void twin(const bh_model *m, float *logits, const uint8_t *pixels,
                 uint32_t sample, test_rng *rng)
{
    const bh_graph *g = &m->graph;
    uint32_t n_linear = 0;
    float *in = bh_alloc(bh_model_input_len(m), sizeof *in);
    bh_normalise_pixels(g, in, pixels);
    for (uint32_t i = 0; i < g->n_layers; i++) {
        float *out = bh_alloc(bh_shape_len(g->layers[i].out), sizeof *out);
        float *weights = NULL;
        if (bh_layer_is_linear(&g->layers[i])) {
            weights = draw_weights(bh_model_posterior(m, sample, n_linear++), rng);
        }
        bh_reals_layer(&g->layers[i], out, in, weights);
        bh_free(weights);
        bh_free(in);
        in = out;
    }
    for (size_t c = 0; c < g->n_classes; c++) {
        logits[c] = in[c] / (float)g->temperature;
    }
    bh_free(in);
}

// Without deviations sample s is the network of member s modulo their number, for every
// image, kind of layer, normalisation and temperature.
static void test_points(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("points");
    for (int round = 0; round < 20; round++) {
        fixture f = fixture_new(&rng);
        forget_devs(f.model);
        assert_ok(
            bh_net_sample(f.model, f.logits, &f.images, 0, IMAGES, SAMPLES, 7, NULL));
        for (size_t i = 0; i < (size_t)IMAGES * SAMPLES; i += 7) {
            float expected[BH_GRAPH_CLASSES_MAX];
            twin(f.model, expected, f.images.pixels + i / SAMPLES * f.pixels,
                 (uint32_t)(i % SAMPLES), &rng);
            for (size_t c = 0; c < f.classes; c++) {
                const double e = (double)expected[c];
                assert_close(f.logits[i * f.classes + c], e, 1e-3 * (1 + fabs(e)));
            }
        }
        fixture_clear(&f);
    }
}

// With deviations the logits of one image follow the law of the twin's.
static void test_law(void **state)
{
    (void)state;
    enum { DRAWS = 3000, IMAGE = BH_NET_SAMPLE_CHUNK };
    test_rng rng = test_rng_new("law");
    fixture f = fixture_new(&rng);
    float *drawn = bh_alloc(DRAWS * f.classes, sizeof *drawn);
    float *logits = bh_alloc(f.classes, sizeof *logits);
    double *a = bh_alloc(DRAWS, sizeof *a), *b = bh_alloc(DRAWS, sizeof *b);
    assert_ok(
        bh_net_sample(f.model, drawn, &f.images, IMAGE, 1, DRAWS, rng.state, NULL));
    for (size_t s = 0; s < DRAWS; s++) {
        twin(f.model, logits, f.images.pixels + IMAGE * f.pixels, (uint32_t)s, &rng);
        a[s] = (double)drawn[s * f.classes + f.classes - 1];
        b[s] = (double)logits[f.classes - 1];
    }
    assert_true(stats_ks(a, b, DRAWS) < stats_ks_limit(DRAWS));
    bh_free(drawn);
    bh_free(logits);
    bh_free(a);
    bh_free(b);
    fixture_clear(&f);
}

static bool same(const fixture *f)
{
    return memcmp(f->logits, f->again, f->len * sizeof *f->logits) == 0;
}

// Neither threads nor where a run begins change anything; seeds do.
static void test_threads_and_parts(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("threads and parts");
    fixture f = fixture_new(&rng);
    assert_ok(bh_net_sample(f.model, f.logits, &f.images, 0, IMAGES, SAMPLES, 7, NULL));
    for (uint32_t threads = 1; threads <= 5; threads += 2) {
        bh_pool *pool;
        assert_ok(bh_pool_new(&pool, threads));
        memset(f.again, 0, f.len * sizeof *f.again);
        assert_ok(
            bh_net_sample(f.model, f.again, &f.images, 0, IMAGES, SAMPLES, 7, pool));
        assert_true(same(&f));
        bh_pool_free(pool);
    }
    memset(f.again, 0, f.len * sizeof *f.again);
    const size_t cuts[] = {0, BH_NET_SAMPLE_CHUNK, 2 * BH_NET_SAMPLE_CHUNK, IMAGES};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(bh_net_sample(f.model, f.again + cuts[i] * SAMPLES * f.classes,
                                &f.images, cuts[i], cuts[i + 1] - cuts[i], SAMPLES, 7,
                                NULL));
    }
    assert_true(same(&f));
    assert_ok(bh_net_sample(f.model, f.again, &f.images, 0, IMAGES, SAMPLES, 8, NULL));
    assert_false(same(&f));
    fixture_clear(&f);
}

// ---- the draws themselves ----

// Two classes of w x + b, on images of one pixel: black ones show b, white ones w + b.
enum { DRAWS = 40000, PARAMS = 4 };
static const float means[PARAMS] = {0.5f, -2, 0, 3}, devs[PARAMS] = {0.1f, 2, 0.5f, 0};

static bh_model *line_model(void)
{
    bh_graph g;
    bh_model *m;
    const bh_input input = {.shape = {1, 1, 1}, .dev = {1}};
    assert_ok(bh_graph_from_text(&g, "fc classes", "line", input, 2, NULL));
    assert_ok(bh_model_new(&m, &g, 1));
    memcpy(m->posterior[0].mean, means, sizeof means);
    memcpy(m->posterior[0].dev, devs, sizeof devs);
    return m;
}

// Every draw's (w0, w1, b0, b1), less their means and in their deviations.
static double *draw_lines(uint64_t seed)
{
    bh_model *m = line_model();
    uint8_t pixels[2] = {0, 255};
    const bh_images images = {.count = 2, .shape = {1, 1, 1}, .pixels = pixels};
    float *logits = bh_alloc((size_t)2 * DRAWS * 2, sizeof *logits);
    double *e = bh_alloc((size_t)PARAMS * DRAWS, sizeof *e);
    assert_ok(bh_net_sample(m, logits, &images, 0, 2, DRAWS, seed, NULL));
    for (size_t s = 0; s < DRAWS; s++) {
        for (size_t c = 0; c < 2; c++) {
            const double b = (double)logits[2 * s + c];
            const double w = (double)logits[2 * (DRAWS + s) + c] - b;
            e[c * DRAWS + s] = (w - (double)means[c]) / (double)devs[c];
            e[(2 + c) * DRAWS + s] = b - (double)means[2 + c];
        }
        assert_close(e[3 * DRAWS + s], 0, 0); // that bias has no deviation
        e[2 * DRAWS + s] /= (double)devs[2];
    }
    bh_free(logits);
    bh_model_free(m);
    return e;
}

static void test_draws(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("draws");
    double *e = draw_lines(test_rng_next(&rng));
    const double each = 6 / sqrt(DRAWS);
    for (size_t i = 0; i < 3; i++) {
        const double *a = e + i * DRAWS;
        double sum = 0, squares = 0;
        for (size_t s = 0; s < DRAWS; s++) {
            sum += a[s];
            squares += a[s] * a[s];
        }
        assert_close(sum / DRAWS, 0, each);
        assert_close(squares / DRAWS, 1, each * sqrt(2));
        assert_close(stats_correlation(a, a + 1, DRAWS - 1), 0, each); // draw to draw
        for (size_t j = 0; j < i; j++) {
            assert_close(stats_correlation(a, e + j * DRAWS, DRAWS), 0, each);
        }
    }
    bh_free(e);
}

// One draw serves the images of a chunk, and none of another.
static void test_chunks(void **state)
{
    (void)state;
    enum { CHUNK = BH_NET_SAMPLE_CHUNK, COUNT = 3 * CHUNK };
    bh_model *m = line_model();
    uint8_t pixels[COUNT];
    float logits[COUNT * 2 * 2]; // [image][sample][class]
    memset(pixels, 255, sizeof pixels);
    const bh_images images = {.count = COUNT, .shape = {1, 1, 1}, .pixels = pixels};
    assert_ok(bh_net_sample(m, logits, &images, 0, COUNT, 2, 1, NULL));
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(logits[4 * i] != logits[4 * i + 2]);
        const size_t first = i / CHUNK * CHUNK;
        assert_memory_equal(logits + 4 * i, logits + 4 * first, 4 * sizeof *logits);
    }
    for (size_t i = CHUNK; i < COUNT; i += CHUNK) {
        assert_true(logits[4 * i] != logits[4 * (i - CHUNK)]);
        assert_true(logits[4 * i + 2] != logits[4 * (i - CHUNK) + 2]);
    }
    bh_model_free(m);
}

static bh_status sample_once(void *fixture_)
{
    const fixture *f = fixture_;
    return bh_net_sample(f->model, f->logits, &f->images, 0, IMAGES, 1, 7, NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("no memory");
    fixture f = fixture_new(&rng);
    size_t failed =
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, sample_once, &f);
    assert_true(failed > 8);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_law),
        cmocka_unit_test(test_threads_and_parts),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
