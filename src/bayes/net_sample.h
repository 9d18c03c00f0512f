// SPDX-License-Identifier: Apache-2.0
// Predictions in floating point, many images at a time.
#ifndef BH_BAYES_NET_SAMPLE_H
#define BH_BAYES_NET_SAMPLE_H

#include "bayes/real.h"
#include "bayhenn/pool.h"
#include "data/images.h"
#include "model/model.h"

// Networks of one graph: [members] pointers to means and deviations in the order of
// bayes/tape.h. devs NULL, or one of them: deviations of zero.
typedef struct bh_networks {
    const bh_graph *graph;
    uint32_t members;
    const bh_real *const *means, *const *devs;
} bh_networks;

// logits: [count][samples][classes] of the images from `first` on, divided by the
// graph's temperature; first is a multiple of BH_NET_SAMPLE_CHUNK. Sample s is of
// member s % members; its weights are drawn anew for every BH_NET_SAMPLE_CHUNK images,
// from the seed and their place. The same whatever the pool. Errors: BH_ERR_NOMEM.
#define BH_NET_SAMPLE_CHUNK 64
bh_status bh_networks_sample(const bh_networks *networks, float *logits,
                             const bh_images *images, size_t first, size_t count,
                             uint32_t samples, uint64_t seed,
                             bh_pool *pool) BH_MUST_CHECK;

// The same for a model.
bh_status bh_net_sample(const bh_model *m, float *logits, const bh_images *images,
                        size_t first, size_t count, uint32_t samples, uint64_t seed,
                        bh_pool *pool) BH_MUST_CHECK;

#endif
