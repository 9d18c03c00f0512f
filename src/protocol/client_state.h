// SPDX-License-Identifier: Apache-2.0
// The inside of a client's engine: client.c has its life and its bytes,
// client_connect.c the handshake, client_query.c a query.
#ifndef BH_PROTOCOL_CLIENT_STATE_H
#define BH_PROTOCOL_CLIENT_STATE_H

#include "infer/sampled.h"
#include "protocol/message.h"

struct bh_client {
    bh_client_state state;
    bh_client_options options;
    bh_frame_reader in;
    bh_outbox outbox;
    uint8_t hello[BH_MESSAGE_CLIENT_HELLO_BYTES];
    bh_plan *plan; // NULL until the manifest has come
    bh_uniform uniform;
    bh_secret_key *sk;
    bh_sampled_client sampled;
    double *probabilities; // n_classes
    bool has_result;
    bh_client_result result;
    bh_client_layer *layers;    // [n_layers]; result.layers
    uint64_t start_us, busy_us; // of the query: its begin, computing since
};

// What may come next, besides an error.
void bh_client_expect(bh_client *c, bh_frame_type type, uint32_t len_min,
                      uint32_t len_max);
// Nothing but an error may come between two queries.
void bh_client_expect_error_only(bh_client *c);

// Microseconds of the lent clock; 0 without one.
uint64_t bh_client_now_us(const bh_client *c);

// A frame of this type is complete in c->in.
bh_status bh_client_on_hello(bh_client *c, bh_error *err) BH_MUST_CHECK;
bh_status bh_client_on_answer(bh_client *c, bh_error *err) BH_MUST_CHECK;

#endif
