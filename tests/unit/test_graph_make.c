// SPDX-License-Identifier: Apache-2.0
// Networks from text.
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "model/graph.h"
#include "support/test.h"

enum { CLASSES = 10 };

static bh_input images(void)
{
    return (bh_input){.shape = {1, 28, 28}, .dev = {1}};
}

static void expect_same(const bh_graph *a, const bh_graph *b)
{
    bh_writer x = {0}, y = {0};
    bh_graph_write(a, &x);
    bh_graph_write(b, &y);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    bh_writer_clear(&x);
    bh_writer_clear(&y);
}

// The named networks, written down.
static void test_known(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"lenet5", "conv 6 5x5 pad 2, relu, max 2, conv 16 5x5, relu, max 2x2 stride 2,"
                   "fc 120, relu, fc 84, relu, fc classes"},
        {"netd", "# MiniONN's\n"
                 "conv 16 5 stride 1 # as GAZELLE has it\n"
                 "\trelu\r\n\n\n max 2,,\n , conv 16 5x5 pad 0, relu, max 2 stride 2\n"
                 "fc 100\nrelu\nfc 10, # the end"},
        {"lenet-caffe", "conv 20 5,relu,max 2,conv 50 5,relu,max 2,fc 500,relu,fc 10"},
    };
    static bh_graph named, read;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *name = texts[i][0];
        assert_ok(bh_graph_named(&named, name, images(), CLASSES, NULL));
        assert_ok(
            bh_graph_from_text(&read, texts[i][1], name, images(), CLASSES, NULL));
        expect_same(&named, &read);
        assert_ok(bh_graph_make(&read, name, images(), CLASSES, NULL));
        expect_same(&named, &read);
    }
}

static void test_every_word(void **state)
{
    (void)state;
    static bh_graph g;
    assert_ok(bh_graph_make(&g,
                            "conv 3 3x5 stride 2 pad 1, square, avg 2x3 stride 1, "
                            "max 2, flatten, fc classes",
                            images(), 7, NULL));
    const bh_layer *l = g.layers;
    assert_string_equal(g.name, "custom");
    assert_int_equal(g.n_layers, 6);
    assert_int_equal(l[0].kind, BH_LAYER_CONV2D);
    assert_int_equal(l[0].out_channels, 3);
    assert_int_equal(l[0].kernel_h, 3);
    assert_int_equal(l[0].kernel_w, 5);
    assert_int_equal(l[0].stride, 2);
    assert_int_equal(l[0].pad, 1);
    assert_int_equal(l[1].kind, BH_LAYER_SQUARE);
    assert_int_equal(l[2].kind, BH_LAYER_AVG_POOL);
    assert_int_equal(l[2].kernel_h, 2);
    assert_int_equal(l[2].kernel_w, 3);
    assert_int_equal(l[2].stride, 1);
    assert_int_equal(l[3].kind, BH_LAYER_MAX_POOL);
    assert_int_equal(l[3].stride, 2);
    assert_int_equal(l[4].kind, BH_LAYER_FLATTEN);
    assert_int_equal(l[5].out_channels, 7);
}

static void test_mlp(void **state)
{
    (void)state;
    static bh_graph g, read;
    bh_input table = {.shape = {1, 1, 3},
                      .mean = {0.5f},
                      .dev = {0.125f},
                      .n_columns = 3,
                      .column_dev = {1, 1, 1}};
    assert_ok(bh_graph_make(&g, "mlp:784x50x20x10", images(), CLASSES, NULL));
    assert_ok(bh_graph_from_text(&read, "fc 50, relu, fc 20, relu, fc classes", "mlp",
                                 images(), CLASSES, NULL));
    expect_same(&g, &read);
    assert_ok(bh_graph_make(&g, "mlp:3x2", table, 2, NULL));
    assert_int_equal(g.n_layers, 1);
}

typedef struct refusal {
    const char *net, *sentence; // or the beginning of one
} refusal;

static void test_refused(void **state)
{
    (void)state;
    static const refusal refusals[] = {
        {"conv 6 5x5, rilu", "layer 2: \"rilu\" where conv, relu, square, max, avg, "
                             "flatten or fc is expected"},
        {"conv 6 5x5, max", "layer 2 ends where a window, as in 3x3, is expected"},
        {"conv 0 5x5, ", "layer 1: \"0\" where a number of channels, 1 or more, is"},
        {"conv -1 5x5, ", "layer 1: \"-1\" where a number of channels"},
        {"conv 6, ", "layer 1 ends where a window"},
        {"conv 6 5y5", "layer 1: \"5y5\" where a window"},
        {"conv 6 5x", "layer 1: \"5x\" where a window"},
        {"conv 6 x5", "layer 1: \"x5\" where a window"},
        {"conv 6 5x5x5", "layer 1: \"5x5x5\" where a window"},
        {"conv 6 5 padd 2", "layer 1: \"padd\" where pad, stride or the end of"},
        {"conv 6 5 pad 2 pad 1", "layer 1: \"pad\" where stride or the end of"},
        {"conv 6 5 stride 2 stride 2", "layer 1: \"stride\" where pad, stride or"},
        {"conv 6 5 stride 0", "layer 1: \"0\" where a stride, 1 or more, is expected"},
        {"conv 6 5 stride", "layer 1 ends where a stride"},
        {"conv 6 5 pad x", "layer 1: \"x\" where a number of zeroes"},
        {"conv 6 5,relu 2", "layer 2: \"2\" where the end of the layer is expected"},
        {"conv 6 5,max 2 pad 1", "layer 2: \"pad\" where stride or the end"},
        {"conv 6 5,avg 2x3", "layer 2 ends where the stride of a window that is not"},
        {"conv 6 5x5\n# one\nfc many", "layer 2: \"many\" where a number of outputs"},
        {"fc ", "layer 1 ends where a number of outputs"},
        {"fc 3000000000", "layer 1: \"3000000000\" where a number of outputs"},
        {"fc classes, relu, fc 10", "layer 3: \"fc\" where no layer with weights"},
        {"conv 6 29x29, fc classes", "layer 1 (conv2d): the window is empty or larger"},
        {"fc 5000, relu, fc classes", "layer 1 (fc): the number of outputs"},
        {"relu, fc classes", "layer 1 (relu): the first layer must be linear"},
        {"fc classes, relu", "layer 2 (relu): the last layer must be linear"},
        {"fc 12, relu, fc 11", "the last layer has 11 outputs for 10 classes"},
        {",", "0 layers, not 1 to 64"},
        {"  # nothing", "0 layers, not 1 to 64"},
        {"fc \x1b[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "layer 1: \"?[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxx\" where a number"},
        {"lenet6",
         "unknown network \"lenet6\"; known are lenet5, netd, lenet-caffe and "
         "minionn-cifar; others are mlp:AxBxC"},
        {"", "unknown network \"\""},
        {"mlp:784x10x", "\"mlp:784x10x\" is not mlp:AxBx..xC"},
        {"mlp:784", "\"mlp:784\" is not mlp:AxBx..xC"},
        {"mlp:", "\"mlp:\" is not mlp:AxBx..xC"},
        {"mlp:784x-5x10", "\"mlp:784x-5x10\" is not"},
        {"mlp:784x 5x10", "\"mlp:784x 5x10\" is not"},
        {"mlp:784x99999999999999999999x10",
         "\"mlp:784x99999999999999999999x10\" is not"},
        {"mlp:783x10", "mlp:783x10 has 783 inputs for data of 784 values"},
        {"mlp:784x20x2", "mlp:784x20x2 has 2 outputs for 10 classes"},
        {"mlp:784x5000x10", "layer 1 (fc): the number of outputs"},
    };
    static bh_graph g;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        bh_error err = {0};
        bh_status status = bh_graph_make(&g, refusals[i].net, images(), CLASSES, &err);
        assert_int_not_equal(status, BH_OK);
        assert_int_equal(err.status, status);
        if (strncmp(err.message, refusals[i].sentence, strlen(refusals[i].sentence)) !=
            0) {
            fail_msg("%s: %s", refusals[i].net, err.message);
        }
    }
}

// 64 layers are the most, in either form.
static void test_longest(void **state)
{
    (void)state;
    static bh_graph g;
    char text[1024] = "", mlp[256] = "mlp:784";
    bh_error err;
    for (int i = 0; i < 63; i++) {
        strcat(text, "fc 10,");
    }
    strcat(text, "fc classes,");
    assert_ok(bh_graph_make(&g, text, images(), CLASSES, NULL));
    assert_int_equal(g.n_layers, BH_GRAPH_LAYERS_MAX);
    strcat(text, "flatten");
    assert_status(bh_graph_make(&g, text, images(), CLASSES, &err), BH_ERR_ARG);
    assert_string_equal(err.message, "more than 64 layers");
    for (int i = 0; i < 32; i++) {
        strcat(mlp, "x10");
    }
    assert_ok(bh_graph_make(&g, mlp, images(), CLASSES, NULL));
    assert_int_equal(g.n_layers, 63);
    strcat(mlp, "x10");
    assert_status(bh_graph_make(&g, mlp, images(), CLASSES, NULL), BH_ERR_ARG);
    memset(text, 'n', 64);
    text[64] = '\0';
    assert_status(bh_graph_from_text(&g, "fc classes", text, images(), CLASSES, &err),
                  BH_ERR_ARG);
    text[63] = '\0';
    assert_ok(bh_graph_from_text(&g, "fc classes", text, images(), CLASSES, &err));
    assert_string_equal(g.name, text);
}

// Words in any order: read or refused with a sentence, and what is read is checked.
static void test_random_texts(void **state)
{
    (void)state;
    static const char *const words[] = {
        "conv", "fc",   "relu", "square", "max",    "avg", "flatten", "classes",
        "pad",  "3x3",  "2",    "1",      "stride", "10",  "\n",      ",",
        ",",    "#x\n", "5x",   "0",      "x",      "\xff"};
    static bh_graph g;
    test_rng rng = test_rng_new("random texts");
    size_t accepted = 0;
    for (int trial = 0; trial < 200000; trial++) {
        char text[256] = "";
        bh_error err = {0};
        for (uint64_t i = test_rng_below(&rng, 12); i > 0; i--) {
            strcat(text, words[test_rng_below(&rng, sizeof words / sizeof words[0])]);
            strcat(text, " ");
        }
        if (bh_graph_from_text(&g, text, "random", images(), CLASSES, &err) == BH_OK) {
            accepted++;
            assert_ok(bh_graph_check(&g, NULL));
        } else {
            assert_true(strlen(err.message) > 10);
        }
    }
    printf("%zu of 200000 accepted\n", accepted);
    assert_true(accepted > 0);
}

static void test_square(void **state)
{
    (void)state;
    static bh_graph g, squared;
    assert_ok(bh_graph_named(&g, "lenet5", images(), CLASSES, NULL));
    squared = g;
    bh_graph_square(&squared);
    assert_ok(bh_graph_check(&squared, NULL));
    for (uint32_t i = 0; i < g.n_layers; i++) {
        bool relu = g.layers[i].kind == BH_LAYER_RELU;
        assert_int_equal(squared.layers[i].kind,
                         relu ? BH_LAYER_SQUARE : g.layers[i].kind);
        squared.layers[i].kind = g.layers[i].kind;
    }
    assert_memory_equal(&g, &squared, sizeof g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),   cmocka_unit_test(test_every_word),
        cmocka_unit_test(test_mlp),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_longest), cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_square),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
