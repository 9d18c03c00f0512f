// SPDX-License-Identifier: Apache-2.0
// A client and a server engine in one thread, taking turns; each one's time is kept.
#ifndef BH_BENCH_TURNS_H
#define BH_BENCH_TURNS_H

#include "bayhenn/session.h"

typedef struct turns {
    bh_server *server;
    bh_client *client;
    double client_ns, server_ns; // of the last query, up to its last answer
    double erase_ns;             // behind that: work made ahead that served
    // Sees what the client sends, before the server does; may be NULL.
    void (*on_upload)(void *user, const uint8_t *data, size_t len);
    void *user;
} turns;

// A session past its handshake; the client computes on pool (NULL: this thread). *t is
// {0} but for on_upload and user, and is to be closed in any case.
bh_status turns_open(turns *t, const bh_service *service, bh_pool *pool,
                     bh_error *err) BH_MUST_CHECK;
bh_status turns_query(turns *t, bh_client_result *out, const uint8_t *pixels,
                      bh_error *err) BH_MUST_CHECK;
void turns_close(turns *t);

// Feeds a server and lets it compute all that is due.
bh_status turns_serve(bh_server *server, const uint8_t *data, size_t len,
                      bh_error *err) BH_MUST_CHECK;

#endif
