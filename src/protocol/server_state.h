// SPDX-License-Identifier: Apache-2.0
// The inside of a server's engine: server.c has its life, its bytes and the handshake,
// server_query.c the queries of guard `sampled`, uploads and their answers,
// server_sealed.c all that is particular to `sealed`.
#ifndef BH_PROTOCOL_SERVER_STATE_H
#define BH_PROTOCOL_SERVER_STATE_H

#include "infer/sampled.h"
#include "infer/sealed.h"
#include "protocol/message.h"
#include "protocol/service.h"

typedef enum bh_server_state {
    BH_SERVER_WANT_HELLO,
    BH_SERVER_WANT_KEY,
    BH_SERVER_WANT_UPLOAD,
    BH_SERVER_WANT_SETUP, // these two under `sealed`
    BH_SERVER_WANT_TURN,
    BH_SERVER_FAILED,
} bh_server_state;

struct bh_server {
    const bh_service *service; // borrowed
    bh_server_state state;
    bh_frame_reader in;
    bh_outbox outbox;
    uint8_t nonce[32], transcript[32];
    bh_uniform uniform; // set with the client's key
    bh_public_key *pk;
    bh_sampled_server sampled; // and whose answer comes next
    uint32_t layer, sample;    // whose upload comes next
    uint64_t counter;          // that it has to begin with
    uint64_t answers;          // ciphertexts answered under this key, or due
    // Answers whose upload has come, in order; at most S (check_upload).
    uint32_t due;
    uint8_t **uploads; // [S]: payloads of due samples
    uint64_t queries;
    // Under `sealed`:
    bh_sealed_server sealed;
    unsigned setup_step; // that comes next
    uint8_t *turn;       // the client's message that is to be answered; or NULL
    bool due_prepare;    // it is no flight
};

// Microseconds of the service's clock; 0 without one.
uint64_t bh_server_now_us(const bh_server *s);
// Writes a time into the 8 bytes of the output that end at `at`.
void bh_server_write_time(bh_server *s, size_t at, uint64_t us);

// The state, and what may come in it.
void bh_server_expect(bh_server *s, bh_server_state state, bh_frame_type type,
                      uint32_t len);
void bh_server_expect_upload(bh_server *s);
void bh_server_drop_uploads(bh_server *s);

// An upload is complete in s->in: checks it, and notes what is due.
bh_status bh_server_on_upload(bh_server *s, bh_error *err) BH_MUST_CHECK;

// Guard `sealed`: behind the key; a complete message of its kind in s->in; the answer
// to a turn that is due.
bh_status bh_server_start_sealed(bh_server *s) BH_MUST_CHECK;
bh_status bh_server_on_setup(bh_server *s, bh_error *err) BH_MUST_CHECK;
bh_status bh_server_on_turn(bh_server *s, bh_error *err) BH_MUST_CHECK;
bh_status bh_server_work_sealed(bh_server *s, bh_error *err) BH_MUST_CHECK;

// Ends the session. What was being written behind the first `complete` bytes is
// dropped, for it is no whole frame, and one error message that tells nothing of the
// cause follows.
void bh_server_fail(bh_server *s, bh_status status, size_t complete);

#endif
