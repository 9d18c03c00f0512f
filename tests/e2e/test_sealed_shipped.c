// SPDX-License-Identifier: Apache-2.0
// The shipped model under guard `sealed` on all 1,000 shipped digits: each query is
// replayed exactly, and its class compared with that of exact integer inference with
// the same weights.
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "data/images.h"
#include "model/deviation.h"
#include "model/graph.h"
#include "support/replay.h"
#include "support/test.h"

#define MODEL  BH_SOURCE_DIR "/models/lenet5-mnist.bhn"
#define IMAGES BH_SOURCE_DIR "/share/mnist/t10k-images-idx3-ubyte.gz"
#define LABELS BH_SOURCE_DIR "/share/mnist/t10k-labels-idx1-ubyte.gz"

enum { SAMPLES = 4, CLASSES = 10, THREADS = 2, DIGITS = 1000 };

typedef struct fixture {
    bh_model *model;
    bh_images images;
} fixture;

// Part of the digits, on a thread of its own (hooks are per thread).
typedef struct part {
    const fixture *f;
    size_t first, sealed_right, exact_right, agree;
    double shift; // largest difference of a probability
    replay_counts counts;
} part;

static void classify(part *p, session *pair, size_t i)
{
    double exact[SAMPLES * CLASSES], probabilities[CLASSES];
    bh_client_result result;
    p->counts.exact = exact;
    replay_query(pair, p->f->model,
                 p->f->images.pixels + i * bh_shape_len(p->f->images.shape), SIZE_MAX,
                 &p->counts);
    assert_ok(bh_client_get_result(pair->client, &result));
    bh_prediction clear =
        bh_predict_from_logits(probabilities, exact, SAMPLES, CLASSES);
    for (size_t c = 0; c < CLASSES; c++) {
        p->shift = fmax(p->shift, fabs(probabilities[c] - result.probabilities[c]));
    }
    p->sealed_right += result.prediction.label == p->f->images.labels[i];
    p->exact_right += clear.label == p->f->images.labels[i];
    p->agree += clear.label == result.prediction.label;
}

static void *classify_part(void *argument)
{
    part *p = argument;
    const bh_service_options options = {.guard = BH_GUARD_SEALED, .samples = SAMPLES};
    bh_error err = {0};
    session pair;
    if (session_start_with(&pair, p->f->model, &options, &err) != BH_OK ||
        session_pump(&pair, SIZE_MAX, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    for (size_t i = p->first; i < DIGITS; i += THREADS) {
        classify(p, &pair, i);
    }
    session_end(&pair);
    return NULL;
}

static void test_all_digits(void **state)
{
    (void)state;
    fixture f;
    bh_error err = {0};
    if (bh_model_load(&f.model, MODEL, &err) != BH_OK ||
        bh_idx_load_images(&f.images, IMAGES, &err) != BH_OK ||
        bh_idx_load_labels(&f.images, LABELS, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(f.images.count, DIGITS);
    part parts[THREADS] = {0}, all = {0};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        parts[i] = (part){.f = &f, .first = i};
        assert_int_equal(pthread_create(&threads[i], NULL, classify_part, &parts[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        all.sealed_right += parts[i].sealed_right;
        all.exact_right += parts[i].exact_right;
        all.agree += parts[i].agree;
        all.shift = fmax(all.shift, parts[i].shift);
        all.counts.accumulators += parts[i].counts.accumulators;
        all.counts.off_by_one += parts[i].counts.off_by_one;
        all.counts.label_differs += parts[i].counts.label_differs;
        all.counts.deviation = fmax(all.counts.deviation, parts[i].counts.deviation);
    }
    double bound =
        (double)bh_model_deviation(f.model) * bh_graph_logit_scale(&f.model->graph);
    printf("S = %d, %d digits: %zu of %d agree with exact inference; %zu right, %zu "
           "right exactly\n",
           SAMPLES, DIGITS, all.agree, DIGITS, all.sealed_right, all.exact_right);
    printf("single draws whose largest logit differs: %zu of %d\n",
           all.counts.label_differs, SAMPLES * DIGITS);
    printf("logits at most %.4f from exact ones, proven: %.2f; probabilities %.4f\n",
           all.counts.deviation, bound, all.shift);
    printf("%zu of %zu accumulators off by one\n", all.counts.off_by_one,
           all.counts.accumulators);
    assert_true(all.agree >= DIGITS * 999 / 1000);
    assert_true(all.sealed_right >= 980);
    // The cut to logit_bits takes at most one unit more.
    assert_true(all.counts.deviation <= bound + ldexp(1, -BH_LOGIT_BITS_DEFAULT));
    bh_images_clear(&f.images);
    bh_model_free(f.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
