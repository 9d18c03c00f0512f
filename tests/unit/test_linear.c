// SPDX-License-Identifier: Apache-2.0
// Packings: for random shapes, every packing that fits gives the plain convolution
// through plain negacyclic products over the integers; and the planner's choice is the
// cheapest.
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "linear/choose.h"
#include "support/test.h"

#define N_MAX 512

// y = x * w in Z[X] / (X^n + 1), added up.
static void add_negacyclic(int64_t *y, const int64_t *x, const int32_t *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; x[i] != 0 && j < n; j++) {
            int64_t p = x[i] * w[j];
            y[(i + j) % n] += i + j < n ? p : -p;
        }
    }
}

// The definition of a convolution, with the padding as a test on the index.
static int64_t plain(const bh_linear *l, const int64_t *x, const int32_t *w,
                     const int32_t *bias, uint32_t o, uint32_t i, uint32_t j)
{
    const bh_linear_shape *s = &l->shape;
    int64_t sum = bias[o];
    for (uint32_t c = 0; c < s->in_channels; c++) {
        for (uint32_t a = 0; a < s->kernel_h; a++) {
            for (uint32_t b = 0; b < s->kernel_w; b++) {
                int64_t row = (int64_t)i * s->stride + a - s->pad;
                int64_t col = (int64_t)j * s->stride + b - s->pad;
                if (row >= 0 && row < s->in_height && col >= 0 && col < s->in_width) {
                    sum +=
                        x[(c * s->in_height + row) * s->in_width + col] *
                        w[((o * s->in_channels + c) * s->kernel_h + a) * s->kernel_w +
                          b];
                }
            }
        }
    }
    return sum;
}

static uint64_t count_nonzero(const int32_t *taps, size_t n)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += taps[i] != 0;
    }
    return count;
}

// Evaluates the layer through its packing. The weights that enter an answer, over all
// input blocks and output rows, are at most what the noise bound is told (R1).
static void packed(const bh_linear *l, int64_t *y, const int64_t *x, const int32_t *w,
                   const int32_t *bias)
{
    int64_t in[N_MAX], sum[N_MAX], values[N_MAX];
    int32_t taps[N_MAX], spread[N_MAX];
    uint32_t places[N_MAX];
    for (uint32_t answer = 0; answer < l->n_answers; answer++) {
        uint64_t nonzero = 0;
        memset(sum, 0, sizeof sum);
        for (uint32_t b = 0; b < l->in_blocks; b++) {
            bh_linear_pack_input(l, in, x, bh_linear_first_upload(l, answer) + b);
            bh_linear_pack_weights(l, taps, w, b, answer % l->out_blocks);
            add_negacyclic(sum, in, taps, l->n);
            nonzero += count_nonzero(taps, l->n);
        }
        assert_true(nonzero <= bh_linear_weights_per_answer(l));
        size_t count = bh_linear_places(l, places, answer);
        bh_linear_spread_bias(l, spread, bias, answer);
        for (size_t i = 0; i < count; i++) {
            assert_true(places[i] < l->n && (i == 0 || places[i] > places[i - 1]));
            values[i] = sum[places[i]] + spread[i];
        }
        bh_linear_unpack(l, y, values, answer);
    }
}

static void check_packing(const bh_linear *l, test_rng *rng)
{
    const bh_linear_shape *s = &l->shape;
    size_t in = bh_linear_in_len(l), out = bh_linear_out_len(l);
    size_t taps = (size_t)s->out_channels * s->in_channels * s->kernel_h * s->kernel_w;
    int64_t *x = bh_alloc(in, sizeof *x), *y = bh_alloc(out, sizeof *y);
    int32_t *w = bh_alloc(taps, sizeof *w),
            *bias = bh_alloc(s->out_channels, sizeof *w);
    for (size_t i = 0; i < in; i++) {
        x[i] = test_rng_range(rng, -255, 255);
    }
    for (size_t i = 0; i < taps; i++) {
        w[i] = (int32_t)test_rng_range(rng, -127, 127);
    }
    for (size_t i = 0; i < s->out_channels; i++) {
        bias[i] = (int32_t)test_rng_range(rng, -100000, 100000);
    }
    memset(y, 0x55, out * sizeof *y); // every output must be written
    packed(l, y, x, w, bias);
    for (uint32_t o = 0; o < s->out_channels; o++) {
        for (uint32_t i = 0; i < l->out_height; i++) {
            for (uint32_t j = 0; j < l->out_width; j++) {
                int64_t got = y[(o * l->out_height + i) * l->out_width + j];
                if (got != plain(l, x, w, bias, o, i, j)) {
                    fail_msg("n=%zu c=%u %ux%u out=%u k=%ux%u s=%u p=%u blocks "
                             "%ux%u tile %ux%u: output %u,%u,%u is wrong",
                             l->n, s->in_channels, s->in_height, s->in_width,
                             s->out_channels, s->kernel_h, s->kernel_w, s->stride,
                             s->pad, l->packing.c_i, l->packing.c_o,
                             l->packing.tile_height, l->packing.tile_width, o, i, j);
                }
            }
        }
    }
    bh_free(x);
    bh_free(y);
    bh_free(w);
    bh_free(bias);
}

static bh_linear_shape random_shape(test_rng *rng)
{
    bh_linear_shape s = {
        .in_channels = 1 + (uint32_t)test_rng_below(rng, 5),
        .in_height = 1 + (uint32_t)test_rng_below(rng, 14),
        .in_width = 1 + (uint32_t)test_rng_below(rng, 14),
        .out_channels = 1 + (uint32_t)test_rng_below(rng, 6),
        .kernel_h = 1 + (uint32_t)test_rng_below(rng, 5),
        .kernel_w = 1 + (uint32_t)test_rng_below(rng, 5),
        .stride = 1 + (uint32_t)test_rng_below(rng, 4),
        .pad = (uint32_t)test_rng_below(rng, 4),
    };
    if (test_rng_below(rng, 4) == 0) { // fully connected
        s.in_height = s.in_width = s.kernel_h = s.kernel_w = s.stride = 1;
        s.pad = 0;
        s.in_channels = 1 + (uint32_t)test_rng_below(rng, 60);
        s.out_channels = 1 + (uint32_t)test_rng_below(rng, 40);
    }
    return s;
}

static void test_random_packings(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random packings");
    int checked = 0, tiled = 0, strided = 0, split = 0;
    while (checked < 3000) {
        bh_linear_shape s = random_shape(&rng);
        size_t n = (size_t)64 << test_rng_below(&rng, 4);
        bh_linear l;
        if (bh_linear_init_shape(&l, &s, n) != BH_OK) {
            continue;
        }
        bh_packing p = {
            .c_i = 1 + (uint32_t)test_rng_below(&rng, l.channels),
            .c_o = 1 + (uint32_t)test_rng_below(&rng, s.out_channels),
            .tile_height = 1 + (uint32_t)test_rng_below(&rng, l.out_height),
            .tile_width = 1 + (uint32_t)test_rng_below(&rng, l.out_width),
        };
        if (bh_linear_init(&l, &s, &p, n) == BH_OK) {
            check_packing(&l, &rng);
            checked++;
            tiled += l.tiles_h * l.tiles_w > 1;
            strided += s.stride > 1;
            split += l.in_blocks > 1;
        }
    }
    assert_true(tiled > 100 && strided > 100 && split > 100);
}

// Polynomials that are filled to the last coefficient: the wrap-around comes closest.
static void test_full_polynomials(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("full polynomials");
    const bh_linear_shape shapes[] = {
        {4, 8, 8, 4, 3, 3, 1, 0},   {1, 16, 16, 4, 5, 5, 1, 0},
        {16, 1, 1, 64, 1, 1, 1, 0}, {64, 1, 1, 16, 1, 1, 1, 0},
        {2, 8, 16, 4, 8, 16, 1, 0}, {1, 32, 32, 1, 2, 2, 2, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        bh_linear l;
        for (uint32_t c_i = 1; c_i <= 64; c_i *= 2) {
            for (uint32_t c_o = 1; c_o <= 64; c_o *= 2) {
                assert_ok(bh_linear_init_shape(&l, &shapes[i], N_MAX));
                bh_packing p = {c_i, c_o, l.out_height, l.out_width};
                if (bh_linear_init(&l, &shapes[i], &p, N_MAX) == BH_OK) {
                    check_packing(&l, &rng);
                }
            }
        }
    }
}

static void test_impossible(void **state)
{
    (void)state;
    bh_linear l;
    const bh_linear_shape good = {1, 8, 8, 1, 3, 3, 1, 0};
    const bh_linear_shape bad[] = {
        {0, 8, 8, 1, 3, 3, 1, 0},     {1, 8, 8, 0, 3, 3, 1, 0},
        {1, 8, 8, 1, 0, 3, 1, 0},     {1, 8, 8, 1, 3, 3, 0, 0},
        {1, 8, 8, 1, 9, 3, 1, 0},     {1, 8, 8, 1, 3, 13, 1, 2},
        {65537, 1, 1, 1, 1, 1, 1, 0}, {60000, 8, 8, 1, 2, 2, 2, 0},
        {1, 8, 8, 1, 3, 3, 1, 65537},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(bh_linear_init_shape(&l, &bad[i], N_MAX), BH_ERR_ARG);
    }
    const bh_packing misfits[] = {{0, 1, 1, 1}, {2, 1, 1, 1}, {1, 2, 1, 1},
                                  {1, 1, 7, 1}, {1, 1, 1, 7}, {1, 1, 0, 1}};
    for (size_t i = 0; i < sizeof misfits / sizeof misfits[0]; i++) {
        assert_status(bh_linear_init(&l, &good, &misfits[i], N_MAX), BH_ERR_PARAMS);
    }
    assert_ok(bh_linear_init(&l, &good, &(bh_packing){1, 1, 6, 6}, 64));
    assert_status(bh_linear_init(&l, &good, &(bh_packing){1, 1, 6, 6}, 63),
                  BH_ERR_PARAMS);
}

static bool beats(const bh_linear *a, const bh_linear *b)
{
    return a->n_uploads <= b->n_uploads && a->n_answers <= b->n_answers &&
           bh_linear_products(a) <= bh_linear_products(b);
}

static uint32_t beaten_by(const bh_linear_choices *choices, const bh_linear *l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < choices->count; i++) {
        count += beats(&choices->items[i], l);
    }
    return count;
}

// Every choice computes the layer, no choice equals or beats another, and every packing
// of a sample of all packings is equalled or beaten by a choice.
static void test_choices(void **state)
{
    (void)state;
    static bh_linear_choices choices;
    test_rng rng = test_rng_new("choice");
    bh_he *he;
    assert_ok(bh_he_new(&he, "INSECURE_TEST_n256", NULL));
    for (int round = 0; round < 60; round++) {
        bh_linear_shape s = random_shape(&rng);
        bh_linear other;
        if (bh_linear_choose(&choices, &s, he, 20, 127) != BH_OK) {
            assert_status(bh_linear_init_shape(&other, &s, 256), BH_ERR_ARG);
            continue;
        }
        assert_true(choices.count >= 1);
        for (uint32_t i = 0; i < choices.count; i++) {
            check_packing(&choices.items[i], &rng);
            assert_int_equal(beaten_by(&choices, &choices.items[i]), 1);
        }
        const bh_linear *any = &choices.items[0];
        for (int k = 0; k < 300; k++) {
            bh_packing p = {1 + (uint32_t)test_rng_below(&rng, any->channels),
                            1 + (uint32_t)test_rng_below(&rng, s.out_channels),
                            1 + (uint32_t)test_rng_below(&rng, any->out_height),
                            1 + (uint32_t)test_rng_below(&rng, any->out_width)};
            if (bh_linear_init(&other, &s, &p, 256) == BH_OK) {
                assert_true(beaten_by(&choices, &other) >= 1);
            }
        }
    }
    bh_he_free(he);
}

// The noise bound limits the outputs of a block, in every choice; where one output is
// too many, nothing fits.
static void test_choices_fit_their_noise(void **state)
{
    (void)state;
    static bh_linear_choices choices;
    bh_he *he;
    bh_noise noise;
    bh_linear_shape s = {4096, 1, 1, 40, 1, 1, 1, 0};
    assert_ok(bh_he_new(&he, "n4096", NULL));
    assert_ok(bh_linear_choose(&choices, &s, he, 28, 127));
    uint32_t largest = 0;
    for (uint32_t i = 0; i < choices.count; i++) {
        const bh_linear *l = &choices.items[i];
        assert_ok(
            bh_noise_of_answer(he, &noise, bh_linear_weights_per_answer(l), 127, 28));
        largest = l->packing.c_o > largest ? l->packing.c_o : largest;
    }
    assert_true(largest < 40);
    s.in_channels = 65536;
    assert_status(bh_linear_choose(&choices, &s, he, 28, 127), BH_ERR_NOISE);
    s = (bh_linear_shape){1, 100, 100, 1, 65, 65, 1, 0};
    assert_status(bh_linear_choose(&choices, &s, he, 20, 127), BH_ERR_PARAMS);
    bh_he_free(he);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_packings),
        cmocka_unit_test(test_full_polynomials),
        cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_choices_fit_their_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
