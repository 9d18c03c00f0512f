// SPDX-License-Identifier: Apache-2.0
// A query under guard `sampled`, seen from each side: what is computed between
// messages. Messages are packed ciphertexts back to back; their sizes follow from the
// plan. Framing, order and what a peer may send when are the business of src/protocol.
#ifndef BH_INFER_SAMPLED_H
#define BH_INFER_SAMPLED_H

#include "base/random.h"
#include "infer/plan.h"
#include "model/model.h"

// ---- client ----

// The client's tensors and its place in a query. Read the fields, change none.
typedef struct bh_sampled_client {
    const bh_plan *plan;       // borrowed
    const bh_secret_key *sk;   // borrowed
    const bh_uniform *uniform; // borrowed
    uint32_t layer;            // whose upload or answer comes next
    uint64_t counter;          // of the session's next ciphertext
    uint64_t answers;          // received under this key
    float *real;               // the normalised input
    int64_t *x;                // inputs of the layer: [repeats.inputs][in_len]
    int64_t *y;                // its outputs: [samples][out_len]
    int64_t *scratch;          // of a segment
    double *logits;            // [samples][n_classes], after the last answer
} bh_sampled_client;

// {0} is cleared. BH_ERR_NOMEM; clear it then too.
bh_status bh_sampled_client_init(bh_sampled_client *c, const bh_plan *plan,
                                 const bh_secret_key *sk,
                                 const bh_uniform *uniform) BH_MUST_CHECK;
void bh_sampled_client_clear(bh_sampled_client *c); // wipes

// Takes the pixels of a new query: layer 0 comes next.
// CT for all of these: leak the plan, not pixels, activations or results.
void bh_sampled_client_start(bh_sampled_client *c, const uint8_t *pixels);

// Encrypts the layer's inputs in the order inputs, uploads; the k-th ciphertext uses
// the uniform part counter + k. Appends bytes_up bytes and moves the counter on.
bh_status bh_sampled_client_upload(bh_sampled_client *c, bh_writer *out) BH_MUST_CHECK;

// Decrypts the layer's bytes_down bytes of answers. Then either runs the segments that
// follow, and the next layer comes next (*done = false), or fills the logits (*done).
bh_status bh_sampled_client_take(bh_sampled_client *c, bool *done,
                                 const uint8_t *answers) BH_MUST_CHECK;

// ---- server ----

typedef struct bh_sampled_server {
    const bh_plan *plan;         // borrowed
    const bh_model *model;       // borrowed
    const bh_public_key *pk;     // borrowed
    const bh_uniform *uniform;   // borrowed
    uint8_t seed[BH_SEED_BYTES]; // of the query under way (R5)
    uint32_t layer;              // whose upload comes next
    uint64_t counter;            // of the session's next ciphertext
    uint64_t answers;            // sanitised under this key
} bh_sampled_server;

// Answers the bytes_up bytes of uploads of the layer in turn, in the order samples,
// answers, with weights drawn afresh: a new seed at layer 0, wiped after the last one.
// Appends bytes_down bytes and moves on. BH_ERR_ENCODING for a ciphertext out of
// range. CT: leaks the plan, not the weights, nor the randomness.
bh_status bh_sampled_server_answer(bh_sampled_server *s, bh_writer *out,
                                   const uint8_t *uploads) BH_MUST_CHECK;

#endif
