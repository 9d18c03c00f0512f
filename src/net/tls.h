// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 over TCP: the only code that touches sockets and OpenSSL's TLS.
#ifndef BH_NET_TLS_H
#define BH_NET_TLS_H

#include "bayhenn/session.h"

// Where an address names no port.
#define BH_TLS_DEFAULT_PORT 7443
#define BH_TLS_WORKERS_MAX  256

// ---- server ----

typedef struct bh_tls_server_options {
    const char *listen; // "HOST:PORT": every address of HOST; port 0 picks a free one
    const char *cert_file; // PEM chain
    const char *key_file;  // PEM
    uint32_t workers;      // connections served side by side, 1 .. BH_TLS_WORKERS_MAX;
                           // four times as many may wait, more are turned away. One
                           // without a connection prepares (bh_service_prepare), while
                           // no other is within a query
    uint32_t idle_timeout_ms; // a client that moves no byte for so long is dropped
    // Called from several threads with a line for the local log; may be NULL.
    void (*log)(void *user, const char *line);
    void *user;
} bh_tls_server_options;

typedef struct bh_tls_server bh_tls_server;

// Binds and listens; borrows service. Errors: BH_ERR_IO with a sentence such as "port
// 7443 of 127.0.0.1 is in use by another program", BH_ERR_TLS for a certificate or key
// that cannot be used, BH_ERR_ARG for an address that is none.
bh_status bh_tls_server_new(bh_tls_server **out, const bh_service *service,
                            const bh_tls_server_options *options,
                            bh_error *err) BH_MUST_CHECK;
uint16_t bh_tls_server_port(const bh_tls_server *server);
// Serves until bh_tls_server_stop is called from another thread or a signal handler;
// connections that are open then end after the message being computed. Runs once.
bh_status bh_tls_server_run(bh_tls_server *server, bh_error *err) BH_MUST_CHECK;
void bh_tls_server_stop(bh_tls_server *server); // async-signal-safe
void bh_tls_server_free(bh_tls_server *server); // not while it runs

// ---- client ----

// The server proves who it is in one of two ways; exactly one is given.
typedef struct bh_tls_client_options {
    const char *connect; // "HOST:PORT"
    const char *ca_file; // PEM: the certificate must lead to one of these and name HOST
    // or the SHA-256 of the server's certificate itself, 64 hex digits, colons allowed:
    // neither its names nor its dates matter then.
    const char *fingerprint;
    bh_guard guard;      // that the server has to offer; 0: any
    bh_pool *pool;       // borrowed: computes on it; NULL: on the caller's thread
    uint32_t timeout_ms; // longest silence while something is expected
} bh_tls_client_options;

// A connected client engine, past its handshake.
typedef struct bh_tls_client bh_tls_client;

// Errors: BH_ERR_ARG (address, fingerprint, not exactly one proof), BH_ERR_IO (cannot
// connect, timeout), BH_ERR_TLS (no TLS 1.3 or no bayhenn there, certificate refused),
// and what the engine reports of the manifest (BH_ERR_VERSION, BH_ERR_GUARD, ...).
bh_status bh_tls_client_new(bh_tls_client **out, const bh_tls_client_options *options,
                            bh_error *err) BH_MUST_CHECK;
void bh_tls_client_free(bh_tls_client *client);
// Borrowed until the next query: see there.
const bh_client *bh_tls_client_engine(const bh_tls_client *client);

// Prepares one query ahead (bh_client_prepare), for the time when nothing else is to be
// done; blocks. BH_WANT_MORE: there is nothing to prepare, or enough is prepared. After
// an error the client can only be freed.
bh_status bh_tls_client_prepare(bh_tls_client *client, bh_error *err) BH_MUST_CHECK;

// One query from pixels to result; blocks. The result's pointers are borrowed until the
// next query. Where the session's key is spent (BH_CLIENT_SPENT), it first connects
// anew with the same options: another engine, another key; a server that offers another
// model by then is refused (BH_ERR_PEER). After an error the client can only be freed.
bh_status bh_tls_client_query(bh_tls_client *client, bh_client_result *out,
                              const uint8_t *pixels, bh_error *err) BH_MUST_CHECK;

#endif
