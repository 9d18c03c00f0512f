// SPDX-License-Identifier: Apache-2.0
// The shipped model on the shipped digits, encrypted and in the clear: every linear
// layer's output on 200 digits, and the accuracy on all 1,000.
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "data/images.h"
#include "model/input.h"
#include "support/exact.h"
#include "support/test.h"

#define MODEL   BH_SOURCE_DIR "/models/lenet5-mnist.bhn"
#define IMAGES  BH_SOURCE_DIR "/share/mnist/t10k-images-idx3-ubyte.gz"
#define LABELS  BH_SOURCE_DIR "/share/mnist/t10k-labels-idx1-ubyte.gz"
#define CHUNK   65536
#define THREADS 2

typedef struct fixture {
    bh_model *model;
    bh_images images;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    bh_error err = {0};
    if (bh_model_load(&f->model, MODEL, &err) != BH_OK ||
        bh_idx_load_images(&f->images, IMAGES, &err) != BH_OK ||
        bh_idx_load_labels(&f->images, LABELS, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(f->images.count, 1000);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bh_images_clear(&f->images);
    bh_model_free(f->model);
    free(f);
    return 0;
}

static const uint8_t *image(const fixture *f, size_t i)
{
    return f->images.pixels + i * bh_shape_len(f->images.shape);
}

// S = 4, 200 digits: each output of each linear layer, bit for bit.
static void test_every_output(void **state)
{
    const fixture *f = *state;
    session pair;
    size_t compared = 0;
    session_connect(&pair, f->model, 4, CHUNK);
    for (size_t i = 0; i < 200; i++) {
        compared += exact_query(&pair, f->model, image(f, i), CHUNK);
    }
    session_end(&pair);
    printf("200 digits, S = 4: %zu outputs of linear layers equal\n", compared);
}

static void keep_seed(void *user, const uint8_t *seed)
{
    memcpy(user, seed, 32);
}

// Part of the digits, on a thread of its own (hooks are per thread).
typedef struct part {
    const fixture *f;
    size_t first, encrypted_right, clear_right, unequal;
} part;

static void classify(part *p, session *pair, size_t i, const uint8_t *seed)
{
    enum { SAMPLES = 8, CLASSES = 10 };
    const bh_graph *g = &p->f->model->graph;
    double logits[SAMPLES * CLASSES], probabilities[CLASSES];
    float real[28 * 28];
    bh_client_result result;
    assert_ok(session_query(pair, image(p->f, i), CHUNK, NULL));
    assert_ok(bh_client_get_result(pair->client, &result));
    bh_normalise_pixels(g, real, image(p->f, i));
    assert_ok(bh_model_infer_clear(p->f->model, logits, real, SAMPLES, seed));
    bh_prediction clear =
        bh_predict_from_logits(probabilities, logits, SAMPLES, CLASSES);
    p->encrypted_right += result.prediction.label == p->f->images.labels[i];
    p->clear_right += clear.label == p->f->images.labels[i];
    p->unequal += memcmp(logits, result.logits, sizeof logits) != 0;
}

static void *classify_part(void *argument)
{
    part *p = argument;
    uint8_t seed[32];
    session pair;
    session_connect(&pair, p->f->model, 8, CHUNK);
    bh_hooks_get()->on_query = keep_seed;
    bh_hooks_get()->user = seed;
    for (size_t i = p->first; i < p->f->images.count; i += THREADS) {
        classify(p, &pair, i, seed);
    }
    session_end(&pair);
    return NULL;
}

// S = 8, 1,000 digits: the same seeds give the same logits, hence the same accuracy.
static void test_accuracy(void **state)
{
    part parts[THREADS] = {0};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        parts[i] = (part){.f = *state, .first = i};
        assert_int_equal(pthread_create(&threads[i], NULL, classify_part, &parts[i]),
                         0);
    }
    size_t encrypted = 0, clear = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(parts[i].unequal, 0);
        encrypted += parts[i].encrypted_right;
        clear += parts[i].clear_right;
    }
    printf("1,000 digits, S = 8: %zu right encrypted, %zu right in the clear\n",
           encrypted, clear);
    assert_int_equal(encrypted, clear);
    assert_true(encrypted >= 980);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_output),
        cmocka_unit_test(test_accuracy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
