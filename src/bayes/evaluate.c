// SPDX-License-Identifier: Apache-2.0
#include "bayes/evaluate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "model/input.h"

#define THREADS_MAX 64

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

typedef struct shared {
    const bh_evaluation *job;
    pthread_t reporter; // the only thread that reports progress
    atomic_size_t next; // the first image that nobody took
    atomic_size_t done;
    atomic_int status;
} shared;

static bh_status evaluate_one(const bh_evaluation *job, float *input, double *logits,
                              size_t i)
{
    uint8_t seed[BH_SEED_BYTES];
    const bh_graph *graph = &job->model->graph;
    bh_status status = seed_of(seed, job->seed, i);
    if (status != BH_OK) {
        return status;
    }
    bh_normalise_pixels(graph, input,
                        job->images->pixels + i * bh_shape_len(graph->input.shape));
    status = bh_model_infer_clear(job->model, logits, input, job->samples, seed);
    if (status == BH_OK) {
        (void)bh_predict_from_logits(job->probabilities + i * graph->n_classes, logits,
                                     job->samples, graph->n_classes);
    }
    return status;
}

static void *work(void *argument)
{
    shared *s = argument;
    const bh_evaluation *job = s->job;
    float *input = bh_alloc(bh_model_input_len(job->model), sizeof *input);
    double *logits =
        bh_alloc((size_t)job->samples * bh_model_classes(job->model), sizeof *logits);
    bh_status status = input == NULL || logits == NULL ? BH_ERR_NOMEM : BH_OK;
    while (status == BH_OK && atomic_load(&s->status) == BH_OK) {
        size_t i = atomic_fetch_add(&s->next, 1);
        if (i >= job->count) {
            break;
        }
        status = evaluate_one(job, input, logits, i);
        atomic_fetch_add(&s->done, 1);
        if (job->on_progress != NULL && pthread_equal(pthread_self(), s->reporter)) {
            job->on_progress(job->user, atomic_load(&s->done));
        }
    }
    if (status != BH_OK) {
        atomic_store(&s->status, status);
    }
    bh_free(input);
    bh_free(logits);
    return NULL;
}

bh_status bh_evaluate(const bh_evaluation *job)
{
    pthread_t threads[THREADS_MAX];
    shared s = {.job = job, .reporter = pthread_self()};
    unsigned wanted = job->threads < THREADS_MAX ? job->threads : THREADS_MAX;
    unsigned started = 0;
    while (started + 1 < wanted &&
           pthread_create(&threads[started], NULL, work, &s) == 0) {
        started++;
    }
    work(&s);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return (bh_status)atomic_load(&s.status);
}
