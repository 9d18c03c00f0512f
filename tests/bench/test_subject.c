// SPDX-License-Identifier: Apache-2.0
// The checks on benchmarked results accept what is right and nothing else.
#include <string.h>

#include "base/memory.h"
#include "model/input.h"
#include "subject.h"
#include "support/test.h"

enum { SAMPLES = 8 };

static int set_up(void **state)
{
    static subject s;
    subject_options o = SUBJECT_DEFAULTS;
    o.net = "lenet5";
    assert_ok(subject_init(&s, &o, NULL));
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    subject_clear(*state);
    return 0;
}

// Logits of a model on the subject's image, drawn from a seed of its own.
static double *infer(const subject *s, const bh_model *model, uint8_t seed_byte)
{
    uint8_t seed[32] = {1};
    seed[1] = seed_byte;
    float *input = bh_alloc(bh_model_input_len(model), sizeof *input);
    double *logits = bh_alloc(SAMPLES * s->n_classes, sizeof *logits);
    assert_non_null(input);
    assert_non_null(logits);
    bh_normalise_pixels(&model->graph, input, s->pixels);
    assert_ok(bh_model_infer_clear(model, logits, input, SAMPLES, seed));
    bh_free(input);
    return logits;
}

static void test_exact(void **state)
{
    const subject *s = *state;
    double *logits = infer(s, s->twin, 0);
    assert_true(subject_is_exact(s, logits, SAMPLES));
    logits[SAMPLES * s->n_classes - 1] += bh_graph_logit_scale(&s->twin->graph);
    assert_false(subject_is_exact(s, logits, SAMPLES));
    bh_free(logits);
}

static void test_likely(void **state)
{
    const subject *s = *state;
    for (uint8_t seed = 0; seed < 20; seed++) {
        double *logits = infer(s, s->model, seed);
        assert_true(subject_is_likely(s, logits, SAMPLES));
        assert_false(subject_is_exact(s, logits, SAMPLES));
        bh_free(logits);
    }
}

// One sample of one class decrypted wrongly: anywhere modulo 2^l; and classes mixed up.
static void test_unlikely(void **state)
{
    const subject *s = *state;
    const bh_graph *g = &s->model->graph;
    const bh_layer *last =
        &g->layers[bh_graph_linear_index(g, bh_graph_linear_count(g) - 1)];
    double *logits = infer(s, s->model, 0), kept = logits[3];
    logits[3] += (double)last->quant.acc_max / 2 * bh_graph_logit_scale(g);
    assert_false(subject_is_likely(s, logits, SAMPLES));
    logits[3] = kept;
    assert_true(subject_is_likely(s, logits, SAMPLES));
    memmove(logits, logits + 1, (SAMPLES * s->n_classes - 1) * sizeof *logits);
    assert_false(subject_is_likely(s, logits, SAMPLES));
    bh_free(logits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_likely),
        cmocka_unit_test(test_unlikely),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
