// SPDX-License-Identifier: Apache-2.0
// Posteriors from elsewhere: every library's names, layouts and transforms, from files
// written by hand, and back.
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "support/elsewhere.h"
#include "support/faults.h"
#include "support/test.h"

static void assert_close(float a, float b, double relative)
{
    if (!(fabs((double)a - (double)b) <= relative * fabs((double)b))) {
        fail_msg("%.9g is not %.9g", (double)a, (double)b);
    }
}

// share: what deviations without a tensor are to the mean; NaN: zero.
static void check_model(const bh_model *m, bool has_dev, bool bias_dev, float share)
{
    for (unsigned layer = 0; layer < ELSEWHERE_LAYERS; layer++) {
        const bh_posterior *p = bh_model_posterior(m, 0, layer);
        assert_int_equal(p->n_weights, elsewhere_weights(layer));
        for (size_t i = 0; i < p->n_weights + p->n_bias; i++) {
            bool dev = has_dev && (bias_dev || i < p->n_weights);
            float size = isnan(share) ? 0 : share * fabsf(elsewhere_mean(layer, i));
            assert_true(p->mean[i] == elsewhere_mean(layer, i));
            assert_close(p->dev[i], dev ? elsewhere_dev(layer, i) : size, 3e-6);
        }
    }
}

static void test_libraries(void **state)
{
    (void)state;
    static tensor_file f;
    for (size_t i = 0; i < ELSEWHERE_NAMINGS; i++) {
        for (int asked = 0; asked < 2; asked++) {
            const elsewhere_naming *n = &elsewhere_namings[i];
            const float share = i == ELSEWHERE_PLAIN ? 0.1f : NAN;
            bh_model *m = elsewhere_model();
            bh_error err = {0};
            elsewhere_fill(&f, n);
            bh_writer w = tensor_file_end(&f);
            if (elsewhere_import(m, &w, asked ? n->format : "auto", NULL, (double)share,
                                 &err) != BH_OK) {
                fail_msg("%s: %s", n->format, err.message);
            }
            check_model(m, n->conv_dev != NULL, n->bias_dev != NULL, share);
            bh_model_free(m);
        }
    }
}

// Layers without biases, and names that a program gives by default.
static void test_no_bias(void **state)
{
    (void)state;
    static tensor_file f;
    static const char *const names[] = {"features.0", "classifier.0", "classifier.3",
                                        "classifier.12"};
    static const char *const shapes[] = {"[3,2,3,2]", "[5,12]", "[4,5]", "[3,4]"};
    float values[ELSEWHERE_WEIGHTS_MAX];
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weight", names[i]);
        elsewhere_order(values, i, false, elsewhere_mean);
        tensor_file_add(&f, name, shapes[i], values, elsewhere_weights(i));
    }
    bh_writer w = tensor_file_end(&f);
    bh_model *m = elsewhere_model();
    assert_ok(elsewhere_import(m, &w, "auto", NULL, 0, NULL));
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i);
        assert_true(p->mean[elsewhere_weights(i) - 1] ==
                    elsewhere_mean(i, elsewhere_weights(i) - 1));
        assert_true(test_is_zero(p->mean + p->n_weights, p->n_bias * sizeof(float)));
        assert_true(test_is_zero(p->dev, (p->n_weights + p->n_bias) * sizeof(float)));
    }
    bh_model_free(m);
}

static void test_map(void **state)
{
    (void)state;
    static tensor_file f;
    bh_error err = {0};
    bh_model *m = elsewhere_model();
    elsewhere_fill_mapped(&f);
    bh_writer w = tensor_file_end(&f);
    if (elsewhere_import(m, &w, NULL, elsewhere_map, NAN, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    check_model(m, true, false, NAN);
    bh_model_free(m);
}

static void random_posterior(bh_model *m, test_rng *rng)
{
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        bh_posterior *p = bh_model_posterior(m, 0, i);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] = (float)test_rng_range(rng, -1000000, 1000000) / 250000;
            // From 1e-5 to 10.
            double power = (double)test_rng_range(rng, -500, 100) / 100;
            p->dev[k] = (float)pow(10, power);
        }
        p->dev[i] = i % 2 == 0 ? 0 : 1e-20f; // none that a logarithm says
    }
}

static void check_back(const bh_model *back, const bh_model *m, const bh_library *lib)
{
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        const bh_posterior *p = bh_model_posterior(m, 0, i),
                           *b = bh_model_posterior(back, 0, i);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            assert_true(b->mean[k] == p->mean[k]);
            double least = bh_transform_least(lib->transform);
            double dev = lib->has_dev ? fmax((double)p->dev[k], least) : 0;
            assert_close(b->dev[k], (float)dev, 3e-6);
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("import");
    for (size_t i = 0; i < bh_libraries_count; i++) {
        const bh_library *lib = &bh_libraries[i];
        bh_model *m = elsewhere_model(), *back = elsewhere_model();
        bh_writer w = {0}, again = {0};
        size_t raised = 0;
        random_posterior(m, &rng);
        assert_ok(bh_export(&w, &raised, m, lib->name, NULL));
        assert_ok(bh_export(&again, &raised, m, lib->name, NULL));
        assert_int_equal(w.len, again.len);
        assert_memory_equal(w.data, again.data, w.len);
        assert_int_equal(raised, lib->has_dev ? ELSEWHERE_LAYERS : 0);
        assert_ok(elsewhere_import(back, &w, "auto", NULL,
                                   lib->has_dev ? (double)NAN : 0, NULL));
        check_back(back, m, bh_library_find(lib->name));
        bh_writer_clear(&again);
        bh_model_free(m);
        bh_model_free(back);
    }
    bh_writer w = {0};
    bh_error err = {0};
    size_t raised;
    bh_model *m = elsewhere_model();
    assert_status(bh_export(&w, &raised, m, "auto", &err), BH_ERR_ARG);
    assert_non_null(strstr(err.message, "bayesian-torch"));
    bh_model_free(m);
}

// Biases that are points stay so in what names no deviation of theirs.
static void test_point_biases(void **state)
{
    (void)state;
    bh_model *m = elsewhere_model(), *back = elsewhere_model();
    bh_writer w = {0};
    size_t raised;
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        bh_model_posterior(m, 0, i)->mean[0] = bh_model_posterior(m, 0, i)->dev[0] = 1;
    }
    bh_model_posterior(m, 0, 2)->dev[bh_model_posterior(m, 0, 2)->n_weights] =
        0.5f; // of fc2 in the file
    assert_ok(bh_export(&w, &raised, m, "tfp", NULL));
    assert_ok(elsewhere_import(back, &w, "auto", NULL, NAN, NULL));
    const bh_posterior *point = bh_model_posterior(back, 0, 1),
                       *dev = bh_model_posterior(back, 0, 2);
    assert_true(point->dev[point->n_weights] == 0);
    assert_close(dev->dev[dev->n_weights], 0.5f, 1e-6);
    bh_model_free(m);
    bh_model_free(back);
}

static void test_transforms(void **state)
{
    (void)state;
    static const struct {
        bh_transform transform;
        double x, dev;
    } known[] = {
        {BH_TRANSFORM_NONE, 0.25, 0.25},
        {BH_TRANSFORM_EXP, -3, 0.049787068367863944},
        {BH_TRANSFORM_SOFTPLUS, -3, 0.048587351573742},
        {BH_TRANSFORM_SOFTPLUS, 800, 800},
        {BH_TRANSFORM_SOFTPLUS, -800, 0},
        {BH_TRANSFORM_SOFTPLUS_EPS, -3, 0.048587351573742 + 1.1920928955078125e-7},
        {BH_TRANSFORM_SOFTPLUS_EPS, -800, 1.1920928955078125e-7},
        {BH_TRANSFORM_SQRT, 0.25, 0.5},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double dev = bh_transform_apply(known[i].transform, known[i].x);
        assert_true(fabs(dev - known[i].dev) <= 1e-14 * (1 + known[i].dev));
    }
    for (int t = BH_TRANSFORM_NONE; t <= BH_TRANSFORM_SQRT; t++) {
        for (double dev = 1e-5; dev < 1e3; dev *= 3) {
            double x = bh_transform_invert((bh_transform)t, dev);
            double back = bh_transform_apply((bh_transform)t, x);
            assert_true(fabs(back / dev - 1) < 1e-10);
        }
        double x = bh_transform_invert((bh_transform)t, 0);
        double least = bh_transform_least((bh_transform)t);
        assert_true(fabs(bh_transform_apply((bh_transform)t, x) / least - 1) < 1e-5);
    }
}

static int compare(const char *a, const char *b)
{
    int elsewhere_order = bh_layer_name_compare((bh_layer_name){a, strlen(a)},
                                                (bh_layer_name){b, strlen(b)});
    int turned = bh_layer_name_compare((bh_layer_name){b, strlen(b)},
                                       (bh_layer_name){a, strlen(a)});
    assert_int_equal((elsewhere_order > 0) - (elsewhere_order < 0),
                     (turned < 0) - (turned > 0));
    return (elsewhere_order > 0) - (elsewhere_order < 0);
}

static void test_natural_order(void **state)
{
    (void)state;
    assert_int_equal(compare("conv1", "conv2"), -1);
    assert_int_equal(compare("conv2", "conv10"), -1);
    assert_int_equal(compare("conv2d", "conv2d_1"), -1);
    assert_int_equal(compare("conv2d_9", "conv2d_10"), -1);
    assert_int_equal(compare("a.0.x", "a.00.x"), 0);
    assert_int_equal(compare("a1b2", "a1b10"), -1);
    assert_int_equal(compare("99999999999999999999", "100000000000000000000"), -1);
    assert_int_equal(compare("", "a"), -1);
    assert_int_equal(compare("a", "\xc3\xa4"), -1); // bytes, not signs
}

// The means against another program's answers.
static void test_examples(void **state)
{
    (void)state;
    static tensor_file f;
    static float inputs[2 * ELSEWHERE_INPUT];
    const float outputs[] = {1, -4, 2, 1, -4, 2.5f};
    bh_model *m = elsewhere_model();
    bh_tensors t;
    bh_examples e;
    double difference;
    // All weights are zero: every answer is the last bias.
    memcpy(bh_model_posterior(m, 0, 3)->mean + elsewhere_weights(3), outputs,
           3 * sizeof(float));
    tensor_file_add(&f, "input", "[2,2,6,5]", inputs, 2 * ELSEWHERE_INPUT);
    tensor_file_add(&f, "output", "[2,3]", outputs, 6);
    bh_writer w = tensor_file_end(&f);
    assert_ok(bh_tensors_read(&t, w.data, w.len, "e.st", NULL));
    assert_ok(bh_examples_read(&e, &t, m, NULL));
    assert_int_equal(e.count, 2);
    assert_ok(bh_examples_compare(&difference, &e, m, NULL));
    assert_true(fabs(difference - 0.125) < 1e-6); // 0.5 of 4
    const float infinite[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < 3; i++) {
        bh_model_posterior(m, 0, 3)->mean[elsewhere_weights(3) + i] = infinite[i];
        assert_status(bh_examples_compare(&difference, &e, m, NULL), BH_ERR_RANGE);
        bh_model_posterior(m, 0, 3)->mean[elsewhere_weights(3) + i] = outputs[i];
    }
    bh_examples_clear(&e);
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
    bh_model_free(m);
}

// Everything that takes memory; both models were made before.
typedef struct job {
    bh_model *m, *back;
} job;

static bh_status export_and_import(void *arg)
{
    const job *j = arg;
    bh_writer w = {0};
    bh_tensors t = {0};
    bh_found found;
    size_t raised;
    bh_status status = bh_export(&w, &raised, j->m, "torchbnn", NULL);
    if (status == BH_OK) {
        status = bh_tensors_read(&t, w.data, w.len, "x.st", NULL);
    }
    if (status == BH_OK) {
        status = bh_found_by_name(&found, &t, "auto", NULL);
    }
    if (status == BH_OK) {
        status = bh_import(j->back, &t, &found, NAN, NULL);
    }
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    job j = {elsewhere_model(), elsewhere_model()};
    assert_true(fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM,
                          export_and_import, &j) > 20);
    bh_model_free(j.m);
    bh_model_free(j.back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libraries),     cmocka_unit_test(test_no_bias),
        cmocka_unit_test(test_map),           cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_point_biases),  cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_natural_order), cmocka_unit_test(test_examples),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
