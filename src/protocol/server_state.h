// SPDX-License-Identifier: Apache-2.0
// The inside of a server's engine: server.c has its life, its bytes and the handshake,
// server_query.c uploads and their answers.
#ifndef BH_PROTOCOL_SERVER_STATE_H
#define BH_PROTOCOL_SERVER_STATE_H

#include "infer/sampled.h"
#include "protocol/message.h"
#include "protocol/service.h"

typedef enum bh_server_state {
    BH_SERVER_WANT_HELLO,
    BH_SERVER_WANT_KEY,
    BH_SERVER_WANT_UPLOAD,
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
};

// The state, and what may come in it.
void bh_server_expect(bh_server *s, bh_server_state state, bh_frame_type type,
                      uint32_t len);
void bh_server_expect_upload(bh_server *s);
void bh_server_drop_uploads(bh_server *s);

// An upload is complete in s->in: checks it, and notes what is due.
bh_status bh_server_on_upload(bh_server *s, bh_error *err) BH_MUST_CHECK;

// Ends the session. What was being written behind the first `complete` bytes is
// dropped, for it is no whole frame, and one error message that tells nothing of the
// cause follows.
void bh_server_fail(bh_server *s, bh_status status, size_t complete);

#endif
