// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic between and in linear layers, against naive versions that branch.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bayhenn/model.h"
#include "model/clear.h"
#include "model/fixed.h"
#include "model/segment.h"
#include "support/reference.h"
#include "support/test.h"

static void test_round_shift(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("round shift");
    const int64_t top = (INT64_C(1) << 62) - 1;
    assert_int_equal(bh_round_shift(5, 1), 3); // ties up
    assert_int_equal(bh_round_shift(-5, 1), -2);
    assert_int_equal(bh_round_shift(-7, 0), -7);
    assert_int_equal(bh_round_shift(top, 62), 1);
    assert_int_equal(bh_round_shift(-top, 62), -1);
    for (int i = 0; i < 100000; i++) {
        uint32_t f = (uint32_t)test_rng_below(&rng, 62);
        int64_t v = (int64_t)(test_rng_next(&rng) >> 1) - (INT64_C(1) << 62);
        v >>= test_rng_below(&rng, 60);
        int64_t half = f > 0 ? INT64_C(1) << (f - 1) : 0;
        assert_int_equal(bh_round_shift(v, f),
                         ref_floor_div(v + half, INT64_C(1) << f));
    }
}

static int64_t naive_pool(const bh_layer *l, const int64_t *in, uint32_t c, uint32_t i,
                          uint32_t j)
{
    int64_t max = INT64_MIN, sum = 0;
    for (uint32_t a = i * l->stride; a < i * l->stride + l->kernel_h; a++) {
        for (uint32_t b = j * l->stride; b < j * l->stride + l->kernel_w; b++) {
            int64_t v = in[(c * l->in.height + a) * l->in.width + b];
            max = v > max ? v : max;
            sum += l->kind == BH_LAYER_MAX_POOL ? 0 : v;
        }
    }
    return l->kind == BH_LAYER_MAX_POOL ? max : sum;
}

static void naive_layer(const bh_layer *l, int64_t *out, const int64_t *in)
{
    size_t len = bh_shape_len(l->out);
    for (size_t k = 0; k < len; k++) {
        uint32_t j = (uint32_t)k % l->out.width;
        uint32_t i = (uint32_t)k / l->out.width % l->out.height;
        uint32_t c = (uint32_t)k / l->out.width / l->out.height;
        switch (l->kind) {
        case BH_LAYER_RELU:
            out[k] = in[k] > 0 ? in[k] : 0;
            break;
        case BH_LAYER_SQUARE:
            out[k] = in[k] * in[k];
            break;
        case BH_LAYER_FLATTEN:
            out[k] = in[k];
            break;
        default:
            out[k] = naive_pool(l, in, c, i, j);
        }
    }
}

// A random segment between a 1 x 1 convolution and a fully connected layer; false if
// what came out is no valid graph.
static bool random_segment(bh_graph *g, test_rng *rng)
{
    *g = (bh_graph){.name = "s", .n_classes = 2, .quantised = true};
    g->input = (bh_input){.dev = {1, 1, 1, 1}};
    g->input.shape = (bh_shape){(uint32_t)test_rng_range(rng, 1, 4),
                                (uint32_t)test_rng_range(rng, 1, 9),
                                (uint32_t)test_rng_range(rng, 1, 9)};
    bh_quant q = {.x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 127};
    q.acc_max = BH_ACC_MAX >> test_rng_below(rng, 31);
    g->layers[g->n_layers++] = (bh_layer){.kind = BH_LAYER_CONV2D,
                                          .out_channels = 3,
                                          .kernel_h = 1,
                                          .kernel_w = 1,
                                          .stride = 1,
                                          .quant = q};
    uint32_t middle = (uint32_t)test_rng_below(rng, 4);
    for (uint32_t i = 0; i < middle; i++) {
        g->layers[g->n_layers++] = (bh_layer){
            .kind = (bh_layer_kind)test_rng_range(rng, BH_LAYER_RELU, BH_LAYER_FLATTEN),
            .kernel_h = (uint32_t)test_rng_range(rng, 1, 3),
            .kernel_w = (uint32_t)test_rng_range(rng, 1, 3),
            .stride = (uint32_t)test_rng_range(rng, 1, 3)};
    }
    q.shift = (uint32_t)test_rng_below(rng, 63);
    q.x_lo = (int32_t)test_rng_range(rng, -255, 0);
    q.x_hi = (int32_t)test_rng_range(rng, 1, 255);
    g->layers[g->n_layers++] =
        (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2, .quant = q};
    bh_quant *last = &g->layers[g->n_layers - 1].quant;
    last->x_scale = ldexp(bh_graph_segment_scale(g, 0), (int)q.shift);
    return bh_graph_check(g, NULL) == BH_OK;
}

static int64_t naive_nearest(const bh_quant *q, int64_t x)
{
    int64_t half = q->shift > 0 ? INT64_C(1) << (q->shift - 1) : 0;
    int64_t v = ref_floor_div(x + half, INT64_C(1) << q->shift);
    return v < q->x_lo ? q->x_lo : v > q->x_hi ? q->x_hi : v;
}

// As two parties do it: the difference to the least value, truncated, carry by the
// share's low bits.
static int64_t naive_stochastic(const bh_quant *q, int64_t x, uint32_t share)
{
    ref_i128 unit = INT64_C(1) << q->shift, least = q->x_lo * unit, v = x;
    if (q->shift == 0) {
        return naive_nearest(q, x);
    }
    v = v < least ? least : v > q->x_hi * unit - 1 ? q->x_hi * unit - 1 : v;
    ref_i128 w = v - least;
    return (int64_t)(w / unit) + (share % unit <= w % unit) + q->x_lo;
}

// The oracle: shift and clamp with branches; stochastic where there are shares.
static void naive_segment(const bh_graph *g, int64_t *out, const int64_t *in,
                          int64_t *spare, const uint32_t *share)
{
    size_t len = bh_shape_len(g->layers[0].out);
    memcpy(out, in, len * sizeof *out);
    for (uint32_t i = 1; i + 1 < g->n_layers; i++) {
        naive_layer(&g->layers[i], spare, out);
        memcpy(out, spare, bh_shape_len(g->layers[i].out) * sizeof *out);
    }
    const bh_quant *q = &g->layers[g->n_layers - 1].quant;
    len = bh_shape_len(g->layers[g->n_layers - 1].in);
    for (size_t i = 0; i < len; i++) {
        out[i] = share != NULL ? naive_stochastic(q, out[i], share[i])
                               : naive_nearest(q, out[i]);
    }
}

// What a stochastic rounding may be, whatever the dither.
static void check_stochastic(const bh_graph *g, const int64_t *in, const int64_t *near,
                             test_rng *rng)
{
    const bh_layer *last = &g->layers[g->n_layers - 1];
    size_t len = bh_shape_len(last->in);
    int64_t out[512], expected[512], spare[512], scratch[1024];
    uint32_t dither[512];
    for (size_t i = 0; i < len; i++) {
        uint64_t kind = test_rng_below(rng, 4);
        dither[i] = kind == 0   ? 0
                    : kind == 1 ? UINT32_MAX
                                : (uint32_t)test_rng_next(rng);
    }
    bh_segment_run_stochastic(g, 0, out, in, scratch, dither);
    naive_segment(g, expected, in, spare, dither);
    assert_memory_equal(out, expected, len * sizeof *out);
    for (size_t i = 0; i < len; i++) {
        assert_in_range(out[i] - last->quant.x_lo, 0,
                        last->quant.x_hi - last->quant.x_lo);
        assert_in_range(out[i] - near[i] + 1, 0, 2);
    }
}

static void test_segments(void **state)
{
    (void)state;
    static bh_graph g;
    test_rng rng = test_rng_new("segments");
    int64_t in[512], out[512], expected[512], spare[512], scratch[1024];
    int valid = 0;
    for (int trial = 0; trial < 20000; trial++) {
        if (!random_segment(&g, &rng)) {
            continue;
        }
        int64_t max = (int64_t)g.layers[0].quant.acc_max;
        size_t len = bh_shape_len(g.layers[0].out);
        for (size_t i = 0; i < len; i++) {
            uint64_t kind = test_rng_below(&rng, 4);
            in[i] = kind == 0   ? max
                    : kind == 1 ? -max
                                : test_rng_range(&rng, -max, max);
        }
        assert_true(bh_segment_scratch_len(&g) <= 1024);
        bh_segment_run(&g, 0, out, in, scratch);
        naive_segment(&g, expected, in, spare, NULL);
        assert_memory_equal(out, expected,
                            bh_shape_len(g.layers[g.n_layers - 1].in) * sizeof *out);
        check_stochastic(&g, in, out, &rng);
        valid++;
    }
    printf("%d valid segments\n", valid);
    assert_true(valid > 3000);
}

// Every dither of every value around a small range: of the 2^f dithers (v mod 2^f) + 1
// round up, so that the mean is (v + 1) / 2^f, and a zero moves by one of them.
static void test_dithers(void **state)
{
    (void)state;
    static bh_graph g;
    for (uint32_t f = 0; f <= 6; f++) {
        const int64_t unit = INT64_C(1) << f;
        bh_quant q = {
            .x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 1, .acc_max = 1 << 20};
        g = (bh_graph){.name = "d", .n_classes = 2, .n_layers = 2, .quantised = true};
        g.input = (bh_input){.shape = {1, 1, 1}, .dev = {1}};
        g.layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 1, .quant = q};
        q.x_scale = (double)unit;
        q.shift = f;
        q.x_lo = -3;
        q.x_hi = 4;
        g.layers[1] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2, .quant = q};
        assert_ok(bh_graph_check(&g, NULL));
        for (int64_t v = -5 * unit; v <= 6 * unit; v++) {
            int64_t sum = 0, moved = 0, near, out, scratch[2];
            bh_segment_run(&g, 0, &near, &v, scratch);
            for (uint32_t dither = 0; dither < unit; dither++) {
                // Higher bits do not count.
                uint32_t number = dither + (UINT32_C(0xdeadbeef) << f);
                bh_segment_run_stochastic(&g, 0, &out, &v, scratch, &number);
                assert_in_range(out + 3, 0, 7);
                assert_in_range(out - near + 1, 0, 2);
                sum += out;
                moved += out != 0;
            }
            int64_t inside = v < -3 * unit      ? -3 * unit
                             : v > 4 * unit - 1 ? 4 * unit - 1
                                                : v;
            if (f > 0) {
                assert_int_equal(sum, inside + 1);
                assert_true(v != 0 || moved == 1);
            } else {
                assert_int_equal(sum, near);
            }
        }
    }
}

// out[o][i][j] by its definition, one output at a time, padding by a test.
static int64_t direct(const bh_layer *l, const int64_t *in, const int32_t *w,
                      const int32_t *bias, uint32_t o, int64_t i, int64_t j)
{
    int64_t sum = bias[o];
    for (uint32_t c = 0; c < l->in.channels; c++) {
        for (uint32_t a = 0; a < l->kernel_h; a++) {
            for (uint32_t b = 0; b < l->kernel_w; b++) {
                int64_t y = i * l->stride + a - l->pad, x = j * l->stride + b - l->pad;
                if (y < 0 || x < 0 || y >= l->in.height || x >= l->in.width) {
                    continue;
                }
                size_t at =
                    ((o * l->in.channels + c) * l->kernel_h + a) * l->kernel_w + b;
                sum += w[at] * in[((int64_t)c * l->in.height + y) * l->in.width + x];
            }
        }
    }
    return sum;
}

static bh_layer random_linear(test_rng *rng, bh_shape *in)
{
    *in = (bh_shape){(uint32_t)test_rng_range(rng, 1, 4),
                     (uint32_t)test_rng_range(rng, 1, 9),
                     (uint32_t)test_rng_range(rng, 1, 9)};
    bh_layer l = {.kind = (bh_layer_kind)test_rng_range(rng, 1, 2)};
    l.out_channels = (uint32_t)test_rng_range(rng, 1, 5);
    l.kernel_h = (uint32_t)test_rng_range(rng, 1, 9);
    l.kernel_w = (uint32_t)test_rng_range(rng, 1, 9);
    l.stride = (uint32_t)test_rng_range(rng, 1, 4);
    l.pad = (uint32_t)test_rng_below(rng, 4);
    return l;
}

static void test_clear_linear(void **state)
{
    (void)state;
    static bh_graph g;
    test_rng rng = test_rng_new("clear linear");
    int64_t in[324], out[2048];
    int32_t w[5 * 4 * 81 + 5 * 324], bias[5];
    int valid = 0;
    for (int trial = 0; trial < 20000; trial++) {
        bh_shape shape;
        bh_layer l = random_linear(&rng, &shape);
        // The layer under test, then one that makes two classes of it.
        g = (bh_graph){.name = "l", .n_classes = 2, .n_layers = 2, .layers = {l}};
        g.input = (bh_input){.shape = shape, .dev = {1, 1, 1, 1}};
        g.layers[1] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2};
        if (bh_graph_check(&g, NULL) != BH_OK) {
            continue;
        }
        l = g.layers[0];
        for (size_t i = 0; i < bh_shape_len(l.in); i++) {
            in[i] = test_rng_range(&rng, -255, 255);
        }
        for (size_t i = 0; i < bh_layer_weights_len(&l); i++) {
            w[i] = (int32_t)test_rng_range(&rng, -127, 127);
        }
        for (size_t i = 0; i < l.out_channels; i++) {
            bias[i] = (int32_t)test_rng_range(&rng, -INT32_MAX, INT32_MAX);
        }
        bh_clear_linear(&l, out, in, w, bias);
        size_t k = 0;
        for (uint32_t o = 0; o < l.out.channels; o++) {
            for (uint32_t i = 0; i < l.out.height; i++) {
                for (uint32_t j = 0; j < l.out.width; j++) {
                    assert_int_equal(out[k++], direct(&l, in, w, bias, o, i, j));
                }
            }
        }
        valid++;
    }
    printf("%d valid layers\n", valid);
    assert_true(valid > 5000);
}

static void test_predict(void **state)
{
    (void)state;
    double p[3];
    // Softmax of (0, log 2, log 5) is (1, 2, 5) / 8.
    const double one[3] = {1000, 1000 + log(2), 1000 + log(5)};
    bh_prediction r = bh_predict_from_logits(p, one, 1, 3);
    assert_true(fabs(p[0] - 0.125) < 1e-12 && fabs(p[2] - 0.625) < 1e-12);
    assert_int_equal(r.label, 2);
    double h = -(0.125 * log(0.125) + 0.25 * log(0.25) + 0.625 * log(0.625));
    assert_true(fabs(r.entropy - h) < 1e-12);
    assert_true(r.mutual_information < 1e-12);
    // Two certain draws that disagree: all uncertainty is the model's.
    const double two[4] = {0, 2000, -2000, -4000};
    r = bh_predict_from_logits(p, two, 2, 2);
    assert_true(fabs(p[0] - 0.5) < 1e-12 && r.label == 0);
    assert_true(fabs(r.entropy - log(2)) < 1e-12);
    assert_true(fabs(r.mutual_information - log(2)) < 1e-12);
    // Two draws (3/4, 1/4) and (1/4, 3/4): mean entropy H(1/4).
    const double three[4] = {log(3), 0, 0, log(3)};
    r = bh_predict_from_logits(p, three, 2, 2);
    h = -(0.25 * log(0.25) + 0.75 * log(0.75));
    assert_true(fabs(r.mutual_information - (log(2) - h)) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_shift), cmocka_unit_test(test_segments),
        cmocka_unit_test(test_dithers),     cmocka_unit_test(test_clear_linear),
        cmocka_unit_test(test_predict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
