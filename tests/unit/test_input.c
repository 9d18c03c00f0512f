// SPDX-License-Identifier: Apache-2.0
// What becomes of a client's input: columns to pixels, pixels to reals, reals to the
// grid.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/input.h"
#include "support/close.h"

static void test_quantise_input(void **state)
{
    (void)state;
    static bh_graph g;
    bh_input input = {.shape = {1, 28, 28}, .dev = {1}};
    assert_ok(bh_graph_named(&g, "lenet5", input, 10, NULL));
    bh_quant *q = &g.layers[0].quant;
    *q = (bh_quant){.x_scale = 1 / 255.0, .x_lo = 0, .x_hi = 255};
    uint8_t pixels[784];
    float real[784];
    int64_t x[784];
    for (int i = 0; i < 784; i++) {
        pixels[i] = (uint8_t)i;
    }
    bh_normalise_pixels(&g, real, pixels);
    bh_quantise_input(&g, x, real);
    for (int i = 0; i < 784; i++) {
        assert_true(fabs((double)real[i] - pixels[i] / 255.0) < 1e-7);
        assert_int_equal(x[i], pixels[i]);
    }
    *q = (bh_quant){.x_scale = 0.5, .x_lo = -100, .x_hi = 120};
    const float in[] = {0,     -0.0f,    0.24f,     0.25f,  0.75f,   -0.25f, -0.75f,
                        49.9f, -49.9f,   60.1f,     -60.0f, 3e38f,   -3e38f, NAN,
                        -NAN,  INFINITY, -INFINITY, 1e-45f, -1e-45f, 1.25f};
    const int64_t want[] = {0,    0,   0,    0,    2,    0,   -2,   100, -100, 120,
                            -100, 120, -100, -100, -100, 120, -100, 0,   0,    2};
    memset(real, 0, sizeof real);
    memcpy(real, in, sizeof in);
    bh_quantise_input(&g, x, real);
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        assert_int_equal(x[i], want[i]);
    }
    test_rng rng = test_rng_new("quantise input");
    *q = (bh_quant){.x_scale = 0.0371, .x_lo = -101, .x_hi = 99};
    for (int trial = 0; trial < 200; trial++) {
        for (int i = 0; i < 784; i++) {
            real[i] = (float)test_rng_range(&rng, -5000, 5000) / 1000.0f;
        }
        bh_quantise_input(&g, x, real);
        for (int i = 0; i < 784; i++) {
            double v = nearbyint((double)real[i] * (1 / 0.0371));
            assert_int_equal(x[i], v < -101 ? -101 : v > 99 ? 99 : (int64_t)v);
        }
    }
}

static void test_normalise_channels(void **state)
{
    (void)state;
    bh_graph g = {.input = {.shape = {3, 1, 2}}};
    for (int c = 0; c < 3; c++) {
        g.input.mean[c] = 0.25f * (float)c;
        g.input.dev[c] = 0.5f + (float)c;
    }
    const uint8_t pixels[6] = {0, 255, 51, 102, 255, 0};
    const double want[6] = {0, 2, (0.2 - 0.25) / 1.5, (0.4 - 0.25) / 1.5, 0.2, -0.2};
    float real[6];
    bh_normalise_pixels(&g, real, pixels);
    for (int i = 0; i < 6; i++) {
        assert_true(fabs((double)real[i] - want[i]) < 1e-6);
    }
}

// An image of n pixels, normalised by square roots and divisions in long doubles.
static void by_the_book(long double *out, const uint8_t *pixels, size_t n)
{
    long double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += pixels[i];
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = ((long double)n * pixels[i] - sum) / (long double)n; // exact above
        squares += out[i] * out[i];
    }
    long double dev = sqrtl(squares / (long double)n);
    for (size_t i = 0; i < n; i++) {
        out[i] /= dev > 1 ? dev : 1;
    }
}

// What numbers within 2^-50 of the exact one, relatively, round to.
static void check_image(bh_graph *g, const uint8_t *pixels, float *real,
                        long double *want)
{
    size_t n = bh_shape_len(g->input.shape);
    bh_normalise_pixels(g, real, pixels);
    by_the_book(want, pixels, n);
    for (size_t i = 0; i < n; i++) {
        long double reach = fabsl(want[i]) * 0x1p-50L;
        if (!(real[i] >= (float)(want[i] - reach) &&
              real[i] <= (float)(want[i] + reach))) {
            fail_msg("pixel %zu of %zu: %.10g, not %.10Lg", i, n, (double)real[i],
                     want[i]);
        }
    }
}

// Images of every contrast, the flattest and the largest among them.
static void test_normalise_image(void **state)
{
    (void)state;
    enum { LARGEST = 1 << 20 };
    test_rng rng = test_rng_new("normalise image");
    static bh_graph g;
    uint8_t *pixels = bh_alloc(LARGEST, 1);
    float *real = bh_alloc(LARGEST, sizeof *real);
    long double *want = bh_alloc(LARGEST, sizeof *want);
    g.input = (bh_input){.normalise = BH_NORMALISE_IMAGE, .dev = {1}};
    for (int trial = 0; trial < 2000; trial++) {
        g.input.shape = (bh_shape){1, 1 + (uint32_t)test_rng_below(&rng, 30),
                                   1 + (uint32_t)test_rng_below(&rng, 30)};
        uint64_t lowest = test_rng_below(&rng, 256);
        uint64_t range = 1 + test_rng_below(&rng, 256 - lowest);
        for (size_t i = 0; i < bh_shape_len(g.input.shape); i++) {
            pixels[i] = (uint8_t)(lowest + test_rng_below(&rng, range));
        }
        check_image(&g, pixels, real, want);
    }
    g.input.shape = (bh_shape){1, 1024, 1024};
    for (size_t i = 0; i < LARGEST; i++) {
        pixels[i] = i < LARGEST / 2 ? 0 : 255;
    }
    check_image(&g, pixels, real, want);
    assert_true(real[0] == -1 && real[LARGEST - 1] == 1);
    memset(pixels, 255, LARGEST);
    pixels[7] = 254;
    check_image(&g, pixels, real, want); // a deviation below 1 counts as 1
    assert_close(real[7], -1, 1e-5);
    memset(pixels, 77, LARGEST);
    bh_normalise_pixels(&g, real, pixels);
    assert_true(test_is_zero(real, LARGEST * sizeof *real));
    bh_free(pixels);
    bh_free(real);
    bh_free(want);
}

// Every channel by its own.
static void test_normalise_image_channels(void **state)
{
    (void)state;
    bh_graph g = {.input = {.shape = {2, 1, 2}, .normalise = BH_NORMALISE_IMAGE}};
    const uint8_t pixels[4] = {10, 20, 200, 100};
    const float want[4] = {-1, 1, 1, -1};
    float real[4];
    bh_normalise_pixels(&g, real, pixels);
    for (int i = 0; i < 4; i++) {
        assert_close(real[i], want[i], 1e-6);
    }
}

static void test_columns(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("columns");
    static bh_graph g;
    bh_input *in = &g.input;
    *in = (bh_input){.shape = {1, 1, 3}, .mean = {0.5f}, .dev = {0.125f}};
    in->n_columns = 3;
    in->column_mean[1] = 40;
    in->column_dev[1] = 5;
    const float values[] = {40,    20,     60,  19,   61,     40.1f,    0,
                            3e38f, -3e38f, NAN, -NAN, 1e-45f, INFINITY, -INFINITY};
    const uint8_t pixels[] = {128, 0, 255, 0, 255, 128, 0, 255, 0, 0, 0, 0, 255, 0};
    for (size_t i = 0; i < sizeof pixels; i++) {
        assert_int_equal(bh_column_pixel(in, 1, values[i]), pixels[i]);
    }
    for (int trial = 0; trial < 20000; trial++) {
        uint32_t j = (uint32_t)test_rng_below(&rng, 3);
        in->column_mean[j] = (float)ldexp((double)test_rng_range(&rng, -99, 99),
                                          (int)test_rng_range(&rng, -60, 60));
        in->column_dev[j] = (float)ldexp((double)test_rng_range(&rng, 1, 99),
                                         (int)test_rng_range(&rng, -60, 60));
        double z = (double)test_rng_range(&rng, -5000, 5000) / 1000;
        float v = in->column_mean[j] + (float)z * in->column_dev[j];
        z = ((double)v - (double)in->column_mean[j]) / (double)in->column_dev[j];
        double exact = fmin(fmax(z * 255 / 8 + 127.5, 0), 255);
        uint8_t pixel = bh_column_pixel(in, j, v);
        assert_close(pixel, exact, 0.5 + 1e-9);
        // What the network gets is the standardised value, to half a step.
        float real[3];
        bh_normalise_pixels(&g, real, (uint8_t[3]){pixel, pixel, pixel});
        assert_close(real[j], fmin(fmax(z, -4), 4), 4.0 / 255 + 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantise_input),
        cmocka_unit_test(test_normalise_channels),
        cmocka_unit_test(test_normalise_image),
        cmocka_unit_test(test_normalise_image_channels),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
