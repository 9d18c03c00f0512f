// SPDX-License-Identifier: Apache-2.0
#include "bayes/run.h"

#include <math.h>

#include "base/memory.h"

// A deviation of zero has no logarithm; this one is as good as none.
#define DEV_MIN 1e-12

bh_status bh_train_run_init(bh_train_run *r, bh_model *m, const bh_images *images,
                            const bh_train_options *options)
{
    *r = (bh_train_run){
        .model = m, .images = images, .options = options, .best_loss = INFINITY};
    bh_status status = bh_trainer_init(&r->trainer, &m->graph, images, options);
    if (status == BH_OK && options->patience > 0) {
        r->best_mean = bh_alloc(r->trainer.posterior.len, sizeof *r->best_mean);
        r->best_rho = bh_alloc(r->trainer.posterior.len, sizeof *r->best_rho);
        if (r->best_mean == NULL || r->best_rho == NULL) {
            status = BH_ERR_NOMEM;
        }
    }
    return status;
}

void bh_train_run_clear(bh_train_run *r)
{
    bh_trainer_clear(&r->trainer);
    bh_free(r->best_mean);
    bh_free(r->best_rho);
    *r = (bh_train_run){0};
}

uint64_t bh_train_run_steps(const bh_train_run *r)
{
    return (r->images->count + r->options->batch - 1) / r->options->batch;
}

void bh_train_run_store(const bh_train_run *r, bh_model *m, uint32_t member)
{
    const bh_variational *v = &r->trainer.posterior;
    size_t at = 0;
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        bh_posterior *to = bh_model_posterior(m, member, i);
        for (size_t j = 0; j < to->n_weights + to->n_bias; j++, at++) {
            to->mean[j] = (float)v->mean[at];
            to->dev[j] = r->options->bayesian ? (float)v->dev[at] : 0;
        }
    }
}

void bh_train_run_load(bh_train_run *r, const bh_model *m, uint32_t member)
{
    bh_variational *v = &r->trainer.posterior;
    size_t at = 0;
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        const bh_posterior *from = bh_model_posterior(m, member, i);
        for (size_t j = 0; j < from->n_weights + from->n_bias; j++, at++) {
            v->mean[at] = from->mean[j];
            v->rho[at] = (bh_real)log(fmax((double)from->dev[j], DEV_MIN));
        }
    }
}
