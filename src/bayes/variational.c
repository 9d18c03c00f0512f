// SPDX-License-Identifier: Apache-2.0
#include "bayes/variational.h"

#include <string.h>
#include <tgmath.h>

#include "base/memory.h"

bh_status bh_variational_init(bh_variational *v, size_t len)
{
    *v = (bh_variational){.len = len};
    bh_real **parts[] = {&v->mean,  &v->rho,   &v->dev,    &v->slope,
                         &v->noise, &v->drawn, &v->d_mean, &v->d_rho};
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
    bh_free(v->slope);
    bh_free(v->noise);
    bh_free(v->drawn);
    bh_free(v->d_mean);
    bh_free(v->d_rho);
    *v = (bh_variational){0};
}

void bh_variational_set_dev(bh_variational *v, double share, double dev_min)
{
    for (size_t i = 0; i < v->len; i++) {
        double dev = fmax(share * fabs((double)v->mean[i]), dev_min);
        v->rho[i] = (bh_real)log(expm1(dev));
    }
    bh_variational_refresh(v);
}

void bh_variational_refresh(bh_variational *v)
{
    for (size_t i = 0; i < v->len; i++) {
        // Only exponentials of negative numbers, which cannot overflow.
        bh_real r = v->rho[i], e = exp(-fabs(r));
        v->dev[i] = (r > 0 ? r : 0) + log1p(e);
        v->slope[i] = (r > 0 ? 1 : e) / (1 + e);
    }
}

void bh_variational_draw(bh_variational *v, bh_train_rng *rng)
{
    bh_train_rng_normals(rng, v->noise, v->len);
    for (size_t i = 0; i < v->len; i++) {
        v->drawn[i] = v->mean[i] + v->dev[i] * v->noise[i];
    }
}

void bh_variational_start(bh_variational *v)
{
    memset(v->d_mean, 0, v->len * sizeof *v->d_mean);
    memset(v->d_rho, 0, v->len * sizeof *v->d_rho);
}

void bh_variational_add(bh_variational *v, const bh_real *d_drawn)
{
    for (size_t i = 0; i < v->len; i++) {
        v->d_mean[i] += d_drawn[i];
        v->d_rho[i] += d_drawn[i] * v->noise[i];
    }
}

void bh_variational_finish(bh_variational *v, double prior_dev, double kl_scale)
{
    const bh_real pull = (bh_real)(kl_scale / (prior_dev * prior_dev));
    const bh_real push = (bh_real)kl_scale;
    for (size_t i = 0; i < v->len; i++) {
        bh_real dev = v->dev[i], slope = v->slope[i];
        v->d_mean[i] += pull * v->mean[i];
        v->d_rho[i] = (v->d_rho[i] + pull * dev) * slope;
        // The part of log(p / dev): slope / dev tends to 1 as both vanish.
        v->d_rho[i] -= dev > 0 ? push * (slope / dev) : push;
    }
}

double bh_variational_kl(const bh_variational *v, double prior_dev)
{
    const double variance = prior_dev * prior_dev;
    double sum = 0;
    for (size_t i = 0; i < v->len; i++) {
        double m = (double)v->mean[i], d = (double)v->dev[i];
        sum += log(prior_dev / d) + (d * d + m * m) / (2 * variance) - 0.5;
    }
    return sum;
}
