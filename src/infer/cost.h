// SPDX-License-Identifier: Apache-2.0
// What a layer costs: times of operations, and from them the times of the stages that
// every sample of a layer goes through. docs/planner.md explains the model.
#ifndef BH_INFER_COST_H
#define BH_INFER_COST_H

#include "bayhenn/session.h"
#include "linear/choose.h"
#include "mpc/supplier.h"

// Nanoseconds on one thread. A place is a kept coefficient: an output of the layer.
typedef struct bh_cost {
    // At the client.
    double encrypt;       // an upload: packed, encrypted
    double decrypt;       // an answer,
    double decrypt_place; // and each of its places, up to the next layer's input
    // At the server.
    double load;         // an upload
    double weight;       // a weight: drawn, packed
    double product;      // a polynomial of weights: transformed, multiplied
    double answer;       // an answer: sanitised, switched, packed,
    double answer_place; // and each of its places
    // At either: a byte through TLS and the system.
    double byte;
    bool prepared; // the server finds weights and encryptions of zero made ahead
    uint32_t client_threads, server_threads; // at least 1
    bh_link link;
} bh_cost;

// One core with AVX-512 (docs/planner.md says which), one thread on either side, the
// default link: for plans that may not depend on the machine they are made on.
bh_cost bh_cost_default(void);

// How so many transfers a query are best made for this link (mpc/supplier.h).
bh_supplier_kind bh_cost_supplier(const bh_cost *cost, bh_supplier_batch batch);

// Nanoseconds of one random transfer, both parties together.
double bh_cost_transfer(bh_supplier_kind kind);

// The stages of one sample of a layer, in nanoseconds.
typedef struct bh_stages {
    double encrypt; // client: the upload
    double load;    // server: the upload
    double draw;    // server: the weights
    double answer;  // server: one of n_answers, with its products
    double decrypt; // client: the answers, and the layers up to the next upload
    double pass_up, pass_down; // client and server: the bytes, through TLS
    double up, down;           // link: the bytes
    uint32_t n_answers;
} bh_stages;

bh_stages bh_cost_stages(const bh_cost *cost, const bh_linear *l, const bh_he *he,
                         unsigned t_bits);
// Their sum over a query: what one thread would take if nothing overlapped.
double bh_stages_work(const bh_stages *s, bh_repeats r);

// A query as a pipeline of client, link up, server and link down, each of which takes
// samples in order, layer after layer. Returns nanoseconds from the start to the last
// answer decrypted; done[i] the same for layer i, if done is not NULL.
double bh_pipeline_run(const bh_stages *layers, uint32_t n_layers, uint32_t samples,
                       const bh_cost *cost, double *done);

#endif
