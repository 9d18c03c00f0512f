// SPDX-License-Identifier: Apache-2.0
// A model's inside: float posterior, and the integer posterior that inference uses.
#ifndef BH_MODEL_MODEL_H
#define BH_MODEL_MODEL_H

#include "bayhenn/model.h"
#include "model/graph.h"

// Posterior of one linear layer in reals: weights first, then biases.
typedef struct bh_posterior {
    size_t n_weights, n_bias;
    float *mean, *dev; // n_weights + n_bias each; dev >= 0
} bh_posterior;

// How the data was cut that the model was trained on (bh_cut in data/dataset.h): what
// it has not seen, for evaluation. It is no part of the graph, which clients are sent.
typedef struct bh_model_cut {
    bool stated;          // false: nothing is known, and all else is zero
    uint32_t folds, fold; // folds 0: the data's own parts, or the default ones
    double validation;
    uint64_t seed;
} bh_model_cut;

#define BH_MODEL_MEMBERS_MAX 64

// An equal mixture of members, which share the graph and its quantisation: an ensemble
// of point networks, all deviations zero, or of Bayesian ones. Sample s of an inference
// is drawn from member s mod members, in all of its layers.
struct bh_model {
    bh_graph graph;
    bh_model_cut cut;
    uint32_t members;                 // 1 .. BH_MODEL_MEMBERS_MAX
    bh_posterior *posterior;          // [members][linear layers]
    struct bh_int_posterior *integer; // the same, if graph.quantised; or NULL
};

// Of linear layer i, those that sample `sample` is drawn from; a member's number is a
// sample's too.
bh_posterior *bh_model_posterior(const bh_model *m, uint32_t sample, uint32_t i);
struct bh_int_posterior *bh_model_integer(const bh_model *m, uint32_t sample,
                                          uint32_t i);

// An unquantised model of this graph with all means and deviations zero.
// BH_ERR_ENCODING if bh_graph_check refuses the graph, BH_ERR_ARG for a number of
// members out of range, BH_ERR_NOMEM.
bh_status bh_model_new(bh_model **out, const bh_graph *graph,
                       uint32_t members) BH_MUST_CHECK;

// Model file in memory; `name` is what errors call it.
bh_status bh_model_write(const bh_model *m, bh_writer *w) BH_MUST_CHECK;
bh_status bh_model_read(bh_model **out, const void *data, size_t len, const char *name,
                        bh_error *err) BH_MUST_CHECK;

// Chooses every scale, shift and range of the graph from the posteriors of all members
// and from calibration inputs (count normalised tensors), then builds the integer
// posteriors.
// Weights to weight_bits (2..8), activations to act_bits (2..8).
// BH_ERR_RANGE with a sentence that names the layer if a bound does not fit or a number
// is not finite, BH_ERR_ARG, BH_ERR_NOMEM; the model is then unchanged.
// Not constant time in the posterior: it runs where models are made, not per query.
bh_status bh_model_quantise(bh_model *m, const float *inputs, size_t count,
                            unsigned weight_bits, unsigned act_bits,
                            bh_error *err) BH_MUST_CHECK;

#endif
