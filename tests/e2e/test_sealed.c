// SPDX-License-Identifier: Apache-2.0
// Guard `sealed` from end to end: replayed in the clear with the same weights and
// shares, for random models of many shapes and for the shipped one.
#include <math.h>

#include "base/memory.h"
#include "data/images.h"
#include "infer/sealed_cost.h"
#include "model/deviation.h"
#include "protocol/service.h"
#include "support/random_model.h"
#include "support/replay.h"
#include "support/test.h"

#define MODELS 40
#define MODEL  BH_SOURCE_DIR "/models/lenet5-mnist.bhn"
#define IMAGES BH_SOURCE_DIR "/share/mnist/t10k-images-idx3-ubyte.gz"
#define LABELS BH_SOURCE_DIR "/share/mnist/t10k-labels-idx1-ubyte.gz"

static void report(const replay_counts *c)
{
    printf("%zu accumulators, %zu off by one; %zu activations equal; %zu logits, at "
           "most %.4f from exact ones; label differs in %zu draws; %zu labels alone\n",
           c->accumulators, c->off_by_one, c->activations, c->logits, c->deviation,
           c->label_differs, c->labels);
}

static void add(replay_counts *all, const replay_counts *one)
{
    all->accumulators += one->accumulators;
    all->off_by_one += one->off_by_one;
    all->activations += one->activations;
    all->logits += one->logits;
    all->label_differs += one->label_differs;
    all->labels += one->labels;
    all->deviation = fmax(all->deviation, one->deviation);
}

// How often sums are off by one: with six deviations of a binomial of the largest
// probability that the plan states.
static void check_off_by_one(const replay_counts *c, const bh_plan *plan)
{
    double p = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        p = fmax(p, plan->layers[i].noise.off_by_one);
    }
    double n = (double)c->accumulators;
    assert_true((double)c->off_by_one <= n * p + 6 * sqrt(n * p) + 1);
}

// Two queries of one model; false if it cannot be served under this guard.
static bool replay_model(test_rng *rng, const bh_model *m, replay_counts *all)
{
    bh_service_options options = {
        .guard = BH_GUARD_SEALED,
        .samples = (uint32_t)test_rng_range(rng, 1, 3),
        .reveal = test_rng_below(rng, 3) == 0 ? BH_REVEAL_LABEL : BH_REVEAL_LOGITS,
        .logit_bits = (uint32_t)test_rng_range(rng, 1, BH_LOGIT_BITS_MAX)};
    session pair;
    bh_error err = {0};
    bh_status status = session_start_with(&pair, m, &options, &err);
    if (status == BH_OK) {
        replay_counts counts = {0};
        uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
        assert_ok(session_pump(&pair, 65536, &err));
        for (int query = 0; query < 2; query++) {
            random_pixels(rng, pixels, &m->graph);
            replay_query(&pair, m, pixels, SIZE_MAX, &counts);
        }
        bh_free(pixels);
        const bh_plan *plan = pair.service->plan;
        check_off_by_one(&counts, plan);
        // The proven bound, and what adding up doubles may round.
        double bound = bh_sealed_logit_deviation(plan, bh_model_deviation(m));
        assert_true(counts.deviation <= bound * (1 + 1e-9));
        add(all, &counts);
    } else if (status != BH_ERR_PARAMS && status != BH_ERR_RANGE) {
        fail_msg("%s", err.message); // squares; more than 28 bits
    }
    session_end(&pair);
    return status == BH_OK;
}

static void test_random_models(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random models");
    replay_counts counts = {0};
    for (int done = 0; done < MODELS;) {
        bh_model *m = random_model(&rng);
        done += replay_model(&rng, m, &counts);
        bh_model_free(m);
    }
    report(&counts);
    assert_true(counts.labels > 0 && counts.logits > 0);
}

static void test_shipped(void **state)
{
    (void)state;
    enum { DIGITS = 50 };
    bh_model *m;
    bh_images images;
    bh_error err = {0};
    if (bh_model_load(&m, MODEL, &err) != BH_OK ||
        bh_idx_load_images(&images, IMAGES, &err) != BH_OK ||
        bh_idx_load_labels(&images, LABELS, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    bh_service_options options = {.guard = BH_GUARD_SEALED, .samples = 4};
    session pair;
    replay_counts counts = {0};
    assert_ok(session_start_with(&pair, m, &options, &err));
    assert_ok(session_pump(&pair, 65536, &err));
    size_t len = bh_shape_len(images.shape);
    for (size_t i = 0; i < DIGITS; i++) {
        replay_query(&pair, m, images.pixels + i * len, SIZE_MAX, &counts);
    }
    report(&counts);
    check_off_by_one(&counts, pair.service->plan);
    session_end(&pair);
    bh_images_clear(&images);
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_models),
        cmocka_unit_test(test_shipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
