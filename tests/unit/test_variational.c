// SPDX-License-Identifier: Apache-2.0
// The divergence of a posterior from its priors, and the posterior's parameters.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "bayes/variational.h"
#include "support/close.h"
#include "support/faults.h"

#define SIGMAS  6.0
#define LOG_2PI 1.8378770664093453

enum { KINDS = 5, LEN = 600, DRAWS = 2000 };

// Narrow and wide, near the prior and far away from it.
static const double means[KINDS] = {0, 0.2, -1.1, 0.05, 3};
static const double devs[KINDS] = {0.5, 0.3, 0.01, 0.002, 0.7};

static bh_variational make_posterior(void)
{
    bh_variational v;
    assert_ok(bh_variational_init(&v, LEN));
    for (size_t i = 0; i < LEN; i++) {
        v.mean[i] = means[i % KINDS];
        v.rho[i] = log(devs[i % KINDS]);
    }
    bh_variational_refresh(&v, bh_train_kernels_pick(), 0, LEN);
    return v;
}

// -log p(w).
static double prior_loss(const bh_prior *p, double w)
{
    const double a = exp(-w * w / (2 * p->dev * p->dev)) / p->dev;
    if (!p->mixture) {
        return w * w / (2 * p->dev * p->dev) + log(p->dev) + LOG_2PI / 2;
    }
    const double b = exp(-w * w / (2 * p->dev2 * p->dev2)) / p->dev2;
    return LOG_2PI / 2 - log(p->share * a + (1 - p->share) * b);
}

// Mean and variance of -log p(m + d e) - log d - log(2 pi e) / 2, by the trapezoid
// rule, which is exact to rounding for such integrands.
static void integrate(double *mean, double *variance, const bh_prior *p, double m,
                      double d)
{
    const double step = 0.001;
    double sum = 0, squares = 0;
    for (double e = -10; e < 10; e += step) {
        const double weight = step * exp(-(e * e + LOG_2PI) / 2);
        const double f = prior_loss(p, m + d * e) - log(d) - (LOG_2PI + 1) / 2;
        sum += weight * f;
        squares += weight * f * f;
    }
    *mean = sum;
    *variance = squares - sum * sum;
}

// The whole posterior's, and the standard error of its mean of DRAWS draws.
static void expect_kl(double *kl, double *error, const bh_prior *p)
{
    double variance = 0;
    *kl = 0;
    for (size_t i = 0; i < KINDS; i++) {
        double each, its_variance;
        integrate(&each, &its_variance, p, means[i], devs[i]);
        *kl += each * LEN / KINDS;
        variance += its_variance * LEN / KINDS;
    }
    *error = sqrt(variance / DRAWS);
}

static double kl_of(const bh_variational *v, const bh_prior *prior, const char *name)
{
    test_rng rng = test_rng_new(name);
    return bh_variational_kl(v, bh_train_kernels_pick(), prior, test_rng_next(&rng),
                             DRAWS);
}

// The closed form against the formula, numerical integration and draws of its own.
static void test_gaussian_kl(void **state)
{
    (void)state;
    const bh_prior prior = {.dev = 0.4};
    bh_variational v = make_posterior();
    double closed = 0, integral, error, sampled = 0;
    for (size_t i = 0; i < KINDS; i++) {
        closed += log(prior.dev / devs[i]) - 0.5;
        closed +=
            (devs[i] * devs[i] + means[i] * means[i]) / (2 * prior.dev * prior.dev);
    }
    closed *= LEN / KINDS;
    expect_kl(&integral, &error, &prior);
    assert_close(kl_of(&v, &prior, "gaussian"), closed, 1e-9 * closed);
    assert_close(integral, closed, 1e-9 * closed);
    test_rng rng = test_rng_new("gaussian, sampled");
    bh_noise noise = bh_noise_make(test_rng_next(&rng));
    for (int s = 0; s < DRAWS; s++) {
        bh_real e[LEN / 32 * 32 + 32];
        bh_train_kernels_pick()->normals(&noise, e, LEN / 32 * 32 + 32);
        for (size_t i = 0; i < LEN; i++) {
            const double m = means[i % KINDS], d = devs[i % KINDS];
            sampled += prior_loss(&prior, m + d * e[i]) - log(d) - LOG_2PI / 2 - 0.5;
        }
    }
    assert_close(sampled / DRAWS, closed, SIGMAS * error);
    bh_variational_clear(&v);
}

// A posterior that is the prior diverges by nothing.
static void test_no_divergence(void **state)
{
    (void)state;
    const bh_prior prior = {.dev = 0.25};
    bh_variational v;
    assert_ok(bh_variational_init(&v, 40));
    for (size_t i = 0; i < v.len; i++) {
        v.rho[i] = log(prior.dev);
    }
    bh_variational_refresh(&v, bh_train_kernels_pick(), 0, v.len);
    assert_close(bh_variational_kl(&v, bh_train_kernels_pick(), &prior, 0, 1), 0,
                 1e-12);
    bh_variational_finish(&v, bh_train_kernels_pick(), &prior, 1, 0, 0, v.len);
    for (size_t i = 0; i < v.len; i++) {
        assert_close(v.d_mean[i], 0, 1e-12);
        assert_close(v.d_rho[i], 0, 1e-12);
    }
    bh_variational_clear(&v);
}

static void test_mixture_kl(void **state)
{
    (void)state;
    bh_variational v = make_posterior();
    const bh_prior priors[] = {
        {.dev = 0.5, .mixture = true, .share = 0.25, .dev2 = 0.05},
        {.dev = 1, .mixture = true, .share = 0.5, .dev2 = 0.2},
    };
    for (size_t i = 0; i < sizeof priors / sizeof *priors; i++) {
        double kl, error;
        expect_kl(&kl, &error, &priors[i]);
        assert_true(error < 0.02 * kl);
        assert_close(kl_of(&v, &priors[i], "mixture"), kl, SIGMAS * error);
    }
    bh_variational_clear(&v);
}

// Parts of equal deviation are a Gaussian.
static void test_mixture_of_equals(void **state)
{
    (void)state;
    const bh_prior gaussian = {.dev = 0.4};
    const bh_prior equal = {.dev = 0.4, .mixture = true, .share = 0.3, .dev2 = 0.4};
    bh_variational v = make_posterior();
    double kl, error;
    expect_kl(&kl, &error, &gaussian);
    assert_close(kl_of(&v, &equal, "equals"), kl_of(&v, &gaussian, "gaussian"),
                 SIGMAS * error);
    bh_variational_clear(&v);
}

// The draws' mean gradients are the derivatives of the closed form.
static void test_gradients_of_equals(void **state)
{
    (void)state;
    const bh_prior equal = {.dev = 0.4, .mixture = true, .share = 0.3, .dev2 = 0.4};
    const double s2 = 0.16;
    bh_variational v = make_posterior();
    double *d_mean = bh_alloc(KINDS, sizeof *d_mean);
    double *d_rho = bh_alloc(KINDS, sizeof *d_rho);
    for (int s = 0; s < DRAWS; s++) {
        memset(v.d_mean, 0, v.len * sizeof *v.d_mean);
        memset(v.d_rho, 0, v.len * sizeof *v.d_rho);
        bh_variational_finish(&v, bh_train_kernels_pick(), &equal, 1, (uint64_t)s, 0,
                              v.len);
        for (size_t i = 0; i < v.len; i++) {
            d_mean[i % KINDS] += v.d_mean[i] / DRAWS / (LEN / KINDS);
            d_rho[i % KINDS] += v.d_rho[i] / DRAWS / (LEN / KINDS);
        }
    }
    const double draws = DRAWS * (LEN / KINDS);
    for (size_t k = 0; k < KINDS; k++) {
        const double m = means[k], d = devs[k];
        assert_close(d_mean[k], m / s2, SIGMAS * d / s2 / sqrt(draws));
        // (m + d e) e d / s2 has the variance (m^2 + 2 d^2) d^2 / s2^2.
        assert_close(d_rho[k], d * d / s2 - 1,
                     SIGMAS * d * sqrt(m * m + 2 * d * d) / s2 / sqrt(draws));
    }
    bh_free(d_mean);
    bh_free(d_rho);
    bh_variational_clear(&v);
}

// Where both densities vanish the wider part rules, and nothing is lost.
static void test_far_away(void **state)
{
    (void)state;
    const bh_prior prior = {.dev = 1, .mixture = true, .share = 0.5, .dev2 = 1e-3};
    bh_variational v = make_posterior();
    for (size_t i = 0; i < v.len; i++) {
        v.mean[i] = 1e4;
        v.rho[i] = -20;
    }
    bh_variational_refresh(&v, bh_train_kernels_pick(), 0, v.len);
    const double each = 1e8 / 2 + log(2) + 20 - 0.5;
    assert_close(kl_of(&v, &prior, "far away"), each * LEN, 1e-6 * each * LEN);
    bh_variational_finish(&v, bh_train_kernels_pick(), &prior, 1, 1, 0, v.len);
    for (size_t i = 0; i < v.len; i++) {
        assert_close(v.d_mean[i], 1e4, 1e-3);
        assert_close(v.d_rho[i], -1, 1e-3);
    }
    bh_variational_clear(&v);
}

// Every parameter has a draw of its own, in whatever order the parts come, and another
// one in another step.
static void test_draws_by_part(void **state)
{
    (void)state;
    const bh_prior prior = {.dev = 0.5, .mixture = true, .share = 0.5, .dev2 = 0.1};
    const bh_train_kernels *k = bh_train_kernels_pick();
    bh_variational v[3] = {make_posterior(), make_posterior(), make_posterior()};
    for (size_t i = 0; i < 3 * LEN; i++) { // equal parameters, so that draws tell
        v[i / LEN].mean[i % LEN] = 0.1;
        v[i / LEN].dev[i % LEN] = 0.2;
    }
    bh_variational_finish(&v[0], k, &prior, 1, 7, 0, 32);
    bh_variational_finish(&v[0], k, &prior, 1, 7, 32, LEN - 32);
    bh_variational_finish(&v[1], k, &prior, 1, 7, 32, LEN - 32);
    bh_variational_finish(&v[1], k, &prior, 1, 7, 0, 32);
    bh_variational_finish(&v[2], k, &prior, 1, 8, 0, 32);
    bh_variational_finish(&v[2], k, &prior, 1, 8, 32, LEN - 32);
    assert_memory_equal(v[0].d_mean, v[1].d_mean, LEN * sizeof *v[0].d_mean);
    assert_memory_equal(v[0].d_rho, v[1].d_rho, LEN * sizeof *v[0].d_rho);
    for (size_t i = 0; i < LEN; i++) {
        assert_true(v[0].d_mean[i] != v[2].d_mean[i]);
        for (size_t j = 0; j < i; j++) { // deviates are of 48 random bits
            assert_true(v[0].d_mean[i] != v[0].d_mean[j]);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        bh_variational_clear(&v[i]);
    }
}

static void test_set_dev(void **state)
{
    (void)state;
    bh_variational v;
    assert_ok(bh_variational_init(&v, 3));
    const bh_real mean[] = {-2, 0, 0.5};
    memcpy(v.mean, mean, sizeof mean);
    bh_variational_set_dev(&v, 0.1, 1e-3);
    const double expected[] = {0.2, 1e-3, 0.05};
    for (size_t i = 0; i < 3; i++) {
        assert_close(v.dev[i], expected[i], 1e-12);
        assert_close(v.rho[i], log(expected[i]), 1e-12);
    }
    bh_variational_clear(&v);
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

static void test_no_memory(void **state)
{
    (void)state;
    size_t *at = &bh_hooks_get()->fail_alloc_at;
    assert_int_equal(fail_each(at, BH_ERR_NOMEM, new_variational, NULL), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian_kl),
        cmocka_unit_test(test_no_divergence),
        cmocka_unit_test(test_mixture_kl),
        cmocka_unit_test(test_mixture_of_equals),
        cmocka_unit_test(test_gradients_of_equals),
        cmocka_unit_test(test_far_away),
        cmocka_unit_test(test_draws_by_part),
        cmocka_unit_test(test_set_dev),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
