// SPDX-License-Identifier: Apache-2.0
#include "bayes/net_sample.h"

#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "bayes/augment.h"
#include "bayes/tape.h"

#define CHUNK        BH_NET_SAMPLE_CHUNK
#define CHUNK_BLOCKS (CHUNK / BH_LANES)

// What one thread computes with.
typedef struct room {
    bh_tape tape;
    bh_real *inputs; // of the blocks of a chunk
    bh_real *noise, *weights;
    uint8_t *pixels;
    float *real;
} room;

typedef struct job {
    const bh_networks *networks;
    float *logits;
    const bh_images *images;
    size_t first, count;
    uint32_t samples;
    uint64_t seed;
    room *rooms; // of every thread
} job;

static size_t input_len(const bh_graph *g)
{
    return bh_shape_len(g->input.shape) * BH_LANES;
}

static void room_clear(room *r)
{
    bh_tape_clear(&r->tape);
    bh_free(r->inputs);
    bh_free(r->noise);
    bh_free(r->weights);
    bh_free(r->pixels);
    bh_free(r->real);
}

static bh_status room_init(room *r, const bh_graph *g)
{
    bh_status status = bh_tape_init(&r->tape, g, false);
    if (status != BH_OK) {
        return status;
    }
    const size_t n = r->tape.n_params;
    r->inputs = bh_alloc(CHUNK_BLOCKS * input_len(g), sizeof *r->inputs);
    r->noise = bh_alloc(bh_noise_len(n), sizeof *r->noise);
    r->weights = bh_alloc(n, sizeof *r->weights);
    r->pixels = bh_alloc(bh_shape_len(g->input.shape), 1);
    r->real = bh_alloc(bh_shape_len(g->input.shape), sizeof *r->real);
    bool ok = r->inputs != NULL && r->noise != NULL && r->weights != NULL &&
              r->pixels != NULL && r->real != NULL;
    return ok ? BH_OK : BH_ERR_NOMEM;
}

static const bh_real *draw(const job *j, room *r, size_t chunk, uint32_t sample)
{
    const bh_networks *nets = j->networks;
    const uint32_t member = sample % nets->members;
    const bh_real *mean = nets->means[member];
    const bh_real *dev = nets->devs != NULL ? nets->devs[member] : NULL;
    if (dev == NULL) {
        return mean;
    }
    const bh_train_kernels *k = r->tape.scratch.kernels;
    const size_t n = r->tape.n_params;
    bh_noise noise = bh_noise_make(
        bh_train_seed(j->seed, BH_PURPOSE_CHUNK, j->first / CHUNK + chunk, sample));
    k->normals(&noise, r->noise, bh_noise_len(n));
    memcpy(r->weights, mean, n * sizeof *mean);
    k->multiply_add(r->weights, 1, dev, r->noise, n);
    return r->weights;
}

static void store(const job *j, const room *r, size_t at, size_t count, uint32_t sample)
{
    const bh_graph *g = j->networks->graph;
    const bh_real *logits = r->tape.value[g->n_layers];
    const double factor = 1 / g->temperature;
    for (size_t i = 0; i < count; i++) {
        float *to = j->logits + ((at + i) * j->samples + sample) * g->n_classes;
        for (size_t c = 0; c < g->n_classes; c++) {
            to[c] = (float)((double)logits[c * BH_LANES + i] * factor);
        }
    }
}

static bh_status run_chunk(void *arg, size_t chunk, uint32_t worker)
{
    const job *j = arg;
    room *r = &j->rooms[worker];
    const bh_graph *g = j->networks->graph;
    const size_t begin = chunk * CHUNK;
    const size_t count = j->count - begin < CHUNK ? j->count - begin : CHUNK;
    for (size_t i = 0; i < count; i++) {
        bh_augment_image(r->inputs + i / BH_LANES * input_len(g), i % BH_LANES, g,
                         j->images, j->first + begin + i, NULL, NULL, r->pixels,
                         r->real);
    }
    for (uint32_t s = 0; s < j->samples; s++) {
        const bh_real *weights = draw(j, r, chunk, s);
        for (size_t at = 0; at < count; at += BH_LANES) {
            memcpy(r->tape.value[0], r->inputs + at / BH_LANES * input_len(g),
                   input_len(g) * sizeof *r->inputs);
            bh_tape_forward(&r->tape, BH_PASS_POINT, weights, NULL);
            store(j, r, begin + at, count - at < BH_LANES ? count - at : BH_LANES, s);
        }
    }
    return BH_OK;
}

bh_status bh_networks_sample(const bh_networks *networks, float *logits,
                             const bh_images *images, size_t first, size_t count,
                             uint32_t samples, uint64_t seed, bh_pool *pool)
{
    const uint32_t threads = bh_pool_threads(pool);
    job j = {networks, logits, images, first, count, samples, seed, NULL};
    j.rooms = bh_alloc(threads, sizeof *j.rooms);
    bh_status status = j.rooms != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < threads && status == BH_OK; i++) {
        status = room_init(&j.rooms[i], networks->graph);
    }
    if (status == BH_OK) {
        status = bh_pool_run(pool, (count + CHUNK - 1) / CHUNK, run_chunk, &j);
    }
    for (uint32_t i = 0; i < threads && j.rooms != NULL; i++) {
        room_clear(&j.rooms[i]);
    }
    bh_free(j.rooms);
    return status;
}

// The posteriors of all members as vectors.
static bh_status sample_members(const bh_model *m, bh_real *vectors, size_t stride,
                                float *logits, const bh_images *images, size_t first,
                                size_t count, uint32_t samples, uint64_t seed,
                                bh_pool *pool)
{
    const bh_real *means[BH_MODEL_MEMBERS_MAX], *devs[BH_MODEL_MEMBERS_MAX];
    bool random = false;
    for (uint32_t k = 0; k < m->members; k++) {
        bh_real *mean = vectors + 2 * k * stride, *dev = mean + stride;
        means[k] = mean;
        devs[k] = dev;
        for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
            const bh_posterior *p = bh_model_posterior(m, k, i);
            for (size_t j = 0; j < p->n_weights + p->n_bias; j++) {
                *mean++ = p->mean[j];
                *dev++ = p->dev[j];
                random = random || p->dev[j] > 0;
            }
        }
    }
    const bh_networks nets = {&m->graph, m->members, means, random ? devs : NULL};
    return bh_networks_sample(&nets, logits, images, first, count, samples, seed, pool);
}

bh_status bh_net_sample(const bh_model *m, float *logits, const bh_images *images,
                        size_t first, size_t count, uint32_t samples, uint64_t seed,
                        bh_pool *pool)
{
    const size_t n = bh_graph_params_len(&m->graph);
    const size_t stride = (n + BH_LANES - 1) / BH_LANES * BH_LANES; // aligned
    bh_real *vectors = bh_alloc(2 * m->members * stride, sizeof *vectors);
    if (vectors == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = sample_members(m, vectors, stride, logits, images, first, count,
                                      samples, seed, pool);
    bh_free(vectors);
    return status;
}
