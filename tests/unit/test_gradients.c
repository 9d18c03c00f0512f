// SPDX-License-Identifier: Apache-2.0
// The gradients of every kind of layer, in its input and its parameters, in all three
// passes.
#include <string.h>

#include "bayes/layers.h"
#include "support/gradient.h"

// One layer under the loss sum(out * pull), and its gradients. `pull` is zero in the
// lanes from `count` on: a block that is not full.
typedef struct layer_case {
    bh_layer layer;
    bh_pass pass;
    size_t count, in_len, out_len, n_params;
    bh_layer_state state;
    bh_layer_scratch scratch;
    bh_noise noise; // every forward pass starts from
    bh_real *in, *out, *a, *b, *pull, *d_in, *d_a, *d_b;
} layer_case;

// Distinct values 0.05 apart in every lane, none of them zero: nothing comes near the
// kinks of ReLU and max-pool within a step.
static void fill_apart(test_rng *rng, bh_real *x, size_t len)
{
    for (size_t lane = 0; lane < BH_LANES; lane++) {
        for (size_t i = 0; i < len; i++) {
            x[i * BH_LANES + lane] = 0.05 * ((double)i - (double)len / 2) + 0.01;
        }
        for (size_t i = len; i > 1; i--) {
            const size_t j = test_rng_below(rng, i) * BH_LANES + lane;
            bh_real swap = x[(i - 1) * BH_LANES + lane];
            x[(i - 1) * BH_LANES + lane] = x[j];
            x[j] = swap;
        }
    }
}

// No more room than the layer says that it takes.
static void take_room(layer_case *c)
{
    const bh_layer_room room = bh_layer_room_of(&c->layer);
    c->state = (bh_layer_state){reals(room.planes), reals(room.planes),
                                reals(room.planes), reals(room.outputs)};
    c->scratch = (bh_layer_scratch){.kernels = bh_train_kernels_pick(),
                                    .product = reals(room.outputs),
                                    .pull = reals(room.outputs),
                                    .inner = reals(room.inputs),
                                    .planes = reals(room.spread),
                                    .flipped = reals(room.flipped)};
}

static void case_init(layer_case *c, test_rng *rng, bh_layer layer, bh_pass pass)
{
    *c = (layer_case){.layer = layer, .pass = pass};
    c->count = 1 + test_rng_below(rng, BH_LANES);
    c->in_len = bh_shape_len(layer.in);
    c->out_len = bh_shape_len(layer.out);
    if (bh_layer_is_linear(&layer)) {
        c->n_params = bh_layer_weights_len(&layer) + bh_layer_bias_len(&layer);
    }
    take_room(c);
    c->noise = bh_noise_make(test_rng_next(rng));
    c->in = reals(c->in_len * BH_LANES);
    c->d_in = reals(c->in_len * BH_LANES);
    c->out = reals(c->out_len * BH_LANES);
    c->pull = reals(c->out_len * BH_LANES);
    c->a = reals(c->n_params);
    c->b = reals(c->n_params);
    c->d_a = reals(c->n_params);
    c->d_b = reals(c->n_params);
    fill_apart(rng, c->in, c->in_len);
    fill_uniform(rng, c->pull, c->out_len * BH_LANES);
    for (size_t i = 0; i < c->out_len * BH_LANES; i++) {
        c->pull[i] = i % BH_LANES < c->count ? c->pull[i] : 0;
    }
    fill_uniform(rng, c->a, c->n_params);
    fill_uniform(rng, c->b, c->n_params);
    for (size_t i = 0; i < c->n_params && pass == BH_PASS_LOCAL; i++) {
        c->b[i] = 0.2 + fabs(c->b[i]); // variances
    }
}

static void case_clear(layer_case *c)
{
    bh_real *parts[] = {c->in,
                        c->d_in,
                        c->out,
                        c->pull,
                        c->a,
                        c->b,
                        c->d_a,
                        c->d_b,
                        c->state.planes,
                        c->state.second,
                        c->state.signs,
                        c->state.gain,
                        c->scratch.product,
                        c->scratch.pull,
                        c->scratch.inner,
                        c->scratch.planes,
                        c->scratch.flipped};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bh_free(parts[i]);
    }
}

static const bh_real *second_of(const layer_case *c)
{
    return c->pass == BH_PASS_POINT ? NULL : c->b;
}

// The loss of every image.
static void case_losses(layer_case *c, double losses[BH_LANES])
{
    c->scratch.noise = c->noise;
    bh_layer_forward(&c->layer, &c->state, &c->scratch, c->pass, c->out, c->in, c->a,
                     second_of(c));
    memset(losses, 0, BH_LANES * sizeof *losses);
    for (size_t i = 0; i < c->out_len * BH_LANES; i++) {
        losses[i % BH_LANES] += c->out[i] * c->pull[i];
    }
}

static void differences(layer_case *c, double out[BH_LANES],
                        const double above[BH_LANES])
{
    double below[BH_LANES];
    case_losses(c, below);
    for (size_t l = 0; l < BH_LANES; l++) {
        out[l] = (above[l] - below[l]) / (2 * STEP);
    }
}

static void check_inputs(layer_case *c)
{
    for (size_t i = 0; i < c->in_len; i++) {
        bh_real *x = c->in + i * BH_LANES, kept[BH_LANES];
        double above[BH_LANES], expected[BH_LANES];
        memcpy(kept, x, sizeof kept);
        for (size_t l = 0; l < BH_LANES; l++) {
            x[l] = kept[l] + STEP;
        }
        case_losses(c, above);
        for (size_t l = 0; l < BH_LANES; l++) {
            x[l] = kept[l] - STEP;
        }
        differences(c, expected, above);
        memcpy(x, kept, sizeof kept);
        for (size_t l = 0; l < BH_LANES; l++) {
            assert_near(c->d_in[i * BH_LANES + l], expected[l], "input", i);
        }
    }
}

static void check_params(layer_case *c, bh_real *params, const bh_real *gradient,
                         const char *name)
{
    for (size_t i = 0; i < c->n_params; i++) {
        const bh_real kept = params[i];
        double above[BH_LANES], each[BH_LANES], expected = 1; // what was there
        params[i] = kept + STEP;
        case_losses(c, above);
        params[i] = kept - STEP;
        differences(c, each, above);
        params[i] = kept;
        for (size_t l = 0; l < BH_LANES; l++) {
            expected += each[l];
        }
        assert_near(gradient[i], expected, name, i);
    }
}

static void backward(layer_case *c, bh_real *d_in)
{
    double losses[BH_LANES];
    case_losses(c, losses);
    for (size_t i = 0; i < c->n_params; i++) {
        c->d_a[i] = c->d_b[i] = 1;
    }
    bh_layer_backward(&c->layer, &c->state, &c->scratch, c->pass, d_in, c->d_a,
                      c->pass == BH_PASS_POINT ? NULL : c->d_b, c->pull, c->out, c->in,
                      c->a, second_of(c));
}

// The gradients are right, and those of the parameters also where nobody asks for the
// input's.
static void check_layer(test_rng *rng, bh_layer layer, bh_pass pass)
{
    layer_case c;
    case_init(&c, rng, layer, pass);
    fill_uniform(rng, c.d_in, c.in_len * BH_LANES); // replaced, not added to
    backward(&c, c.d_in);
    check_inputs(&c);
    for (int again = 0; again < 2; again++) {
        check_params(&c, c.a, c.d_a, "a");
        if (pass != BH_PASS_POINT) {
            check_params(&c, c.b, c.d_b, "b");
        }
        backward(&c, NULL);
    }
    case_clear(&c);
}

static uint32_t pick(test_rng *rng, uint32_t lo, uint32_t hi)
{
    return (uint32_t)test_rng_range(rng, lo, hi);
}

// Random channels, sizes, window, stride and, for convolutions, padding.
static bh_layer random_window(test_rng *rng, bh_layer_kind kind)
{
    bh_layer l = {.kind = kind};
    l.in = (bh_shape){pick(rng, 1, 3), pick(rng, 1, 6), pick(rng, 1, 6)};
    l.stride = pick(rng, 1, 3);
    l.kernel_h = pick(rng, 1, l.in.height);
    l.kernel_w = pick(rng, 1, l.in.width);
    if (kind == BH_LAYER_CONV2D) {
        uint32_t smaller = l.kernel_h < l.kernel_w ? l.kernel_h : l.kernel_w;
        l.pad = pick(rng, 0, smaller - 1);
        l.out_channels = pick(rng, 1, 3);
    }
    l.out.channels = kind == BH_LAYER_CONV2D ? l.out_channels : l.in.channels;
    l.out.height = (l.in.height + 2 * l.pad - l.kernel_h) / l.stride + 1;
    l.out.width = (l.in.width + 2 * l.pad - l.kernel_w) / l.stride + 1;
    return l;
}

static void test_conv2d(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("conv2d");
    for (int i = 0; i < 150; i++) {
        check_layer(&rng, random_window(&rng, BH_LAYER_CONV2D), (bh_pass)(i % 3));
    }
}

static void test_pools(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("pools");
    for (int i = 0; i < 100; i++) {
        check_layer(&rng, random_window(&rng, BH_LAYER_MAX_POOL), BH_PASS_POINT);
        check_layer(&rng, random_window(&rng, BH_LAYER_AVG_POOL), BH_PASS_POINT);
    }
}

static void test_fully_connected(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("fc");
    for (int i = 0; i < 60; i++) {
        bh_layer l = {.kind = BH_LAYER_FC, .kernel_h = 1, .kernel_w = 1, .stride = 1};
        l.in = (bh_shape){pick(&rng, 1, 20), 1, 1};
        l.out_channels = pick(&rng, 1, 6);
        l.out = (bh_shape){l.out_channels, 1, 1};
        check_layer(&rng, l, (bh_pass)(i % 3));
    }
}

static void test_pointwise(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("pointwise");
    const bh_layer_kind kinds[] = {BH_LAYER_RELU, BH_LAYER_SQUARE, BH_LAYER_FLATTEN};
    for (size_t i = 0; i < 30; i++) {
        bh_layer l = {.kind = kinds[i % 3]};
        l.in = (bh_shape){pick(&rng, 1, 3), pick(&rng, 1, 5), pick(&rng, 1, 5)};
        l.out = l.in;
        check_layer(&rng, l, BH_PASS_LOCAL); // which changes nothing
    }
}

// What the passes compute, in one lane of a layer of one input and one output.
static void test_passes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("passes");
    bh_layer l = {.kind = BH_LAYER_FC, .kernel_h = 1, .kernel_w = 1, .stride = 1};
    l.in = l.out = (bh_shape){1, 1, 1};
    l.out_channels = 1;
    for (bh_pass pass = BH_PASS_POINT; pass <= BH_PASS_FLIPOUT; pass++) {
        layer_case c;
        double losses[BH_LANES];
        case_init(&c, &rng, l, pass);
        bh_real e[2 * BH_LANES], r[BH_LANES], s[BH_LANES];
        bh_noise normals = c.noise, signs = c.noise;
        c.scratch.kernels->normals(&normals, e, 2 * BH_LANES);
        c.scratch.kernels->signs(&signs, r, BH_LANES);
        c.scratch.kernels->signs(&signs, s, BH_LANES);
        case_losses(&c, losses);
        for (size_t i = 0; i < BH_LANES; i++) {
            const double x = c.in[i], point = c.a[0] * x + c.a[1];
            const double noise[] = {0, e[i] * sqrt(c.b[0] * x * x + c.b[1]),
                                    s[i] * (c.b[0] * r[i] * x + c.b[1])};
            assert_close(c.out[i], point + noise[pass], 1e-9);
        }
        case_clear(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv2d),          cmocka_unit_test(test_pools),
        cmocka_unit_test(test_fully_connected), cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
