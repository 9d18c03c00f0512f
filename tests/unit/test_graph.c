// SPDX-License-Identifier: Apache-2.0
// Graphs: shapes of the known networks, what bh_graph_check refuses, the encoding.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/graph.h"
#include "support/test.h"

static bh_input mnist_input(void)
{
    return (bh_input){.shape = {1, 28, 28}, .mean = {0}, .dev = {1}};
}

static size_t parameters(const bh_graph *g)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        const bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        sum += bh_layer_weights_len(layer) + bh_layer_bias_len(layer);
    }
    return sum;
}

static void assert_shape(bh_shape s, uint32_t c, uint32_t h, uint32_t w)
{
    assert_int_equal(s.channels, c);
    assert_int_equal(s.height, h);
    assert_int_equal(s.width, w);
}

// A lenet5 with made-up but consistent scales.
static void quantised_lenet5(bh_graph *g)
{
    assert_ok(bh_graph_named(g, "lenet5", mnist_input(), 10, NULL));
    g->quantised = true;
    double x_scale = 1 / 255.0;
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        bh_quant *q = &g->layers[bh_graph_linear_index(g, i)].quant;
        *q = (bh_quant){.x_scale = x_scale,
                        .w_scale = 0.01,
                        .shift = i > 0 ? 9 : 0,
                        .x_hi = 255,
                        .w_max = 127,
                        .acc_max = (1 << 20) - 1};
        x_scale = bh_graph_segment_scale(g, i) * 512;
    }
    assert_ok(bh_graph_check(g, NULL));
}

static void test_named(void **state)
{
    (void)state;
    static bh_graph g;
    bh_error err = {0};
    assert_ok(bh_graph_named(&g, "lenet5", mnist_input(), 10, NULL));
    assert_int_equal(parameters(&g), 61706);
    assert_shape(g.layers[0].out, 6, 28, 28);
    assert_shape(g.layers[2].out, 6, 14, 14);
    assert_shape(g.layers[3].out, 16, 10, 10);
    assert_shape(g.layers[5].out, 16, 5, 5);
    assert_shape(g.layers[6].in, 400, 1, 1);
    assert_shape(g.layers[10].out, 10, 1, 1);
    assert_int_equal(bh_graph_linear_count(&g), 5);
    assert_int_equal(bh_graph_linear_index(&g, 0), 0);
    assert_int_equal(bh_graph_linear_index(&g, 2), 6);
    assert_int_equal(bh_graph_linear_index(&g, 4), 10);
    assert_ok(bh_graph_named(&g, "netd", mnist_input(), 10, NULL));
    assert_int_equal(parameters(&g), 33542);
    assert_shape(g.layers[0].out, 16, 24, 24);
    assert_shape(g.layers[6].in, 256, 1, 1);
    assert_ok(bh_graph_named(&g, "lenet-caffe", mnist_input(), 10, NULL));
    assert_int_equal(parameters(&g), 431080);
    assert_shape(g.layers[6].in, 800, 1, 1);
    assert_status(bh_graph_named(&g, "resnet", mnist_input(), 10, &err), BH_ERR_ARG);
    assert_non_null(strstr(err.message, "resnet"));
    bh_input tiny = mnist_input();
    tiny.shape.height = 4;
    assert_status(bh_graph_named(&g, "lenet5", tiny, 10, &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "layer 4 (conv2d)"));
    tiny.shape.height = 2;
    assert_status(bh_graph_named(&g, "minionn-cifar", tiny, 10, &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "layer 10 (avg-pool)"));
}

// Figure 13 of MiniONN.
static void test_minionn_cifar(void **state)
{
    (void)state;
    static bh_graph g;
    bh_input input = {.dev = {1, 1, 1}};
    assert_ok(bh_graph_named_shape(&input.shape, "minionn-cifar", NULL));
    assert_shape(input.shape, 3, 32, 32);
    assert_ok(bh_graph_named(&g, "minionn-cifar", input, 10, NULL));
    assert_int_equal(parameters(&g), 164954);
    assert_int_equal(bh_graph_linear_count(&g), 8);
    uint64_t relus = 0, products = 0;
    for (uint32_t i = 0; i < g.n_layers; i++) {
        const bh_layer *l = &g.layers[i];
        relus += l->kind == BH_LAYER_RELU;
        products += bh_layer_is_linear(l)
                        ? bh_layer_weights_len(l) * l->out.height * l->out.width
                        : 0;
    }
    assert_int_equal(relus, 7);
    assert_int_equal(products, 61089792);
    assert_shape(g.layers[2].out, 64, 32, 32);
    assert_shape(g.layers[4].out, 64, 16, 16);
    assert_shape(g.layers[9].out, 64, 8, 8);
    assert_shape(g.layers[14].out, 16, 8, 8);
    assert_shape(g.layers[16].in, 1024, 1, 1);
}

// Every name is in the sentence, and fits the images it is for.
static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"lenet5", "netd", "lenet-caffe",
                                        "minionn-cifar"};
    static bh_graph g;
    bh_error err = {0};
    bh_input input = {.dev = {1, 1, 1, 1}};
    assert_status(bh_graph_named_shape(&input.shape, "resnet", &err), BH_ERR_ARG);
    assert_int_equal(bh_shape_len(input.shape), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(strstr(err.message, names[i]));
        assert_ok(bh_graph_check_named(names[i], NULL));
        assert_ok(bh_graph_named_shape(&input.shape, names[i], NULL));
        assert_ok(bh_graph_named(&g, names[i], input, 10, NULL));
    }
}

// One way of spoiling a good graph each; the layers of lenet5 are 0 conv, 1 relu, 2
// max, 3 conv, 4 relu, 5 max, 6 fc, 7 relu, 8 fc, 9 relu, 10 fc.
#define SPOILERS(X)                                                                    \
    X(g->n_layers = 0)                                                                 \
    X(g->n_layers = BH_GRAPH_LAYERS_MAX + 1)                                           \
    X(g->n_layers = UINT32_MAX)                                                        \
    X(g->n_layers = 10)                                                                \
    X(g->n_layers = 9)                                                                 \
    X(g->name[0] = 0)                                                                  \
    X(memset(g->name, 'a', sizeof g->name))                                            \
    X(g->name[1] = '\x1b')                                                             \
    X(g->name[1] = '\x7f')                                                             \
    X(g->dataset[0] = '\n')                                                            \
    X(memset(g->dataset, 'a', sizeof g->dataset))                                      \
    X(strcpy(g->class_names[3], "\xc2\x9b"))                                           \
    X(strcpy(g->class_names[3], "\xc0\xaf"))                                           \
    X(strcpy(g->class_names[3], "\xed\xa0\x80"))                                       \
    X(strcpy(g->class_names[3], "\xf4\x90\x80\x80"))                                   \
    X(strcpy(g->class_names[3], "\xe2\x82"))                                           \
    X(strcpy(g->class_names[3], "\xff"))                                               \
    X(strcpy(g->class_names[3], "\x80"))                                               \
    X(memset(g->class_names[9], 'a', sizeof g->class_names[9]))                        \
    X(g->n_classes = 0)                                                                \
    X(g->n_classes = 1)                                                                \
    X(g->n_classes = 11)                                                               \
    X(g->n_classes = BH_GRAPH_CLASSES_MAX + 1)                                         \
    X(g->n_classes = UINT32_MAX)                                                       \
    X(g->input.shape.channels = 0)                                                     \
    X(g->input.shape.channels = 5)                                                     \
    X(g->input.shape.height = 0)                                                       \
    X(g->input.shape.height = BH_GRAPH_DIM_MAX + 1)                                    \
    X(g->input.shape.width = UINT32_MAX)                                               \
    X((g->input.shape.width = 4096, g->input.shape.height = 4096))                     \
    X(g->input.mean[0] = NAN)                                                          \
    X(g->input.mean[0] = -INFINITY)                                                    \
    X(g->input.mean[0] = 1e7f)                                                         \
    X(g->input.dev[0] = 0)                                                             \
    X(g->input.dev[0] = -1)                                                            \
    X(g->input.dev[0] = NAN)                                                           \
    X(g->input.dev[0] = INFINITY)                                                      \
    X(g->input.dev[0] = 1e-7f)                                                         \
    X(g->input.mean[0] = 1e-30f)                                                       \
    X(g->input.normalise = (bh_normalise)2)                                            \
    X((g->input.normalise = BH_NORMALISE_IMAGE, g->input.dev[0] = 2))                  \
    X((g->input.normalise = BH_NORMALISE_IMAGE, g->input.mean[0] = 0.5f))              \
    X((g->input.normalise = BH_NORMALISE_IMAGE, g->input.mean[0] = -0.0f))             \
    X(g->input.n_columns = 784)                                                        \
    X(g->input.n_columns = BH_GRAPH_COLUMNS_MAX + 1)                                   \
    X(g->input.n_columns = UINT32_MAX)                                                 \
    X(g->temperature = 0.009)                                                          \
    X(g->temperature = 101)                                                            \
    X(g->temperature = -1)                                                             \
    X(g->temperature = NAN)                                                            \
    X(g->temperature = INFINITY)                                                       \
    X(g->layers[0].kind = BH_LAYER_RELU)                                               \
    X(g->layers[10].kind = BH_LAYER_SQUARE)                                            \
    X(g->layers[1].kind = (bh_layer_kind)0)                                            \
    X(g->layers[1].kind = (bh_layer_kind)8)                                            \
    X(g->layers[0].out_channels = 0)                                                   \
    X(g->layers[0].out_channels = BH_GRAPH_DIM_MAX + 1)                                \
    X(g->layers[0].out_channels = BH_GRAPH_DIM_MAX)                                    \
    X(g->layers[0].kernel_h = 0)                                                       \
    X(g->layers[0].kernel_w = 0)                                                       \
    X(g->layers[0].kernel_h = 33)                                                      \
    X(g->layers[0].kernel_w = UINT32_MAX)                                              \
    X(g->layers[0].stride = 0)                                                         \
    X(g->layers[0].stride = UINT32_MAX)                                                \
    X(g->layers[0].pad = 5)                                                            \
    X(g->layers[0].pad = UINT32_MAX)                                                   \
    X(g->layers[0].pad = UINT32_MAX / 2 + 1)                                           \
    X(g->layers[2].kernel_h = 0)                                                       \
    X(g->layers[2].kernel_w = 29)                                                      \
    X(g->layers[2].stride = 0)                                                         \
    X(g->layers[5].stride = BH_GRAPH_DIM_MAX + 1)                                      \
    X(g->layers[6].out_channels = 0)                                                   \
    X(g->layers[6].out_channels = UINT32_MAX)                                          \
    X(g->layers[10].out_channels = 9)                                                  \
    X(g->layers[0].quant.x_scale = 0)                                                  \
    X(g->layers[0].quant.x_scale = -1)                                                 \
    X(g->layers[0].quant.x_scale = NAN)                                                \
    X(g->layers[0].quant.x_scale = INFINITY)                                           \
    X(g->layers[0].quant.x_scale *= 1.001)                                             \
    X(g->layers[3].quant.x_scale *= 1.000001)                                          \
    X(g->layers[3].quant.w_scale = 0)                                                  \
    X(g->layers[3].quant.w_scale = 1e-31)                                              \
    X(g->layers[10].quant.w_scale = NAN)                                               \
    X(g->layers[10].quant.w_scale = 1e31)                                              \
    X(g->layers[0].quant.shift = 1)                                                    \
    X(g->layers[3].quant.shift = 10)                                                   \
    X(g->layers[3].quant.shift = 63)                                                   \
    X(g->layers[3].quant.shift = UINT32_MAX)                                           \
    X(g->layers[0].quant.x_lo = 1)                                                     \
    X(g->layers[0].quant.x_lo = -256)                                                  \
    X(g->layers[0].quant.x_lo = INT32_MIN)                                             \
    X(g->layers[3].quant.x_hi = 0)                                                     \
    X(g->layers[3].quant.x_hi = 256)                                                   \
    X(g->layers[3].quant.w_max = 0)                                                    \
    X(g->layers[3].quant.w_max = 128)                                                  \
    X(g->layers[3].quant.acc_max = 0)                                                  \
    X(g->layers[3].quant.acc_max = UINT64_C(1) << 31)                                  \
    X(g->layers[3].quant.acc_max = UINT64_MAX)                                         \
    X((g->layers[1].kind = BH_LAYER_SQUARE, g->layers[4].kind = BH_LAYER_SQUARE))

static bool survives(bh_graph *g, const char *how)
{
    bh_error err = {0};
    bh_status status = bh_graph_check(g, &err);
    if (status == BH_OK) {
        print_error("accepted: %s\n", how);
        return true;
    }
    assert_int_equal(status, BH_ERR_ENCODING);
    assert_int_equal(err.status, BH_ERR_ENCODING);
    assert_true(strlen(err.message) > 10);
    return false;
}

static void test_refused(void **state)
{
    (void)state;
    static bh_graph good, spoiled;
    bh_graph *g = &spoiled;
    int accepted = 0, count = 0;
    quantised_lenet5(&good);
#define TRY(change)                                                                    \
    spoiled = good;                                                                    \
    (void)(change);                                                                    \
    accepted += survives(g, #change);                                                  \
    count++;
    SPOILERS(TRY)
#undef TRY
    printf("%d malformed graphs\n", count);
    assert_int_equal(accepted, 0);
}

static void table_graph(bh_graph *g)
{
    *g = (bh_graph){.name = "t", .dataset = "wdbc", .n_layers = 1, .n_classes = 2};
    g->input = (bh_input){.shape = {1, 1, 3},
                          .mean = {0.5f},
                          .dev = {0.125f},
                          .n_columns = 3,
                          .column_mean = {1, -2, 1e30f},
                          .column_dev = {1e-29f, 3, 4}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2};
}

#define TABLE_SPOILERS(X)                                                              \
    X(g->input.n_columns = 2)                                                          \
    X((g->input.shape.width = 1, g->input.shape.height = 3))                           \
    X((g->input.shape.width = 1, g->input.shape.channels = 3))                         \
    X(g->input.mean[0] = 0)                                                            \
    X(g->input.dev[0] = 0.25f)                                                         \
    X((g->input.normalise = BH_NORMALISE_IMAGE, g->input.mean[0] = 0,                  \
       g->input.dev[0] = 1))                                                           \
    X(g->input.column_mean[0] = NAN)                                                   \
    X(g->input.column_mean[2] = INFINITY)                                              \
    X(g->input.column_mean[2] = -2e30f)                                                \
    X(g->input.column_dev[2] = 0)                                                      \
    X(g->input.column_dev[2] = -1)                                                     \
    X(g->input.column_dev[2] = 1e-31f)                                                 \
    X(g->input.column_dev[2] = 2e30f)                                                  \
    X(g->input.column_dev[0] = NAN)

static void test_tables(void **state)
{
    (void)state;
    static bh_graph good, spoiled, back;
    bh_graph *g = &spoiled;
    int accepted = 0;
    bh_writer w = {0};
    table_graph(&good);
    good.input.column_mean[5] = 7; // unused
    assert_ok(bh_graph_check(&good, NULL));
    assert_true(good.input.column_mean[5] == 0);
#define TRY(change)                                                                    \
    spoiled = good;                                                                    \
    (void)(change);                                                                    \
    accepted += survives(g, #change);
    TABLE_SPOILERS(TRY)
#undef TRY
    assert_int_equal(accepted, 0);
    bh_graph_write(&good, &w);
    bh_reader r = bh_reader_over(w.data, w.len);
    assert_ok(bh_graph_read(&back, &r, NULL));
    assert_ok(bh_reader_finish(&r));
    assert_memory_equal(&back.input, &good.input, sizeof back.input);
    for (size_t len = 0; len < w.len; len++) {
        bh_reader cut = bh_reader_over(w.data, len);
        assert_status(bh_graph_read(&back, &cut, NULL), BH_ERR_ENCODING);
    }
    bh_writer_clear(&w);
}

// 1 unless it is set; in the encoding 1 and not 0, which would be a second one.
static void test_temperature(void **state)
{
    (void)state;
    static bh_graph g, back;
    bh_writer w = {0};
    quantised_lenet5(&g);
    assert_true(g.temperature == 1);
    double scale = bh_graph_logit_scale(&g);
    assert_true(scale == bh_graph_segment_scale(&g, 4));
    g.temperature = 2;
    assert_ok(bh_graph_check(&g, NULL));
    assert_true(bh_graph_logit_scale(&g) == scale / 2);
    for (int zero = 0; zero < 2; zero++) {
        bh_writer_reset(&w);
        bh_graph_write(&g, &w);
        bh_reader r = bh_reader_over(w.data, w.len);
        bh_status status = bh_graph_read(&back, &r, NULL);
        assert_status(status, zero ? BH_ERR_ENCODING : BH_OK);
        assert_true(back.temperature == (zero ? 0 : 2));
        g.temperature = 0;
    }
    bh_writer_clear(&w);
}

static void test_accepted(void **state)
{
    (void)state;
    static bh_graph g;
    quantised_lenet5(&g);
    strcpy(g.class_names[0], "z\xc3\xa9ro \xe9\x9b\xb6 \xf0\x9f\x98\x80");
    assert_ok(bh_graph_check(&g, NULL));
    // Flattens anywhere, two linear layers in a row, whatever unused fields hold.
    bh_graph f = {.name = "f", .n_layers = 4, .n_classes = 3, .input = mnist_input()};
    f.layers[0] = (bh_layer){.kind = BH_LAYER_FLATTEN, .stride = 7};
    f.layers[1] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 5, .pad = 9};
    f.layers[2] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
    f.layers[3] = (bh_layer){.kind = BH_LAYER_FLATTEN};
    f.layers[1].quant.x_scale = 5;
    assert_ok(bh_graph_check(&f, NULL));
    assert_int_equal(f.layers[0].stride, 0);
    assert_int_equal(f.layers[1].pad, 0);
    assert_int_equal(bh_layer_weights_len(&f.layers[1]), 784 * 5);
    assert_true(f.layers[1].quant.x_scale == 0);
    f.n_layers = 1;
    assert_status(bh_graph_check(&f, NULL), BH_ERR_ENCODING);
}

// Intervals: 2^31 - 1 squared is just below 2^62, its pool sum is not.
static void test_segment_limit(void **state)
{
    (void)state;
    bh_graph g = {.name = "q", .n_layers = 3, .n_classes = 4, .quantised = true};
    g.input = (bh_input){.shape = {1, 2, 2}, .dev = {1}};
    g.layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                             .out_channels = 1,
                             .kernel_h = 1,
                             .kernel_w = 1,
                             .stride = 1};
    bh_quant q = {
        .x_scale = 1, .w_scale = 1, .x_hi = 1, .w_max = 1, .acc_max = BH_ACC_MAX};
    g.layers[0].quant = q;
    g.layers[1] = (bh_layer){.kind = BH_LAYER_SQUARE};
    g.layers[2] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 4, .quant = q};
    assert_ok(bh_graph_check(&g, NULL));
    g.layers[3] = g.layers[2];
    g.layers[2] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 2, .kernel_w = 1, .stride = 1};
    g.layers[3].quant.x_scale = 0.5;
    g.n_layers = 4;
    bh_error err;
    assert_status(bh_graph_check(&g, &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "layer 3 (avg-pool)"));
    g.layers[0].quant.acc_max = 1 << 30;
    assert_ok(bh_graph_check(&g, NULL));
}

static void test_encoding(void **state)
{
    (void)state;
    static bh_graph g, back;
    bh_writer w = {0}, again = {0};
    quantised_lenet5(&g);
    strcpy(g.dataset, "mnist");
    strcpy(g.class_names[9], "nine");
    bh_graph_write(&g, &w);
    assert_ok(w.status);
    bh_reader r = bh_reader_over(w.data, w.len);
    assert_ok(bh_graph_read(&back, &r, NULL));
    assert_ok(bh_reader_finish(&r));
    assert_string_equal(back.dataset, "mnist");
    assert_string_equal(back.class_names[9], "nine");
    assert_true(back.layers[10].quant.x_scale == g.layers[10].quant.x_scale);
    bh_graph_write(&back, &again);
    assert_int_equal(w.len, again.len);
    assert_memory_equal(w.data, again.data, w.len);
    for (size_t len = 0; len < w.len; len++) {
        bh_reader cut = bh_reader_over(w.data, len);
        assert_status(bh_graph_read(&back, &cut, NULL), BH_ERR_ENCODING);
        assert_int_equal(back.n_layers, 0);
    }
    bh_writer_clear(&w);
    bh_writer_clear(&again);
}

// Random damage: refused, or a graph whose encoding is exactly what was read.
static void test_damaged_encoding(void **state)
{
    (void)state;
    static bh_graph g, back;
    bh_writer w = {0}, again = {0};
    test_rng rng = test_rng_new("damaged graphs");
    quantised_lenet5(&g);
    bh_graph_write(&g, &w);
    int accepted = 0;
    for (int trial = 0; trial < 20000; trial++) {
        size_t at = test_rng_below(&rng, w.len);
        uint8_t old = w.data[at];
        w.data[at] ^= (uint8_t)(1 + test_rng_below(&rng, 255));
        bh_reader r = bh_reader_over(w.data, w.len);
        if (bh_graph_read(&back, &r, NULL) == BH_OK) {
            bh_writer_reset(&again);
            bh_graph_write(&back, &again);
            assert_int_equal(again.len, r.pos);
            assert_memory_equal(again.data, w.data, r.pos);
            accepted++;
        }
        w.data[at] = old;
    }
    printf("%d of 20000 damaged graphs were still graphs\n", accepted);
    bh_writer_clear(&w);
    bh_writer_clear(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),    cmocka_unit_test(test_minionn_cifar),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_tables),   cmocka_unit_test(test_temperature),
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_segment_limit),
        cmocka_unit_test(test_encoding), cmocka_unit_test(test_damaged_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
