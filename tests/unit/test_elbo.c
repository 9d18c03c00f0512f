// SPDX-License-Identifier: Apache-2.0
// The gradient of the whole objective: data term and divergence.
#include <string.h>

#include "bayes/tape.h"
#include "bayes/variational.h"
#include "support/gradient.h"

// Every kind of layer in one network.
static bh_graph every_kind(void)
{
    const bh_layer layers[] = {
        {.kind = BH_LAYER_CONV2D,
         .out_channels = 2,
         .kernel_h = 3,
         .kernel_w = 2,
         .stride = 1,
         .pad = 1},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2},
        {.kind = BH_LAYER_CONV2D,
         .out_channels = 3,
         .kernel_h = 2,
         .kernel_w = 2,
         .stride = 1},
        {.kind = BH_LAYER_SQUARE},
        {.kind = BH_LAYER_AVG_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 1},
        {.kind = BH_LAYER_FLATTEN},
        {.kind = BH_LAYER_FC, .out_channels = 5},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_FC, .out_channels = 3},
    };
    bh_graph g = {.name = "every kind", .n_classes = 3};
    g.input.shape = (bh_shape){1, 8, 7};
    g.input.dev[0] = 1;
    g.n_layers = sizeof layers / sizeof *layers;
    memcpy(g.layers, layers, sizeof layers);
    assert_ok(bh_graph_check(&g, NULL));
    return g;
}

#define ELBO_IMAGES 4
#define ELBO_DRAWS  2
#define PRIOR_DEV   0.7
#define KL_SCALE    0.03

// The objective of one step with fixed noise: mean loss of the images over the draws,
// and the divergence.
typedef struct elbo {
    bh_tape tape;
    bh_variational v;
    bh_real *d_weights;
    uint8_t labels[ELBO_IMAGES];
} elbo;

static double elbo_value(elbo *e, bool with_gradient)
{
    bh_train_rng noise = bh_train_rng_make(7);
    bh_variational_refresh(&e->v);
    bh_variational_start(&e->v);
    double loss = 0;
    for (int s = 0; s < ELBO_DRAWS; s++) {
        size_t hits;
        const double scale = 1.0 / (ELBO_IMAGES * ELBO_DRAWS);
        bh_variational_draw(&e->v, &noise);
        bh_tape_forward(&e->tape, e->v.drawn, ELBO_IMAGES);
        loss += scale * bh_tape_loss(&e->tape, &hits, e->labels, ELBO_IMAGES, scale);
        if (with_gradient) {
            memset(e->d_weights, 0, e->v.len * sizeof *e->d_weights);
            bh_tape_backward(&e->tape, e->d_weights, e->v.drawn, ELBO_IMAGES);
            bh_variational_add(&e->v, e->d_weights);
        }
    }
    if (with_gradient) {
        bh_variational_finish(&e->v, PRIOR_DEV, KL_SCALE);
    }
    return loss + KL_SCALE * bh_variational_kl(&e->v, PRIOR_DEV);
}

static double elbo_difference(elbo *e, bh_real *x)
{
    bh_real kept = *x;
    *x = kept + STEP;
    double above = elbo_value(e, false);
    *x = kept - STEP;
    double below = elbo_value(e, false);
    *x = kept;
    return (above - below) / (2 * STEP);
}

static void elbo_init(elbo *e, const bh_graph *g)
{
    // A fixed seed: the network's inner values keep away from kinks for this one.
    test_rng rng = {20};
    assert_ok(bh_tape_init(&e->tape, g, ELBO_IMAGES));
    assert_ok(bh_variational_init(&e->v, e->tape.n_params));
    e->d_weights = reals(e->v.len);
    fill_uniform(&rng, e->tape.value[0], ELBO_IMAGES * bh_shape_len(g->input.shape));
    fill_uniform(&rng, e->v.mean, e->v.len);
    for (size_t i = 0; i < e->v.len; i++) {
        e->v.rho[i] = (double)test_rng_range(&rng, -4000, 500) / 1000;
    }
    for (size_t i = 0; i < ELBO_IMAGES; i++) {
        e->labels[i] = (uint8_t)(i % g->n_classes);
    }
}

static void test_elbo(void **state)
{
    (void)state;
    const bh_graph g = every_kind();
    elbo e;
    elbo_init(&e, &g);
    bh_real *d_mean = reals(e.v.len), *d_rho = reals(e.v.len);
    (void)elbo_value(&e, true);
    memcpy(d_mean, e.v.d_mean, e.v.len * sizeof *d_mean);
    memcpy(d_rho, e.v.d_rho, e.v.len * sizeof *d_rho);
    for (size_t i = 0; i < e.v.len; i++) {
        assert_near(d_mean[i], elbo_difference(&e, &e.v.mean[i]), "mean", i);
        assert_near(d_rho[i], elbo_difference(&e, &e.v.rho[i]), "rho", i);
    }
    bh_free(d_mean);
    bh_free(d_rho);
    bh_free(e.d_weights);
    bh_tape_clear(&e.tape);
    bh_variational_clear(&e.v);
}

static void test_loss_of_huge_logits(void **state)
{
    (void)state;
    bh_graph g = every_kind();
    bh_tape t;
    assert_ok(bh_tape_init(&t, &g, 2));
    const double logits[] = {1e4, 0, -1e4, 0, 0, 0};
    const uint8_t labels[] = {1, 2};
    memcpy(t.value[g.n_layers], logits, sizeof logits);
    size_t hits;
    double loss = bh_tape_loss(&t, &hits, labels, 2, 1);
    assert_close(loss, 1e4 + log(3), 1e-9);
    assert_int_equal(hits, 0);
    assert_close(t.grad[g.n_layers][0], 1, 1e-12);
    assert_close(t.grad[g.n_layers][1], -1, 1e-12);
    assert_close(t.grad[g.n_layers][5], 1.0 / 3 - 1, 1e-12);
    bh_tape_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elbo),
        cmocka_unit_test(test_loss_of_huge_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
