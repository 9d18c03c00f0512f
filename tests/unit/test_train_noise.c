// SPDX-License-Identifier: Apache-2.0
// The random numbers of training: against published answers, a scalar twin, and the
// laws that they claim.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bayes/kernels/kernels.h"
#include "bayes/rng.h"
#include "support/close.h"
#include "support/levels.h"
#include "support/stats.h"

#define SIGMAS 6.0 // below 2e-9 each for a normal law

static void test_rng_known_answers(void **state)
{
    (void)state;
    bh_train_rng rng = {{1, 2, 3, 4}};
    const uint64_t expected[] = {41943041, 58720359, 3588806011781223,
                                 3591011842654386};
    for (size_t i = 0; i < 4; i++) {
        assert_true(bh_train_rng_next(&rng) == expected[i]);
    }
}

static void test_rng_order(void **state)
{
    (void)state;
    bh_train_rng rng = bh_train_rng_make(5);
    uint32_t order[1000];
    bool seen[1000] = {false};
    size_t fixed = 0;
    bh_train_rng_order(&rng, order, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(order[i] < 1000 && !seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_true(fixed < 10); // Poisson with mean 1
}

// Every order of four is as likely as every other.
static void test_rng_order_is_fair(void **state)
{
    (void)state;
    enum { N = 24000 };
    bh_train_rng rng = bh_train_rng_make(6);
    uint64_t counts[256] = {0}, seen[24];
    double expected[24];
    size_t orders = 0;
    for (int i = 0; i < N; i++) {
        uint32_t order[4];
        bh_train_rng_order(&rng, order, 4);
        counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        if (counts[i] > 0) {
            assert_true(orders < 24);
            expected[orders] = N / 24.0;
            seen[orders++] = counts[i];
        }
    }
    assert_int_equal(orders, 24);
    assert_true(stats_chi_square(seen, expected, 24) < stats_chi_square_limit(23));
}

// Pieces of work that differ in one thing have generators of their own.
static void test_seeds_differ(void **state)
{
    (void)state;
    enum { N = 4 };
    uint64_t seeds[N * 6 * N * N];
    size_t n = 0;
    for (uint64_t seed = 0; seed < N; seed++) {
        for (int purpose = BH_PURPOSE_MEMBER; purpose <= BH_PURPOSE_CHUNK; purpose++) {
            for (uint64_t at = 0; at < (uint64_t)N * N; at++) {
                seeds[n++] =
                    bh_train_seed(seed, (bh_train_purpose)purpose, at / N, at % N);
            }
        }
    }
    assert_int_equal(n, sizeof seeds / sizeof *seeds);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(seeds[i] != seeds[j]);
        }
    }
}

// ---- the scalar twin of a lane ----

static uint32_t rotate(uint32_t x, unsigned k)
{
    return x << k | x >> (32 - k);
}

// xoshiro128++ 1.0 as published.
static uint32_t twin_next(uint32_t s[4])
{
    const uint32_t result = rotate(s[0] + s[3], 7) + s[0], t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
}

static void test_twin_known_answers(void **state)
{
    (void)state;
    uint32_t s[4] = {1, 2, 3, 4};
    const uint32_t expected[] = {641,       1573767,    3222811527, 3517856514,
                                 836907274, 4247214768, 3867114732, 1355841295,
                                 495546011, 621204420};
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(twin_next(s), expected[i]);
    }
}

static void lane_of(uint32_t s[4], const bh_noise *noise, size_t lane)
{
    for (size_t i = 0; i < 4; i++) {
        s[i] = noise->state[i][lane];
    }
}

static void assert_same_lane(const uint32_t s[4], const bh_noise *noise, size_t lane)
{
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(noise->state[i][lane], s[i]);
    }
}

enum { STEPS = 500 };

static void signs_of(bh_cpu level)
{
    test_rng rng = test_rng_new("signs");
    bh_noise before = bh_noise_make(test_rng_next(&rng)), after = before;
    bh_real *out = bh_alloc((size_t)STEPS * BH_LANES, sizeof *out);
    bh_train_kernels_of(level)->signs(&after, out, (size_t)STEPS * BH_LANES);
    for (size_t l = 0; l < BH_LANES; l++) {
        uint32_t s[4];
        lane_of(s, &before, l);
        for (size_t i = 0; i < STEPS; i++) {
            const bh_real expected = twin_next(s) >> 31 ? -1 : 1;
            assert_true(out[i * BH_LANES + l] == expected);
        }
        assert_same_lane(s, &after, l);
    }
    bh_free(out);
}

// Box and Muller's method as the header says it, in double precision. That the half of
// the uniform is rounded away above 2^23 shows in the smallest radii alone.
static void normals_of(bh_cpu level)
{
    test_rng rng = test_rng_new("normals");
    bh_noise before = bh_noise_make(test_rng_next(&rng)), after = before;
    before.state[0][0] = after.state[0][0] = 0; // its first radius is the largest
    before.state[3][0] = after.state[3][0] = 0;
    bh_real *out = bh_alloc((size_t)STEPS * 2 * BH_LANES, sizeof *out);
    bh_train_kernels_of(level)->normals(&after, out, (size_t)STEPS * 2 * BH_LANES);
    for (size_t l = 0; l < BH_LANES; l++) {
        uint32_t s[4];
        lane_of(s, &before, l);
        for (size_t i = 0; i < STEPS; i++) {
            const double u = (twin_next(s) >> 8) + 0.5;
            const uint32_t bits = twin_next(s);
            const double radius = sqrt(-2 * log(u * 0x1p-24));
            const double angle = ((double)(bits >> 8) * 0x1p-23 - 1) * acos(0);
            const double sign = bits & 1 ? -1 : 1;
            const double tolerance = 2e-6 + 1e-7 / (radius + 3e-4);
            const bh_real *pair = out + i * 2 * BH_LANES + l;
            assert_close(pair[0], radius * sin(angle), tolerance);
            assert_close(pair[BH_LANES], sign * radius * cos(angle), tolerance);
        }
        assert_same_lane(s, &after, l);
    }
    bh_free(out);
}

static void test_lanes(void **state)
{
    (void)state;
    levels_each(signs_of);
    levels_each(normals_of);
}

// Lanes start apart, and seeds give different ones.
static void test_noise_make(void **state)
{
    (void)state;
    const bh_noise noise[2] = {bh_noise_make(1), bh_noise_make(2)};
    uint32_t words[2 * 4 * BH_LANES];
    memcpy(words, noise, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(words[i] != words[j]);
        }
    }
}

// ---- laws ----

enum { N = 1 << 21 };

static bh_real *draw_normals(const char *name)
{
    test_rng rng = test_rng_new(name);
    bh_noise noise = bh_noise_make(test_rng_next(&rng));
    bh_real *x = bh_alloc(N, sizeof *x);
    assert_non_null(x);
    bh_train_kernels_pick()->normals(&noise, x, N);
    return x;
}

static void test_moments(void **state)
{
    (void)state;
    bh_real *x = draw_normals("moments");
    double m[5] = {0};
    for (size_t i = 0; i < N; i++) {
        const double v = (double)x[i];
        m[1] += v;
        m[2] += v * v;
        m[3] += v * v * v;
        m[4] += v * v * v * v;
    }
    const double each = SIGMAS / sqrt(N);
    assert_close(m[1] / N, 0, each);
    assert_close(m[2] / N, 1, each * sqrt(2));
    assert_close(m[3] / N, 0, each * sqrt(15));
    assert_close(m[4] / N, 3, each * sqrt(96));
    bh_free(x);
}

static void test_tails(void **state)
{
    (void)state;
    bh_real *x = draw_normals("tails");
    size_t beyond[5] = {0}, above[5] = {0};
    double most = 0;
    for (size_t i = 0; i < N; i++) {
        const double v = fabs((double)x[i]);
        most = fmax(most, v);
        for (size_t k = 0; k < 5; k++) {
            beyond[k] += v > (double)k;
            above[k] += x[i] > (bh_real)k;
        }
    }
    assert_true(most > 4.5 && most < 5.9);
    for (size_t k = 1; k < 5; k++) {
        const double share = erfc((double)k / sqrt(2));
        assert_close(beyond[k], N * share, 1 + SIGMAS * sqrt(N * share * (1 - share)));
        assert_close(above[k], N * share / 2, 1 + SIGMAS * sqrt(N * share / 2));
    }
    assert_close(above[0], N / 2, SIGMAS * sqrt(N / 4.0));
    bh_free(x);
}

// The mean of f(x[i]) f(x[i + lag]), f of mean 0 and variance 1, has the standard error
// 1 / sqrt(N).
static void check_lag(const bh_real *x, size_t lag)
{
    double plain = 0, squares = 0;
    for (size_t i = 0; i + lag < N; i++) {
        const double a = (double)x[i], b = (double)x[i + lag];
        plain += a * b;
        squares += (a * a - 1) * (b * b - 1) / 2;
    }
    assert_close(plain / N, 0, SIGMAS / sqrt(N));
    assert_close(squares / N, 0, SIGMAS / sqrt(N));
}

// Lanes, the two of a pair, and steps of one lane, know nothing of each other.
static void test_correlations(void **state)
{
    (void)state;
    const size_t lags[] = {1,  2,  3,  5,  8,  15,  16,  17, 31,
                           32, 33, 48, 64, 96, 128, 160, 512};
    bh_real *x = draw_normals("correlations");
    for (size_t i = 0; i < sizeof lags / sizeof *lags; i++) {
        check_lag(x, lags[i]);
    }
    bh_free(x);
}

static void test_signs(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("signs");
    bh_noise noise = bh_noise_make(test_rng_next(&rng));
    bh_real *x = bh_alloc(N, sizeof *x);
    bh_train_kernels_pick()->signs(&noise, x, N);
    for (size_t lag = 0; lag <= 64; lag++) {
        double sum = 0; // lag 0: of the signs themselves
        for (size_t i = 0; i + lag < N; i++) {
            assert_true(x[i] == 1 || x[i] == -1);
            sum += (double)x[i] * (lag > 0 ? (double)x[i + lag] : 1);
        }
        assert_close(sum / N, 0, SIGMAS / sqrt(N));
    }
    bh_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng_known_answers),
        cmocka_unit_test(test_rng_order),
        cmocka_unit_test(test_rng_order_is_fair),
        cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_twin_known_answers),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_noise_make),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_correlations),
        cmocka_unit_test(test_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
