// SPDX-License-Identifier: Apache-2.0
// Post-training quantisation. Requantisation is a right shift by f, so the scales of
// neighbouring layers are tied: x_scale' = segment_scale * 2^f. The activations' scales
// come from calibration; the weights' scale of the layer in front is then chosen so
// that the equation holds exactly, with the largest f for which its weights still fit.
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/integer.h"
#include "model/reals.h"

// Calibration sees few images and only the posterior mean: room above its maximum.
#define HEADROOM 1.1
// The grid reaches to the largest |mean| + 3 dev of the layer; draws beyond are
// clamped.
#define WEIGHT_DEVIATIONS 3

static bh_status range_error(bh_error *err, const bh_graph *g, uint32_t i,
                             const char *problem)
{
    uint32_t at = bh_graph_linear_index(g, i);
    return bh_fail(err, BH_ERR_RANGE, "layer %u (%s): %s", at + 1,
                   bh_layer_kind_name(g->layers[at].kind), problem);
}

// What calibration saw of all members.
typedef struct range {
    double maxima[BH_GRAPH_LAYERS_MAX]; // largest |input| of each linear layer
    double least, largest;              // input of the network, and 0
} range;

// One tensor through one member. buffers: two tensors. NaN counts as infinite, so that
// it is noticed afterwards.
static void observe(range *seen, const bh_model *m, uint32_t member, const float *input,
                    float *buffers[2])
{
    double *maxima = seen->maxima;
    const float *in = input;
    for (uint32_t at = 0, i = 0; at < m->graph.n_layers; at++) {
        const bh_layer *layer = &m->graph.layers[at];
        const float *parameters = NULL;
        if (bh_layer_is_linear(layer)) {
            size_t len = bh_shape_len(layer->in);
            for (size_t k = 0; k < len; k++) {
                double v = isnan(in[k]) ? INFINITY : fabs((double)in[k]);
                maxima[i] = fmax(maxima[i], v);
            }
            parameters = bh_model_posterior(m, member, i++)->mean;
        }
        float *out = buffers[at % 2];
        bh_reals_layer(layer, out, in, parameters);
        in = out;
    }
}

static bh_status calibrate(range *seen, const bh_model *m, const float *inputs,
                           size_t count)
{
    const size_t len = bh_model_input_len(m);
    size_t longest = len;
    for (uint32_t i = 0; i < m->graph.n_layers; i++) {
        size_t out = bh_shape_len(m->graph.layers[i].out);
        longest = out > longest ? out : longest;
    }
    for (size_t k = 0; k < count * len; k++) {
        seen->least = fmin(seen->least, (double)inputs[k]);
        seen->largest = fmax(seen->largest, (double)inputs[k]);
    }
    float *buffers[2] = {bh_alloc(longest, sizeof(float)),
                         bh_alloc(longest, sizeof(float))};
    bh_status status = buffers[0] != NULL && buffers[1] != NULL ? BH_OK : BH_ERR_NOMEM;
    for (size_t i = 0; i < count && status == BH_OK; i++) {
        for (uint32_t member = 0; member < m->members; member++) {
            observe(seen, m, member, inputs + i * len, buffers);
        }
    }
    bh_free(buffers[0]);
    bh_free(buffers[1]);
    return status;
}

// The scale and range of the first layer's inputs, from the reals that pixels 0 and 255
// become or, where an image's own mean and deviation decide that, from calibration.
// Zero belongs to the range, since padding is the integer 0. The span of at most
// 2^act_bits - 1 steps keeps both ends within BH_INPUT_MAX.
static void quantise_pixels(bh_quant *q, const bh_input *in, const range *seen,
                            unsigned act_bits)
{
    bool fixed = in->normalise == BH_NORMALISE_FIXED;
    double lo = fixed ? 0 : seen->least * HEADROOM;
    double hi = fixed ? 0 : seen->largest * HEADROOM;
    for (uint32_t c = 0; c < in->shape.channels && fixed; c++) {
        double mean = (double)in->mean[c], dev = (double)in->dev[c];
        lo = fmin(lo, -mean / dev);
        hi = fmax(hi, (1 - mean) / dev);
    }
    hi = hi > lo ? hi : 1; // where every calibration input is zero
    q->x_scale = (hi - lo) / ((1 << act_bits) - 1);
    q->x_lo = (int32_t)lround(lo / q->x_scale);
    q->x_hi = (int32_t)lround(hi / q->x_scale);
    q->x_hi = q->x_hi < 1 ? 1 : q->x_hi; // where every pixel is below zero
}

static bool is_nonnegative(const bh_graph *g, uint32_t i)
{
    bool seen = false;
    for (uint32_t at = bh_graph_linear_index(g, i) + 1;
         !bh_layer_is_linear(&g->layers[at]); at++) {
        seen |= g->layers[at].kind == BH_LAYER_RELU ||
                g->layers[at].kind == BH_LAYER_SQUARE;
    }
    return seen; // pools keep the sign
}

// The wanted range and scale of the inputs of linear layer i > 0.
static void quantise_activations(bh_quant *q, double max, bool nonnegative,
                                 unsigned act_bits)
{
    q->x_hi = nonnegative ? (1 << act_bits) - 1 : (1 << (act_bits - 1)) - 1;
    q->x_lo = nonnegative ? 0 : -q->x_hi;
    q->x_scale = (max > 0 ? max * HEADROOM : 1) / q->x_hi;
}

// The smallest scale at which the weights of linear layer i fit, in every member;
// 1 / w_max if all are zero.
static double least_w_scale(const bh_model *m, uint32_t i, uint32_t w_max)
{
    double largest = 0;
    for (uint32_t member = 0; member < m->members; member++) {
        const bh_posterior *p = bh_model_posterior(m, member, i);
        for (size_t k = 0; k < p->n_weights; k++) {
            double v = fabs((double)p->mean[k]) + WEIGHT_DEVIATIONS * (double)p->dev[k];
            largest = fmax(largest, v);
        }
    }
    return (largest > 0 ? largest : 1) / w_max;
}

// Ties layer i to the next one. With p = 2^(squares in the segment) its values have the
// scale A w_scale^p; wanted is A w_scale^p 2^f = x_scale' with w_scale >= least.
static void tie_scales(bh_graph *g, uint32_t i, double least)
{
    bh_quant *q = &g->layers[bh_graph_linear_index(g, i)].quant;
    uint32_t at = bh_graph_linear_index(g, i) + 1;
    double power = 1;
    for (; !bh_layer_is_linear(&g->layers[at]); at++) {
        power *= g->layers[at].kind == BH_LAYER_SQUARE ? 2 : 1;
    }
    bh_quant *next = &g->layers[at].quant;
    q->w_scale = 1;
    double ratio = next->x_scale / bh_graph_segment_scale(g, i);
    double shift = floor(log2(ratio / pow(least, power)));
    if (!(shift >=
          0)) { // coarser than wanted even without a shift: the next scale gives
        q->w_scale = least;
        next->shift = 0;
        next->x_scale = bh_graph_segment_scale(g, i);
        return;
    }
    next->shift = shift < BH_SHIFT_MAX ? (uint32_t)shift : BH_SHIFT_MAX;
    q->w_scale = pow(ldexp(ratio, -(int)next->shift), 1 / power);
}

static bh_status choose_scales(bh_graph *g, const bh_model *m, const range *seen,
                               unsigned weight_bits, unsigned act_bits, bh_error *err)
{
    uint32_t n_linear = bh_graph_linear_count(g);
    uint32_t w_max = (1u << (weight_bits - 1)) - 1;
    for (uint32_t i = 0; i < n_linear; i++) {
        bh_quant *q = &g->layers[bh_graph_linear_index(g, i)].quant;
        if (!isfinite(seen->maxima[i])) {
            return range_error(err, g, i,
                               "calibration gives inputs that are not finite");
        }
        *q = (bh_quant){.w_max = w_max, .acc_max = 1};
        if (i == 0) {
            quantise_pixels(q, &g->input, seen, act_bits);
        } else {
            quantise_activations(q, seen->maxima[i], is_nonnegative(g, i - 1),
                                 act_bits);
        }
    }
    for (uint32_t i = 0; i < n_linear; i++) {
        double least = least_w_scale(m, i, w_max);
        if (i + 1 < n_linear) {
            tie_scales(g, i, least);
        } else {
            g->layers[bh_graph_linear_index(g, i)].quant.w_scale = least;
        }
    }
    return BH_OK;
}

// Rounded up to 2^k - 1: bh_quant says why.
static bh_status bound_accumulators(bh_graph *g, const bh_int_posterior *integer,
                                    uint32_t members, bh_error *err)
{
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        bh_layer *layer = &g->layers[bh_graph_linear_index(g, i)];
        // One more than the weights need: guard `sealed` may be off by one (he.h).
        uint64_t bound = bh_integer_bound(integer, members, g, i) + 1;
        uint64_t acc_max = 1;
        while (acc_max < bound) {
            acc_max = 2 * acc_max + 1;
        }
        if (acc_max > BH_ACC_MAX) {
            return range_error(err, g, i, "its accumulators could exceed 31 bits");
        }
        layer->quant.acc_max = acc_max;
    }
    return BH_OK;
}

// Everything that can fail, on a copy of the graph.
static bh_status quantise_graph(bh_graph *g, bh_int_posterior **integer,
                                const bh_model *m, const range *seen,
                                unsigned weight_bits, unsigned act_bits, bh_error *err)
{
    bh_status status = choose_scales(g, m, seen, weight_bits, act_bits, err);
    if (status == BH_OK) {
        status = bh_integer_new(integer, g, m->posterior, m->members, err);
    }
    if (status == BH_OK) {
        status = bound_accumulators(g, *integer, m->members, err);
    }
    if (status == BH_OK) {
        g->quantised = true;
        status = bh_graph_check(g, err);
    }
    if (status == BH_ERR_ENCODING) { // a scale or a segment's values do not fit
        status = BH_ERR_RANGE;
        if (err != NULL) {
            err->status = status;
        }
    }
    return status;
}

bh_status bh_model_quantise(bh_model *m, const float *inputs, size_t count,
                            unsigned weight_bits, unsigned act_bits, bh_error *err)
{
    if (count == 0 || weight_bits < 2 || weight_bits > 8 || act_bits < 2 ||
        act_bits > 8) {
        return bh_fail(err, BH_ERR_ARG,
                       "quantisation takes calibration inputs and 2 to 8 bits");
    }
    range seen = {0};
    bh_int_posterior *integer = NULL;
    uint32_t n_integer = m->members * bh_graph_linear_count(&m->graph);
    bh_graph *g = bh_alloc(1, sizeof *g);
    bh_status status = g != NULL ? calibrate(&seen, m, inputs, count) : BH_ERR_NOMEM;
    if (status != BH_OK) {
        bh_free(g);
        return bh_fail_plain(err, status);
    }
    *g = m->graph;
    status = quantise_graph(g, &integer, m, &seen, weight_bits, act_bits, err);
    if (status == BH_OK) {
        bh_integer_free(m->integer, n_integer);
        m->integer = integer;
        m->graph = *g;
    } else {
        bh_integer_free(integer, n_integer);
    }
    bh_free(g);
    return status;
}
