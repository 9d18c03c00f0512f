// SPDX-License-Identifier: Apache-2.0
#include "model/synthetic.h"
#include "base/mix.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define CLASSES 10
#define IMAGES  16 // for calibration
// Mean and deviation of MNIST's training pixels; of every channel, since only
// magnitudes matter.
#define PIXEL_MEAN 0.1307f
#define PIXEL_DEV  0.3081f
#define TWO_PI     6.283185307179586

static uint64_t next(uint64_t *state)
{
    uint64_t z = bh_mix(*state);
    *state += BH_MIX_STEP;
    return z;
}

// In (0, 1).
static double unit(uint64_t *state)
{
    return ((double)(next(state) >> 12) + 0.5) * 0x1p-52;
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(unit(state)));
    return radius * cos(TWO_PI * unit(state));
}

static void fill_posterior(bh_model *m, uint64_t *state)
{
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        bh_posterior *p = bh_model_posterior(m, 0, i);
        double scale = sqrt(2.0 * (double)p->n_bias / (double)p->n_weights);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] = k < p->n_weights ? (float)(scale * normal(state)) : 0;
            p->dev[k] = (float)(0.1 * scale);
        }
    }
}

static bh_status quantise(bh_model *m, uint64_t *state, bh_error *err)
{
    size_t count = IMAGES * bh_model_input_len(m);
    float *inputs = bh_alloc(count, sizeof *inputs);
    if (inputs == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i] = ((float)unit(state) - PIXEL_MEAN) / PIXEL_DEV;
    }
    bh_status status = bh_model_quantise(m, inputs, IMAGES, 8, 8, err);
    bh_free(inputs);
    return status;
}

static bh_status make(bh_model **out, bh_graph *graph, const char *net, uint64_t seed,
                      bh_error *err)
{
    bh_input input = {0};
    bh_model *m = NULL;
    bh_status status = bh_graph_named_shape(&input.shape, net, err);
    for (uint32_t c = 0; c < input.shape.channels; c++) {
        input.mean[c] = PIXEL_MEAN;
        input.dev[c] = PIXEL_DEV;
    }
    if (status == BH_OK) {
        status = bh_graph_named(graph, net, input, CLASSES, err);
    }
    if (status != BH_OK) {
        return status;
    }
    memcpy(graph->dataset, "synthetic", sizeof "synthetic");
    status = bh_model_new(&m, graph, 1);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    fill_posterior(m, &seed);
    status = quantise(m, &seed, err);
    if (status != BH_OK) {
        bh_model_free(m);
        return status;
    }
    *out = m;
    return BH_OK;
}

bh_status bh_model_synthetic(bh_model **out, const char *net, uint64_t seed,
                             bh_error *err)
{
    *out = NULL;
    bh_graph *graph = bh_alloc(1, sizeof *graph); // 40 kB: not for the stack
    if (graph == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = make(out, graph, net, seed, err);
    bh_free(graph);
    return status;
}
