// SPDX-License-Identifier: Apache-2.0
// The gradients of every kind of layer, in its input and its parameters.
#include "bayes/layers.h"
#include "support/gradient.h"

// Distinct values 0.05 apart, none of them zero: nothing comes near the kinks of ReLU
// and max-pool within a step.
static void fill_apart(test_rng *rng, bh_real *x, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        x[i] = 0.05 * ((double)i - (double)len / 2) + 0.01;
    }
    for (size_t i = len; i > 1; i--) {
        size_t j = test_rng_below(rng, i);
        bh_real swap = x[i - 1];
        x[i - 1] = x[j];
        x[j] = swap;
    }
}

// One layer under the loss sum(out * pull), and its gradients.
typedef struct layer_case {
    bh_layer layer;
    size_t count, in_len, out_len, n_params;
    bh_real *in, *out, *params, *columns, *pull, *d_in, *d_params;
} layer_case;

static void case_init(layer_case *c, test_rng *rng, bh_layer layer, size_t count)
{
    *c = (layer_case){.layer = layer, .count = count};
    c->in_len = count * bh_shape_len(layer.in);
    c->out_len = count * bh_shape_len(layer.out);
    if (bh_layer_is_linear(&layer)) {
        c->n_params = bh_layer_weights_len(&layer) + bh_layer_bias_len(&layer);
    }
    c->in = reals(c->in_len);
    c->d_in = reals(c->in_len);
    c->out = reals(c->out_len);
    c->pull = reals(c->out_len);
    c->params = reals(c->n_params);
    c->d_params = reals(c->n_params);
    c->columns = reals(bh_train_layer_columns_len(&layer));
    fill_apart(rng, c->in, c->in_len);
    fill_uniform(rng, c->pull, c->out_len);
    fill_uniform(rng, c->params, c->n_params);
}

static void case_clear(layer_case *c)
{
    bh_real *parts[] = {c->in,     c->d_in,     c->out,    c->pull,
                        c->params, c->d_params, c->columns};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bh_free(parts[i]);
    }
}

static double case_loss(layer_case *c)
{
    bh_train_layer_forward(&c->layer, c->out, c->columns, c->in, c->params, c->count);
    double sum = 0;
    for (size_t i = 0; i < c->out_len; i++) {
        sum += c->out[i] * c->pull[i];
    }
    return sum;
}

static double case_difference(layer_case *c, bh_real *x)
{
    bh_real kept = *x;
    *x = kept + STEP;
    double above = case_loss(c);
    *x = kept - STEP;
    double below = case_loss(c);
    *x = kept;
    return (above - below) / (2 * STEP);
}

static void check_layer(test_rng *rng, bh_layer layer)
{
    layer_case c;
    case_init(&c, rng, layer, 1 + test_rng_below(rng, 3));
    // The parameters' gradient is added to what is there, the input's replaces it.
    for (size_t i = 0; i < c.n_params; i++) {
        c.d_params[i] = 1;
    }
    fill_uniform(rng, c.d_in, c.in_len);
    bh_train_layer_backward(&layer, c.d_in, c.d_params, c.columns, c.pull, c.in,
                            c.params, c.count);
    for (size_t i = 0; i < c.in_len; i++) {
        assert_near(c.d_in[i], case_difference(&c, &c.in[i]), "input", i);
    }
    for (size_t i = 0; i < c.n_params; i++) {
        assert_near(c.d_params[i] - 1, case_difference(&c, &c.params[i]), "param", i);
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
    l.in = (bh_shape){pick(rng, 1, 3), pick(rng, 1, 7), pick(rng, 1, 7)};
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
        check_layer(&rng, random_window(&rng, BH_LAYER_CONV2D));
    }
}

static void test_pools(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("pools");
    for (int i = 0; i < 150; i++) {
        check_layer(&rng, random_window(&rng, BH_LAYER_MAX_POOL));
        check_layer(&rng, random_window(&rng, BH_LAYER_AVG_POOL));
    }
}

static void test_fully_connected(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("fc");
    for (int i = 0; i < 30; i++) {
        bh_layer l = {.kind = BH_LAYER_FC, .kernel_h = 1, .kernel_w = 1, .stride = 1};
        l.in = (bh_shape){pick(&rng, 1, 20), 1, 1};
        l.out_channels = pick(&rng, 1, 6);
        l.out = (bh_shape){l.out_channels, 1, 1};
        check_layer(&rng, l);
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
        check_layer(&rng, l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv2d),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_fully_connected),
        cmocka_unit_test(test_pointwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
