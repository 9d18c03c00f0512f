// SPDX-License-Identifier: Apache-2.0
// Logits along both clear ways: what threads and seeds do to them, and whose they are.
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/random.h"
#include "bayes/evaluate.h"
#include "bayes/net_sample.h"
#include "model/input.h"
#include "support/close.h"
#include "support/random_model.h"

#define IMAGES  70
#define SAMPLES 3

typedef struct fixture {
    bh_model *model;
    bh_images images;
    size_t count, classes, pixels;
    float *logits, *again;
} fixture;

static fixture fixture_new(test_rng *rng, size_t count)
{
    fixture f = {.model = random_model(rng), .count = count};
    f.classes = bh_model_classes(f.model);
    f.pixels = bh_model_input_len(f.model);
    f.images.count = count;
    f.images.shape = f.model->graph.input.shape;
    f.images.pixels = bh_alloc(count, f.pixels);
    f.logits = bh_alloc(count * SAMPLES * f.classes, sizeof *f.logits);
    f.again = bh_alloc(count * SAMPLES * f.classes, sizeof *f.again);
    assert_true(f.images.pixels != NULL && f.logits != NULL && f.again != NULL);
    for (size_t i = 0; i < count; i++) {
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

static bh_evaluation job_of(const fixture *f, float *logits, bh_pool *pool)
{
    return (bh_evaluation){.model = f->model,
                           .images = &f->images,
                           .count = f->count,
                           .samples = SAMPLES,
                           .seed = 7,
                           .pool = pool,
                           .logits = logits};
}

static bool same(const fixture *f)
{
    return memcmp(f->logits, f->again,
                  f->count * SAMPLES * f->classes * sizeof(float)) == 0;
}

static void note_last(void *user, size_t done)
{
    size_t *last = user;
    assert_true(done > *last && done <= IMAGES);
    *last = done;
}

// Threads change nothing, seeds do, and who watches hears of every image.
static void check_way(bh_status (*evaluate)(const bh_evaluation *), test_rng *rng)
{
    bh_pool *pool;
    size_t last = 0;
    fixture f = fixture_new(rng, IMAGES);
    assert_ok(bh_pool_new(&pool, 3));
    bh_evaluation job = job_of(&f, f.logits, NULL);
    job.on_progress = note_last;
    job.user = &last;
    assert_ok(evaluate(&job));
    assert_int_equal(last, IMAGES);
    job = job_of(&f, f.again, pool);
    assert_ok(evaluate(&job));
    assert_true(same(&f));
    job.seed = 8;
    assert_ok(evaluate(&job));
    assert_false(same(&f));
    bh_pool_free(pool);
    fixture_clear(&f);
}

static void test_threads_and_seeds(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("threads and seeds");
    check_way(bh_evaluate_quantised, &rng);
    check_way(bh_evaluate_float, &rng);
}

// The seed of every image is as the header says, and what it gives is inference's.
static void test_quantised_is_inference(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("quantised");
    fixture f = fixture_new(&rng, IMAGES);
    bh_evaluation job = job_of(&f, f.logits, NULL);
    float *input = bh_alloc(f.pixels, sizeof *input);
    double *logits = bh_alloc(SAMPLES * f.classes, sizeof *logits);
    assert_ok(bh_evaluate_quantised(&job));
    for (size_t i = 0; i < IMAGES; i += 23) {
        uint8_t seed[32];
        const uint8_t named[16] = {[0] = 7, [8] = (uint8_t)i};
        assert_ok(bh_hash(seed, "bayhenn eval", 12, named, sizeof named));
        bh_normalise_pixels(&f.model->graph, input, f.images.pixels + i * f.pixels);
        assert_ok(bh_model_infer_clear(f.model, logits, input, SAMPLES, seed));
        for (size_t j = 0; j < SAMPLES * f.classes; j++) {
            assert_close(f.logits[i * SAMPLES * f.classes + j], (float)logits[j], 0);
        }
    }
    bh_free(input);
    bh_free(logits);
    fixture_clear(&f);
}

// The floating-point way is net_sample's, some images after the others.
static void test_float_is_net_sample(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("float");
    fixture f = fixture_new(&rng, BH_EVALUATE_CHUNK + 70);
    bh_evaluation job = job_of(&f, f.logits, NULL);
    assert_ok(bh_evaluate_float(&job));
    assert_ok(bh_net_sample(f.model, f.again, &f.images, 0, f.count, SAMPLES, 7, NULL));
    assert_true(same(&f));
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_seeds),
        cmocka_unit_test(test_quantised_is_inference),
        cmocka_unit_test(test_float_is_net_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
