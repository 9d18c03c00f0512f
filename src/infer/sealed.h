// SPDX-License-Identifier: Apache-2.0
// A session under guard `sealed`, seen from each side: what is computed between
// messages. Framing, order and what a peer may send when are the business of
// src/protocol.
//
// setup      random transfers get their base (mpc/supplier.h)
// prepare    a unit for one query is made: encrypted random inputs of all layers go up,
//            masked products come down, and both sides extend their transfers
// query      a unit is used up (infer/party.h)
//
// Ciphertexts of a prepare message: layer by layer, in a layer input by input (uploads)
// or sample by sample (answers); the k-th upload of a session uses the uniform part k.
#ifndef BH_INFER_SEALED_H
#define BH_INFER_SEALED_H

#include "base/pool.h"
#include "infer/party.h"
#include "infer/scratch.h"
#include "model/model.h"

// ---- client ----

// Read the fields, change none.
typedef struct bh_sealed_client {
    const bh_plan *plan;     // borrowed
    const bh_secret_key *sk; // borrowed
    bh_pool *pool;           // borrowed; or NULL
    uint64_t counter;        // of the session's next ciphertext
    uint64_t answers;        // ciphertexts received under this key
    bh_supplier *supplier;   // owned
    bh_client_scratch *scratch;
    float *real; // the normalised input
    int64_t *x;  // tensors of one input or sample
    size_t *starts;
    bh_unit *making; // between the two messages that prepare it
    bh_units ready;
    bh_party party; // of the query under way
    double *logits; // [samples][classes], after a query
} bh_sealed_client;

// {0} is cleared. Clear it after an error, too.
bh_status bh_sealed_client_init(bh_sealed_client *c, const bh_plan *plan,
                                const bh_secret_key *sk, bh_pool *pool,
                                const uint8_t transcript[32]) BH_MUST_CHECK;
void bh_sealed_client_clear(bh_sealed_client *c); // wipes

// Writes the message that prepares a unit: the bytes_up of bh_plan_sum and, behind
// them, bh_supplier_write_bytes; moves the counter on, even if it fails. The caller
// sees to it that fewer than plan->ahead are ready and none is being made. CT for all
// of these: leak the plan, not inputs, shares or results.
bh_status bh_sealed_client_prepare(bh_sealed_client *c, uint8_t *out) BH_MUST_CHECK;
// Takes the answer to it: one more is ready.
bh_status bh_sealed_client_take(bh_sealed_client *c, const uint8_t *in) BH_MUST_CHECK;
// Begins a query with the oldest unit, of which there is one. What comes next are
// bh_party_write and _read, to the last flight, and bh_sealed_client_end.
bh_status bh_sealed_client_start(bh_sealed_client *c,
                                 const uint8_t *pixels) BH_MUST_CHECK;
// After the last flight: logits if they were revealed, or the label; wipes the rest.
void bh_sealed_client_end(bh_sealed_client *c, uint32_t *label);

// ---- server ----

typedef struct bh_sealed_server {
    const bh_plan *plan;       // borrowed
    const bh_model *model;     // borrowed
    const bh_public_key *pk;   // borrowed
    const bh_uniform *uniform; // borrowed
    bh_pool *pool;             // borrowed; or NULL
    uint64_t counter;          // of the session's next upload
    uint64_t answers;          // ciphertexts sent under this key
    bh_supplier *supplier;     // owned
    bh_units ready;
    bh_party party;
} bh_sealed_server;

// Takes little memory. pk is set before anything is prepared. Clear it after an error.
bh_status bh_sealed_server_init(bh_sealed_server *s, const bh_plan *plan,
                                const bh_model *model, const bh_uniform *uniform,
                                bh_pool *pool,
                                const uint8_t transcript[32]) BH_MUST_CHECK;
void bh_sealed_server_clear(bh_sealed_server *s); // wipes

// Reads the client's message and writes the answer to it, with weights drawn for this
// one query (R5); one more unit is ready. Ciphertexts out of range: BH_ERR_ENCODING.
// After an error the session cannot go on. CT: leaks the plan, not the weights, shares
// or randomness.
bh_status bh_sealed_server_prepare(bh_sealed_server *s, uint8_t *out,
                                   const uint8_t *in) BH_MUST_CHECK;
// Begins a query with the oldest unit, of which there is one. What comes next are
// bh_party_read and _write, to the last flight, and bh_units_end.
bh_status bh_sealed_server_start(bh_sealed_server *s) BH_MUST_CHECK;

#endif
