// SPDX-License-Identifier: Apache-2.0
// A server and a client engine in one process, and the bytes between them.
#ifndef BH_TESTS_SUPPORT_SESSION_H
#define BH_TESTS_SUPPORT_SESSION_H

#include "bayhenn/session.h"

typedef struct session {
    bh_service *service;
    bh_server *server;
    bh_client *client;
    bh_pool *pool; // borrowed: what both engines compute on, or NULL
} session;

// A service of this model, and both engines. An error leaves what session_end frees.
bh_status session_start(session *s, const bh_model *model, uint32_t samples,
                        bh_error *err);
// With options of any guard; both engines on the pool that they name.
bh_status session_start_with(session *s, const bh_model *model,
                             const bh_service_options *options, bh_error *err);
// The first one on a pool, with the plan for one thread: a plan may depend on their
// number.
bh_status session_start_on(session *s, const bh_model *model, uint32_t samples,
                           bh_pool *pool, bh_error *err);
void session_end(session *s);

// New engines of the same service, and their end.
bh_status session_open(session *s);
void session_close(session *s);

// Feeds the server and has it compute all that is due then.
bh_status session_serve(session *s, const uint8_t *in, size_t len, bh_error *err);

// Moves at most `chunk` bytes at a time both ways until neither side has any, or one of
// them refuses what it is fed.
bh_status session_pump(session *s, size_t chunk, bh_error *err);
bh_status session_query(session *s, const uint8_t *pixels, size_t chunk, bh_error *err);

// session_start, past the handshake; an error fails the test with its sentence.
void session_connect(session *s, const bh_model *model, uint32_t samples, size_t chunk);

#endif
