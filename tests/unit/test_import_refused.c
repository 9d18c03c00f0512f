// SPDX-License-Identifier: Apache-2.0
// What `import` refuses, and by which sentence.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "support/elsewhere.h"
#include "support/test.h"

static void refused(tensor_file *f, const char *format, const char *map, double share,
                    bh_status expected, const char *part)
{
    bh_model *m = elsewhere_model();
    bh_error err = {0};
    bh_writer w = tensor_file_end(f);
    assert_status(elsewhere_import(m, &w, format, map, share, &err), expected);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
    bh_model_free(m);
}

static void test_unknown_names(void **state)
{
    (void)state;
    static tensor_file f;
    static const float values[64];
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING, "nothing else");
    for (unsigned i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%u", i);
        tensor_file_add(&f, name, "[2,2]", values, 4);
    }
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING, "but t0, t1, t2, ... (--list");
    tensor_file_add(&f, "t", "[2,2]", values, 4);
    refused(&f, "tfp", NULL, NAN, BH_ERR_ENCODING, "as tfp names them, but t (--list");
    refused(&f, "pytorch", NULL, NAN, BH_ERR_ARG, "known are auto, bayesian-torch, ");
    // A mean by its name, but of a rank that no layer has.
    tensor_file_add(&f, "conv1.mu_kernel", "[2,2,2]", values, 8);
    tensor_file_add(&f, "conv1.rho_kernel", "[2,2,2]", values, 8);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING, "try --format or --map");
}

static void test_ambiguous(void **state)
{
    (void)state;
    static tensor_file f;
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH]);
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIANCNN]);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "as by bayesian-torch and as by pytorch-bayesiancnn: choose one");
    // Then the other one's tensors are left over.
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH]);
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIANCNN]);
    refused(&f, "bayesian-torch", NULL, NAN, BH_ERR_ENCODING, "belongs to no layer");
}

static void test_tensors_that_do_not_fit(void **state)
{
    (void)state;
    static tensor_file f;
    static const float values[64];
    // A normalisation layer, which the network does not have.
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_PLAIN]);
    tensor_file_add(&f, "bn1.weight", "[3]", values, 3);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING, "\"bn1.weight\" belongs to no layer");
    // The last noise of a library is no secret weight of an ordinary network.
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_PLAIN]);
    tensor_file_add(&f, "fc2.weight_eps", "[3]", values, 3);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING, "belongs to no layer");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH]);
    tensor_file_add(&f, "fc11.mu_weight", "[3,3]", values, 9);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "\"fc11.mu_weight\" has no deviations");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH]);
    tensor_file_add(&f, "fc11.mu_weight", "[3,3]", values, 9);
    tensor_file_add(&f, "fc11.rho_weight", "[3,3]", values, 9);
    tensor_file_add(&f, "fc11.mu_bias", "[3]", values, 3);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "\"fc11.mu_bias\" has no deviations");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH]);
    tensor_file_add(&f, "fc11.mu_weight", "[3,3]", values, 9);
    tensor_file_add(&f, "fc11.rho_weight", "[3,3]", values, 9);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "1 convolutions and 4 fully connected layers; small has 1 and 3");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_PLAIN]);
    tensor_file_add(&f, "conv2.weight", "[3,2,3,2]", values, 36);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING,
            "2 convolutions and 3 fully connected layers; small has 1 and 3");
    elsewhere_add_layer(&f, &elsewhere_namings[ELSEWHERE_BAYESIAN_TORCH], 0);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "1 convolutions and 0 fully connected layers; small has 1 and 3");
}

static void test_shapes(void **state)
{
    (void)state;
    static tensor_file f;
    static const float values[64];
    const elsewhere_naming *n = &elsewhere_namings[ELSEWHERE_PLAIN];
    elsewhere_add_layer(&f, n, 0);
    elsewhere_add_layer(&f, n, 1);
    elsewhere_add_layer(&f, n, 3);
    tensor_file_add(&f, "fc9.weight", "[5,4]", values, 20);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING,
            "\"fc9.weight\" has shape [5,4]; the network's fc takes [4,5]");
    for (unsigned i = 1; i < ELSEWHERE_LAYERS; i++) {
        elsewhere_add_layer(&f, n, i);
    }
    tensor_file_add(&f, "conv1.weight", "[3,2,2,3]", values, 36);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING,
            "has shape [3,2,2,3]; the network's conv2d takes [3,2,3,2]");
    for (unsigned i = 0; i < ELSEWHERE_LAYERS - 1; i++) {
        elsewhere_add_layer(&f, n, i);
    }
    tensor_file_add(&f, "fc10.weight", "[3,4]", values, 12);
    tensor_file_add(&f, "fc10.bias", "[3,1]", values, 3);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING, "\"fc10.bias\" has shape [3,1]");
}

static void test_values(void **state)
{
    (void)state;
    static tensor_file f;
    static float values[64];
    const elsewhere_naming *pyro = &elsewhere_namings[ELSEWHERE_PYRO];
    // An unconstrained scale under the name of a scale.
    for (unsigned i = 0; i < ELSEWHERE_LAYERS - 1; i++) {
        elsewhere_add_layer(&f, pyro, i);
    }
    values[3] = -2.5f;
    tensor_file_add(&f, "AutoNormal.locs.fc10.weight", "[3,4]", values, 12);
    tensor_file_add(&f, "AutoNormal.scales.fc10.weight", "[3,4]", values, 12);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "scales.fc10.weight\" holds -2.5, which gives no deviation");
    // exp(100) is no float.
    for (unsigned i = 0; i < ELSEWHERE_LAYERS - 1; i++) {
        elsewhere_add_layer(&f, &elsewhere_namings[ELSEWHERE_TORCHBNN], i);
    }
    values[3] = 100;
    tensor_file_add(&f, "fc10.weight_mu", "[3,4]", values, 12);
    tensor_file_add(&f, "fc10.weight_log_sigma", "[3,4]", values, 12);
    refused(&f, "auto", NULL, NAN, BH_ERR_ENCODING,
            "holds 100, which gives no deviation");
    for (unsigned i = 0; i < ELSEWHERE_LAYERS - 1; i++) {
        elsewhere_add_layer(&f, &elsewhere_namings[ELSEWHERE_PLAIN], i);
    }
    values[3] = INFINITY;
    tensor_file_add(&f, "fc10.weight", "[3,4]", values, 12);
    refused(&f, "auto", NULL, 0, BH_ERR_ENCODING,
            "\"fc10.weight\" holds a value that is");
}

static void test_share(void **state)
{
    (void)state;
    static tensor_file f;
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_PLAIN]);
    refused(&f, "auto", NULL, NAN, BH_ERR_ARG, "holds no deviations: --moped");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_PLAIN]);
    refused(&f, "auto", NULL, 1.5, BH_ERR_ARG, "holds no deviations: --moped");
    elsewhere_fill(&f, &elsewhere_namings[ELSEWHERE_BLITZ]);
    refused(&f, "auto", NULL, 0.1, BH_ERR_ARG, "--moped is for files without");
}

// The good map with `old`, which it holds once, replaced.
static void refused_map(const char *old, const char *new, const char *part)
{
    static tensor_file f;
    char map[1024];
    const char *at = strstr(elsewhere_map, old);
    assert_non_null(at);
    snprintf(map, sizeof map, "%.*s%s%s", (int)(at - elsewhere_map), elsewhere_map, new,
             at + strlen(old));
    elsewhere_fill_mapped(&f);
    refused(&f, NULL, map, NAN, BH_ERR_ENCODING, part);
}

static void test_bad_maps(void **state)
{
    (void)state;
    refused_map("]}", "]", "m.json, line 1: ");
    refused_map(elsewhere_map, "[]",
                "m.json: the map and each of its layers are objects");
    refused_map("\"layout\"", "\"lay\"", "no key \"lay\"");
    refused_map("\"bias\"", "\"biases\"", "no key \"biases\"");
    refused_map("\"layout\": ", "\"layout\": \"torch\", \"layout\": ", "duplicate");
    refused_map("\"keras\"", "\"caffe\"", "\"layout\" is");
    refused_map("\"keras\"", "1", "\"layout\" is");
    refused_map("\"sqrt\"", "\"log\"", "\"transform\" is \"none\"");
    refused_map("\"sqrt\"", "1", "\"transform\" is \"none\"");
    refused_map("\"transform\": \"sqrt\", ", "", "\"transform\" is missing");
    refused_map("\"y.v\"", "\"y.w\"", "\"weight_dev\": \"y.w\" is no tensor of x.st");
    refused_map("\"y.v\"", "7", "\"weight_dev\": \"\" is no tensor");
    refused_map("\"weight\": \"y.m\", ", "", "has a \"weight\"");
    refused_map("\"weight\": \"y.m\"", "\"weight\": \"y.bm\"", "has a \"weight\"");
    refused_map("\"bias\": \"y.bm\"", "\"bias_dev\": \"y.bm\"", "no \"bias\"");
    refused_map("\"layers\": [", "\"layers\": [1, ", "are objects");
    refused_map("\"keras\"", "\"torch\"", "has shape");
    refused_map(strstr(elsewhere_map, ",{\"weight\": \"x.m\""), "]}",
                "belongs to no layer");
    refused_map(strstr(elsewhere_map, ", \"layers\""), "}", "a list of 1 to 64");
}

static void refused_examples(const char *name, const char *shape, size_t count,
                             const char *part)
{
    static tensor_file f;
    static const float values[ELSEWHERE_INPUT * 4];
    bh_model *m = elsewhere_model();
    bh_tensors t;
    bh_examples e;
    bh_error err = {0};
    size_t live = bh_hooks_get()->live_blocks;
    bool output = strcmp(name, "output") == 0;
    if (output) {
        tensor_file_add(&f, "input", "[2,2,6,5]", values, 2 * ELSEWHERE_INPUT);
    }
    tensor_file_add(&f, name, shape, values, count);
    bh_writer w = tensor_file_end(&f);
    assert_ok(bh_tensors_read(&t, w.data, w.len, "e.st", NULL));
    assert_status(bh_examples_read(&e, &t, m, &err), BH_ERR_ENCODING);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    bh_model_free(m);
}

static void test_bad_examples(void **state)
{
    (void)state;
    refused_examples("in", "[1]", 1, "no tensor \"input\"");
    refused_examples("input", "[60]", 60, "60 numbers for each example");
    refused_examples("input", "[2,2,6,4]", 96, "has shape [2,2,6,4]");
    refused_examples("input", "[0,2,6,5]", 0, "has shape [0,2,6,5]");
    refused_examples("input", "[4,2,3,5]", 120, "has shape [4,2,3,5]");
    refused_examples("input", "[1,2,6,5]", 60, "no tensor \"output\"");
    refused_examples("output", "[2,4]", 8, "3 numbers for each example");
    refused_examples("output", "[3,3]", 9, "2 inputs and 3 outputs");
}

// Examples that were normalised by other numbers than the model's: mean 0 and deviation
// 1 in channel 0, 0.5 and 0.25 in channel 1, which makes pixels -2 to 2.
static void test_range(void **state)
{
    (void)state;
    static const struct {
        float in_0, in_1;
        const char *part; // NULL: fine
    } cases[] = {
        {0, -2, NULL},
        {1, 2, NULL},
        {-0.0005f, 2.0005f, NULL},
        {-0.01f, 0, "is -0.01, but pixels become -0 to 1 in channel 0"},
        {1.01f, 0, "is 1.01, but"},
        {0, -2.01f, "is -2.01, but pixels become -2 to 2 in channel 1"},
        {0, 2.01f, "is 2.01, but"},
    };
    bh_model *m = elsewhere_model();
    m->graph.input.mean[1] = 0.5f;
    m->graph.input.dev[1] = 0.25f;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float inputs[2 * ELSEWHERE_INPUT] = {0};
        bh_error err = {0};
        const bh_examples e = {.count = 2, .inputs = inputs};
        inputs[ELSEWHERE_INPUT + ELSEWHERE_INPUT / 2 - 1] = cases[i].in_0;
        inputs[2 * ELSEWHERE_INPUT - 1] = cases[i].in_1;
        assert_status(bh_examples_check_range(&e, m, &err),
                      cases[i].part == NULL ? BH_OK : BH_ERR_RANGE);
        if (cases[i].part != NULL && strstr(err.message, cases[i].part) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].part);
        }
    }
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_tensors_that_do_not_fit),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_bad_maps),
        cmocka_unit_test(test_bad_examples),
        cmocka_unit_test(test_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
