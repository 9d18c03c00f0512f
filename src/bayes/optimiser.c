// SPDX-License-Identifier: Apache-2.0
#include "bayes/optimiser.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

bh_status bh_optimiser_init(bh_optimiser *o, const bh_optimiser *settings, size_t len)
{
    *o = *settings;
    o->len = len;
    o->steps = 0;
    o->first = bh_alloc(len, sizeof(bh_real));
    o->second = o->is_sgd ? NULL : bh_alloc(len, sizeof(bh_real));
    if (o->first == NULL || (o->second == NULL && !o->is_sgd)) {
        bh_optimiser_clear(o);
        return BH_ERR_NOMEM;
    }
    return BH_OK;
}

void bh_optimiser_clear(bh_optimiser *o)
{
    bh_free(o->first);
    bh_free(o->second);
    *o = (bh_optimiser){0};
}

void bh_optimiser_reset(bh_optimiser *o)
{
    o->steps = 0;
    memset(o->first, 0, o->len * sizeof *o->first);
    if (o->second != NULL) {
        memset(o->second, 0, o->len * sizeof *o->second);
    }
}

// Adam's corrections for moments that started from zero are folded into the constants.
void bh_optimiser_begin(bh_optimiser *o, double rate)
{
    const double beta1 = 0.9, beta2 = 0.999, t = (double)++o->steps;
    const double root = sqrt(1 - pow(beta2, t));
    o->now = (bh_adam_constants){.beta1 = (bh_real)(o->is_sgd ? o->momentum : beta1),
                                 .beta2 = (bh_real)beta2,
                                 .step = (bh_real)rate,
                                 .floor = (bh_real)(1e-8 * root),
                                 .decay = (bh_real)(rate * o->decay)};
    if (!o->is_sgd) {
        o->now.step = (bh_real)(rate * root / (1 - pow(beta1, t)));
    }
}

void bh_optimiser_part(bh_optimiser *o, const bh_train_kernels *k, bh_real *x,
                       const bh_real *gradient, size_t first, size_t len)
{
    if (!o->is_sgd) {
        k->adam(&o->now, x + first, o->first + first, o->second + first,
                gradient + first, len);
        return;
    }
    for (size_t i = first; i < first + len; i++) {
        o->first[i] = o->now.beta1 * o->first[i] + gradient[i];
        x[i] -= o->now.step * o->first[i] + o->now.decay * x[i];
    }
}
