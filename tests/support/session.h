// SPDX-License-Identifier: Apache-2.0
// A server and a client engine in one process, and the bytes between them.
#ifndef BH_TESTS_SUPPORT_SESSION_H
#define BH_TESTS_SUPPORT_SESSION_H

#include "bayhenn/session.h"

typedef struct session {
    bh_service *service;
    bh_server *server;
    bh_client *client;
} session;

// A service of this model, and both engines. An error leaves what session_end frees.
bh_status session_start(session *s, const bh_model *model, uint32_t samples,
                        bh_error *err);
void session_end(session *s);

// New engines of the same service, and their end.
bh_status session_open(session *s);
void session_close(session *s);

// Moves at most `chunk` bytes at a time both ways until neither side has any, or one of
// them refuses what it is fed.
bh_status session_pump(session *s, size_t chunk, bh_error *err);
bh_status session_query(session *s, const uint8_t *pixels, size_t chunk, bh_error *err);

// session_start, past the handshake; an error fails the test with its sentence.
void session_connect(session *s, const bh_model *model, uint32_t samples, size_t chunk);

#endif
