// SPDX-License-Identifier: Apache-2.0
#include "bayes/variational.h"

#include <math.h>

#include "base/memory.h"
#include "bayes/rng.h"

// Draws are made for as many parameters at a time.
#define NOISE_LEN (32 * BH_LANES)

bh_status bh_variational_init(bh_variational *v, size_t len)
{
    *v = (bh_variational){.len = len};
    bh_real **parts[] = {&v->mean, &v->rho, &v->dev, &v->d_mean, &v->d_rho};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] = bh_alloc(len, sizeof(bh_real));
        if (*parts[i] == NULL) {
            bh_variational_clear(v);
            return BH_ERR_NOMEM;
        }
    }
    return BH_OK;
}

void bh_variational_clear(bh_variational *v)
{
    bh_free(v->mean);
    bh_free(v->rho);
    bh_free(v->dev);
    bh_free(v->d_mean);
    bh_free(v->d_rho);
    *v = (bh_variational){0};
}

void bh_variational_set_dev(bh_variational *v, double share, double dev_min)
{
    for (size_t i = 0; i < v->len; i++) {
        double dev = fmax(share * fabs((double)v->mean[i]), dev_min);
        v->rho[i] = (bh_real)log(dev);
        v->dev[i] = (bh_real)dev;
    }
}

void bh_variational_refresh(bh_variational *v, const bh_train_kernels *k, size_t first,
                            size_t len)
{
    k->exponentials(v->dev + first, v->rho + first, len);
}

// -log p(w) of a scale mixture and its derivative, both from logarithms of the two
// parts' densities, so that neither may vanish.
static double mixture_loss(double *slope, const bh_prior *p, double w)
{
    const double a = log(p->share / p->dev) - w * w / (2 * p->dev * p->dev);
    const double b = log((1 - p->share) / p->dev2) - w * w / (2 * p->dev2 * p->dev2);
    const double most = fmax(a, b), sum = exp(a - most) + exp(b - most);
    const double part = exp(a - most) / sum;
    *slope = w * (part / (p->dev * p->dev) + (1 - part) / (p->dev2 * p->dev2));
    return 0.9189385332046727 - most - log(sum); // log(2 pi) / 2
}

static void finish_gaussian(bh_variational *v, const bh_prior *prior, double kl_scale,
                            size_t first, size_t len)
{
    const bh_real pull = (bh_real)(kl_scale / (prior->dev * prior->dev));
    const bh_real push = (bh_real)kl_scale;
    for (size_t i = first; i < first + len; i++) {
        v->d_mean[i] += pull * v->mean[i];
        v->d_rho[i] = (v->d_rho[i] + pull * v->dev[i]) * v->dev[i] - push;
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void finish_mixture(bh_variational *v, const bh_train_kernels *k,
                           const bh_prior *prior, double kl_scale, uint64_t seed,
                           size_t first, size_t len)
{
    bh_noise noise = bh_noise_make(bh_train_seed(seed, BH_PURPOSE_PRIOR, first, 0));
    _Alignas(BH_ALIGNMENT) bh_real e[NOISE_LEN];
    for (size_t at = 0; at < len; at++) {
        if (at % NOISE_LEN == 0) {
            k->normals(&noise, e, NOISE_LEN);
        }
        const size_t i = first + at;
        const double d = (double)v->dev[i], z = (double)e[at % NOISE_LEN];
        double slope;
        (void)mixture_loss(&slope, prior, (double)v->mean[i] + d * z);
        v->d_mean[i] += (bh_real)(kl_scale * slope);
        v->d_rho[i] =
            (bh_real)(((double)v->d_rho[i] + kl_scale * slope * z) * d - kl_scale);
    }
}

void bh_variational_finish(bh_variational *v, const bh_train_kernels *k,
                           const bh_prior *prior, double kl_scale, uint64_t seed,
                           size_t first, size_t len)
{
    if (prior->mixture) {
        finish_mixture(v, k, prior, kl_scale, seed, first, len);
    } else {
        finish_gaussian(v, prior, kl_scale, first, len);
    }
}

static double kl_gaussian(const bh_variational *v, const bh_prior *prior)
{
    const double variance = prior->dev * prior->dev;
    double sum = 0;
    for (size_t i = 0; i < v->len; i++) {
        double m = (double)v->mean[i], d = (double)v->dev[i];
        sum += log(prior->dev) - (double)v->rho[i] + (d * d + m * m) / (2 * variance) -
               0.5;
    }
    return sum;
}

double bh_variational_kl(const bh_variational *v, const bh_train_kernels *k,
                         const bh_prior *prior, uint64_t seed, uint32_t draws)
{
    if (!prior->mixture) {
        return kl_gaussian(v, prior);
    }
    bh_noise noise = bh_noise_make(bh_train_seed(seed, BH_PURPOSE_PRIOR, 0, 1));
    _Alignas(BH_ALIGNMENT) bh_real e[NOISE_LEN];
    double sum = 0;
    for (size_t first = 0; first < v->len; first += NOISE_LEN) {
        for (uint32_t s = 0; s < draws; s++) {
            k->normals(&noise, e, NOISE_LEN);
            for (size_t i = 0; i < smaller(NOISE_LEN, v->len - first); i++) {
                const double m = (double)v->mean[first + i], z = (double)e[i];
                const double d = (double)v->dev[first + i];
                double slope;
                sum += mixture_loss(&slope, prior, m + d * z) / draws;
                sum -= ((double)v->rho[first + i] + 1.4189385332046727) / draws;
            }
        }
    }
    return sum;
}
