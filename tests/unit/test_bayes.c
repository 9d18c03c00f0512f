// SPDX-License-Identifier: Apache-2.0
// The parts of training: random numbers, the divergence, the optimiser, batches.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "bayes/adam.h"
#include "bayes/batch.h"
#include "bayes/rng.h"
#include "bayes/variational.h"
#include "model/input.h"
#include "support/close.h"
#include "support/faults.h"

// The published generator's first outputs from the state 1, 2, 3, 4.
static void test_noise_known_answers(void **state)
{
    (void)state;
    bh_train_rng noise = {{1, 2, 3, 4}};
    const uint64_t expected[] = {41943041, 58720359, 3588806011781223,
                                 3591011842654386};
    for (size_t i = 0; i < 4; i++) {
        assert_true(bh_train_rng_next(&noise) == expected[i]);
    }
}

static void test_noise_order(void **state)
{
    (void)state;
    bh_train_rng noise = bh_train_rng_make(5);
    uint32_t order[1000];
    bool seen[1000] = {false};
    size_t fixed = 0;
    bh_train_rng_order(&noise, order, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(order[i] < 1000 && !seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_true(fixed < 10); // Poisson with mean 1
}

static void test_normals_moments(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    bh_train_rng noise = bh_train_rng_make(11);
    float *x = bh_alloc(N, sizeof *x);
    assert_non_null(x);
    bh_train_rng_normals(&noise, x, N);
    double m[5] = {0};
    for (size_t i = 0; i < N; i++) {
        for (int k = 1; k <= 4; k++) {
            m[k] += pow((double)x[i], k) / N;
        }
    }
    // Five standard errors, which are 1, sqrt(2), sqrt(15) and sqrt(96) / sqrt(N); the
    // fourth moment is 3 - 0.0156 (model/draw.h).
    assert_close(m[1], 0, 5.0 / 1024);
    assert_close(m[2], 1, 5 * 1.415 / 1024);
    assert_close(m[3], 0, 5 * 3.873 / 1024);
    assert_close(m[4], 2.9844, 5 * 9.8 / 1024);
    bh_free(x);
}

// log N(x; m, d) without the constant that cancels.
static double log_density(double x, double m, double d)
{
    return -log(d) - (x - m) * (x - m) / (2 * d * d);
}

static void test_divergence(void **state)
{
    (void)state;
    enum { N = 400000 };
    const double prior = 0.5;
    const double means[] = {0, 0.2, -1.1}, devs[] = {0.5, 0.3, 0.01};
    bh_train_rng noise = bh_train_rng_make(3);
    double closed = 0, sampled = 0;
    bh_variational v;
    assert_ok(bh_variational_init(&v, 3));
    for (size_t i = 0; i < 3; i++) {
        double m = means[i], d = devs[i];
        v.mean[i] = (float)m;
        v.rho[i] = (float)log(expm1(d));
        closed += log(prior) - log(d) + (d * d + m * m) / (2 * prior * prior) - 0.5;
        for (int j = 0; j < N; j++) {
            float e;
            bh_train_rng_normals(&noise, &e, 1);
            double w = m + d * (double)e;
            sampled += (log_density(w, m, d) - log_density(w, 0, prior)) / N;
        }
    }
    bh_variational_refresh(&v);
    double kl = bh_variational_kl(&v, prior);
    assert_close(kl, closed, 1e-5 * closed); // floats hold the parameters
    // The summands' deviation is below 1.5: six standard errors.
    assert_close(kl, sampled, 6 * 1.5 / sqrt(N));
    v.mean[1] = v.mean[2] = 0;
    v.rho[1] = v.rho[2] = v.rho[0];
    bh_variational_refresh(&v);
    assert_close(bh_variational_kl(&v, prior), 0, 1e-6); // the prior itself
    bh_variational_clear(&v);
}

static void test_softplus_range(void **state)
{
    (void)state;
    bh_variational v;
    assert_ok(bh_variational_init(&v, 4));
    const float rho[] = {-200, -10, 0, 100};
    memcpy(v.rho, rho, sizeof rho);
    bh_variational_refresh(&v);
    for (size_t i = 0; i < 4; i++) {
        double r = (double)rho[i];
        assert_close(v.dev[i], r > 50 ? r : log1p(exp(r)), 1e-6 * (1 + fabs(r)));
        assert_close(v.slope[i], 1 / (1 + exp(-r)), 1e-6);
    }
    bh_variational_start(&v);
    bh_variational_finish(&v, 0.1, 1); // a deviation of zero divides by nothing
    for (size_t i = 0; i < 4; i++) {
        assert_true(isfinite(v.d_rho[i]));
    }
    bh_variational_clear(&v);
}

static void test_set_dev(void **state)
{
    (void)state;
    bh_variational v;
    assert_ok(bh_variational_init(&v, 3));
    const float mean[] = {-2, 0, 0.5f};
    memcpy(v.mean, mean, sizeof mean);
    bh_variational_set_dev(&v, 0.1, 1e-3);
    assert_close(v.dev[0], 0.2, 1e-6);
    assert_close(v.dev[1], 1e-3, 1e-8);
    assert_close(v.dev[2], 0.05, 1e-7);
    bh_variational_clear(&v);
}

static void test_adam(void **state)
{
    (void)state;
    float x[3] = {4, -3, 0}, g[3];
    const float target[3] = {1, 2, -0.5f}, weight[3] = {1, 100, 0.01f};
    bh_adam a;
    assert_ok(bh_adam_init(&a, 3));
    for (int step = 0; step < 3000; step++) {
        for (size_t i = 0; i < 3; i++) {
            g[i] = 2 * weight[i] * (x[i] - target[i]);
        }
        float before = x[0];
        bh_adam_step(&a, x, g, 0.05 * (1 - step / 3000.0));
        if (step == 0) { // with both corrections the first step is the rate itself
            assert_close(before - x[0], 0.05, 1e-6);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        assert_close(x[i], target[i], 1e-3);
    }
    bh_adam_reset(&a);
    assert_true(a.steps == 0 && a.first[0] == 0 && a.second[0] == 0);
    bh_adam_clear(&a);
}

static void test_batch_shifts(void **state)
{
    (void)state;
    uint8_t pixels[2 * 3 * 2] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    bh_images images = {.count = 1, .shape = {2, 3, 2}, .pixels = pixels};
    bh_input input = {
        .shape = images.shape, .mean = {0, 0.5f}, .dev = {1.0f / 255, 0.5f}};
    bh_pixel_table table;
    bh_pixel_table_init(&table, &input);
    float out[12];
    bh_batch_image(out, &images, &table, 0, 1, -1);
    // Down by one, left by one; zeroes move in.
    const float first[] = {0, 0, 1, 0, 3, 0}, second[] = {0, 0, 7, 0, 9, 0};
    for (size_t i = 0; i < 6; i++) {
        assert_close(out[i], first[i], 1e-4);
        assert_close(out[6 + i], (second[i] / 255 - 0.5f) / 0.5f, 1e-6);
    }
}

// Training sees the pixels as inference does.
static void test_table_is_the_models(void **state)
{
    (void)state;
    static bh_graph g;
    g.input = (bh_input){.shape = {2, 16, 16}, .mean = {0.1f, 0.4f}, .dev = {1, 0.3f}};
    uint8_t pixels[512];
    float real[512];
    for (size_t i = 0; i < 512; i++) {
        pixels[i] = (uint8_t)i;
    }
    bh_pixel_table table;
    bh_pixel_table_init(&table, &g.input);
    bh_normalise_pixels(&g, real, pixels);
    for (size_t i = 0; i < 512; i++) {
        assert_true(real[i] == table.real[i / 256][i % 256]);
    }
}

static void test_batch_covers_all_shifts(void **state)
{
    (void)state;
    uint8_t pixels[49] = {0}, label = 3, copied;
    pixels[24] = 255; // the middle
    bh_images images = {
        .count = 1, .shape = {1, 7, 7}, .pixels = pixels, .labels = &label};
    bh_input input = {.shape = images.shape, .dev = {1}};
    bh_pixel_table table;
    bh_pixel_table_init(&table, &input);
    bh_train_rng noise = bh_train_rng_make(1);
    const uint32_t order = 0;
    float sum[49] = {0}, out[49];
    for (int i = 0; i < 2500; i++) {
        bh_batch_fill(out, &copied, &images, &table, &noise, &order, 1, 2);
        assert_int_equal(copied, 3);
        for (size_t j = 0; j < 49; j++) {
            sum[j] += out[j];
        }
    }
    for (size_t j = 0; j < 49; j++) {
        bool reached = j / 7 >= 1 && j / 7 <= 5 && j % 7 >= 1 && j % 7 <= 5;
        // 100 each of deviation 10, or none
        assert_true(reached ? sum[j] > 40 && sum[j] < 160 : sum[j] == 0);
    }
}

static bh_status new_variational(void *unused)
{
    (void)unused;
    bh_variational v;
    bh_status status = bh_variational_init(&v, 5);
    if (status == BH_OK) {
        bh_variational_clear(&v);
    }
    return status;
}

static bh_status new_adam(void *unused)
{
    (void)unused;
    bh_adam a;
    bh_status status = bh_adam_init(&a, 5);
    if (status == BH_OK) {
        bh_adam_clear(&a);
    }
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    size_t *at = &bh_hooks_get()->fail_alloc_at;
    assert_int_equal(fail_each(at, BH_ERR_NOMEM, new_variational, NULL), 8);
    assert_int_equal(fail_each(at, BH_ERR_NOMEM, new_adam, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_known_answers),
        cmocka_unit_test(test_noise_order),
        cmocka_unit_test(test_normals_moments),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_softplus_range),
        cmocka_unit_test(test_set_dev),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_batch_shifts),
        cmocka_unit_test(test_table_is_the_models),
        cmocka_unit_test(test_batch_covers_all_shifts),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
