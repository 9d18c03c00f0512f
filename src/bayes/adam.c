// SPDX-License-Identifier: Apache-2.0
#include "bayes/adam.h"

#include <string.h>
#include <tgmath.h>

#include "base/memory.h"

bh_status bh_adam_init(bh_adam *a, size_t len)
{
    *a = (bh_adam){.len = len};
    a->first = bh_alloc(len, sizeof(bh_real));
    a->second = bh_alloc(len, sizeof(bh_real));
    if (a->first == NULL || a->second == NULL) {
        bh_adam_clear(a);
        return BH_ERR_NOMEM;
    }
    return BH_OK;
}

void bh_adam_clear(bh_adam *a)
{
    bh_free(a->first);
    bh_free(a->second);
    *a = (bh_adam){0};
}

void bh_adam_reset(bh_adam *a)
{
    a->steps = 0;
    memset(a->first, 0, a->len * sizeof *a->first);
    memset(a->second, 0, a->len * sizeof *a->second);
}

void bh_adam_step(bh_adam *a, bh_real *x, const bh_real *gradient, double rate)
{
    const double beta1 = 0.9, beta2 = 0.999;
    const double t = (double)++a->steps;
    // The corrections for moments that started from zero, folded into the constants.
    const double root = sqrt(1 - pow(beta2, t));
    const bh_real step = (bh_real)(rate * root / (1 - pow(beta1, t)));
    const bh_real floor = (bh_real)(1e-8 * root);
    const bh_real b1 = (bh_real)beta1, b2 = (bh_real)beta2;
    for (size_t i = 0; i < a->len; i++) {
        bh_real g = gradient[i];
        a->first[i] = b1 * a->first[i] + (1 - b1) * g;
        a->second[i] = b2 * a->second[i] + (1 - b2) * g * g;
        x[i] -= step * a->first[i] / (sqrt(a->second[i]) + floor);
    }
}
