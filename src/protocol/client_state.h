// SPDX-License-Identifier: Apache-2.0
// The inside of a client's engine: client.c has its life and its bytes,
// client_connect.c the handshake, client_query.c a query under guard `sampled`,
// client_sealed.c all that is particular to `sealed`.
#ifndef BH_PROTOCOL_CLIENT_STATE_H
#define BH_PROTOCOL_CLIENT_STATE_H

#include "infer/sampled.h"
#include "infer/sealed.h"
#include "protocol/message.h"

// What it took to prepare a query.
typedef struct bh_client_preparing {
    uint64_t bytes_up, bytes_down;
    double ms, server_ms;
} bh_client_preparing;

struct bh_client {
    bh_client_state state;
    bh_client_options options;
    bh_frame_reader in;
    bh_outbox outbox;
    uint8_t hello[BH_MESSAGE_CLIENT_HELLO_BYTES];
    bh_plan *plan; // NULL until the manifest has come
    bh_uniform uniform;
    bh_secret_key *sk;
    bh_sampled_client sampled; // of the one guard
    bh_sealed_client sealed;   // or of the other
    unsigned setup_step;   // sealed: that is expected; BH_SUPPLIER_SETUP_STEPS: none
    uint8_t *pixels;       // sealed: of a query that waits for its unit; or NULL
    double *probabilities; // n_classes
    bool has_result;
    bh_client_result result;
    bh_client_layer *layers;   // [n_layers]; result.layers
    uint64_t prepare_start_us; // sealed: of the unit that is being made
    bh_client_preparing prepared[BH_AHEAD_MAX]; // of those that are ready, side by side
    uint64_t start_us, busy_us; // of the query: its begin, computing since
    uint64_t busy_from_us;      // computing that is not yet in it
};

// What may come next, besides an error.
void bh_client_expect(bh_client *c, bh_frame_type type, uint32_t len_min,
                      uint32_t len_max);
// Nothing but an error may come between two queries.
void bh_client_expect_error_only(bh_client *c);

// Ends the session: what was prepared, and a query under way, is wiped at once.
void bh_client_fail(bh_client *c);

// Microseconds of the lent clock; 0 without one.
uint64_t bh_client_now_us(const bh_client *c);
double bh_client_ms_since(const bh_client *c, uint64_t start_us);

// A frame of this type is complete in c->in.
bh_status bh_client_on_hello(bh_client *c, bh_error *err) BH_MUST_CHECK;
bh_status bh_client_on_answer(bh_client *c, bh_error *err) BH_MUST_CHECK;
bh_status bh_client_on_setup(bh_client *c, bh_error *err) BH_MUST_CHECK;
bh_status bh_client_on_prepared(bh_client *c, bh_error *err) BH_MUST_CHECK;
bh_status bh_client_on_flight(bh_client *c, bh_error *err) BH_MUST_CHECK;

// Each guard's part of the handshake and of bh_client_query.
bh_status bh_client_start_sealed(bh_client *c,
                                 const uint8_t transcript[32]) BH_MUST_CHECK;
bh_status bh_client_query_sampled(bh_client *c, const uint8_t *pixels) BH_MUST_CHECK;
bh_status bh_client_query_sealed(bh_client *c, const uint8_t *pixels) BH_MUST_CHECK;

// Sums up the layers into the result and makes the prediction from the logits, which
// may be NULL: then `label` is all that is known.
void bh_client_conclude(bh_client *c, const double *logits, uint32_t label, bool spent);

#endif
