// SPDX-License-Identifier: Apache-2.0
#include "bayes/evaluate.h"

#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/random.h"
#include "bayes/net_sample.h"
#include "model/input.h"

static bh_status seed_of(uint8_t out[BH_SEED_BYTES], uint64_t seed, uint64_t index)
{
    static const char label[] = "bayhenn eval";
    bh_writer w = {0};
    bh_writer_u64(&w, seed);
    bh_writer_u64(&w, index);
    bh_status status = w.status;
    if (status == BH_OK) {
        status = bh_hash(out, label, strlen(label), w.data, w.len);
    }
    bh_writer_clear(&w);
    return status;
}

static size_t image_logits(const bh_evaluation *job)
{
    return (size_t)job->samples * bh_model_classes(job->model);
}

static bh_status infer_image(const bh_evaluation *job, float *input, double *logits,
                             size_t i)
{
    uint8_t seed[BH_SEED_BYTES];
    const size_t pixels = bh_model_input_len(job->model), len = image_logits(job);
    bh_status status = seed_of(seed, job->seed, i);
    if (status == BH_OK) {
        bh_normalise_pixels(&job->model->graph, input,
                            job->images->pixels + i * pixels);
        status = bh_model_infer_clear(job->model, logits, input, job->samples, seed);
    }
    for (size_t j = 0; j < len && status == BH_OK; j++) {
        job->logits[i * len + j] = (float)logits[j];
    }
    return status;
}

typedef struct shared {
    const bh_evaluation *job;
    atomic_size_t done;
} shared;

static bh_status infer_task(void *arg, size_t i, uint32_t worker)
{
    shared *s = arg;
    const bh_evaluation *job = s->job;
    float *input = bh_alloc(bh_model_input_len(job->model), sizeof *input);
    double *logits = bh_alloc(image_logits(job), sizeof *logits);
    bh_status status = input != NULL && logits != NULL
                           ? infer_image(job, input, logits, i)
                           : BH_ERR_NOMEM;
    size_t done = atomic_fetch_add(&s->done, 1) + 1;
    // The caller is worker 0.
    if (worker == 0 && job->on_progress != NULL && status == BH_OK) {
        job->on_progress(job->user, done);
    }
    bh_free(input);
    bh_free(logits);
    return status;
}

bh_status bh_evaluate_quantised(const bh_evaluation *job)
{
    shared s = {.job = job};
    return bh_pool_run(job->pool, job->count, infer_task, &s);
}

bh_status bh_evaluate_float(const bh_evaluation *job)
{
    bh_status status = BH_OK;
    for (size_t first = 0, count; first < job->count && status == BH_OK;
         first += count) {
        count = job->count - first;
        count = count < BH_EVALUATE_CHUNK ? count : BH_EVALUATE_CHUNK;
        status = bh_net_sample(job->model, job->logits + first * image_logits(job),
                               job->images, first, count, job->samples, job->seed,
                               job->pool);
        if (status == BH_OK && job->on_progress != NULL) {
            job->on_progress(job->user, first + count);
        }
    }
    return status;
}
