// SPDX-License-Identifier: Apache-2.0
// One TLS connection, and the pump that moves bytes between it and an engine.
//
// The pump never waits for one direction alone: a peer may send while we do, and two
// peers that each insist on writing first would wait for each other for ever.
#ifndef BH_NET_CHANNEL_H
#define BH_NET_CHANNEL_H

#include <stdbool.h>

#include "net/tls_context.h"

typedef struct bh_channel {
    SSL *ssl;
    int fd;              // owned
    int stop_fd;         // readable when everything is to end; -1: none
    uint32_t timeout_ms; // longest wait without a byte in either direction
    uint64_t bytes_in, bytes_out;
    bool failed; // TLS is in no state to say goodbye
    // Close at once: for the client, whose last bytes nobody waits for. A server that
    // refuses somebody lingers until its reason has arrived.
    bool no_linger;
} bh_channel;

// The bytes-in, bytes-out view of bh_server and bh_client. An engine bounds by itself
// what it holds of a peer that sends and does not read.
typedef struct bh_engine {
    void *self;
    // Computes a piece of what is due, or says BH_WANT_MORE; NULL: nothing ever is.
    bh_status (*work)(void *self, bh_error *err);
    const uint8_t *(*output)(const void *self, size_t *len);
    void (*sent)(void *self, size_t len);
    bh_status (*feed)(void *self, const uint8_t *in, size_t len, bh_error *err);
} bh_engine;

typedef enum bh_pump {
    BH_PUMP_PROGRESS, // bytes moved, or there is hope
    BH_PUMP_CLOSED,   // the peer said goodbye
    BH_PUMP_VANISHED, // the peer is gone without one
    BH_PUMP_TIMEOUT,
    BH_PUMP_STOPPED,
    BH_PUMP_REFUSED, // the engine failed; err has its sentence
} bh_pump;

// Takes fd over, also when it fails (BH_ERR_TLS).
bh_status bh_channel_open(bh_channel *ch, SSL_CTX *context, const BIO_METHOD *method,
                          int fd) BH_MUST_CHECK;
void bh_channel_close(bh_channel *ch);

// The handshake of either side, within timeout_ms as a whole. BH_ERR_TLS with the
// reason in OpenSSL's queue, BH_ERR_IO where the peer left or time ran out.
bh_status bh_channel_handshake(bh_channel *ch, bh_pump *why) BH_MUST_CHECK;

// Computes one piece, then moves what can be moved, without waiting; waits if there was
// nothing to compute and nothing can be moved. So the link is busy while the engine is.
bh_pump bh_channel_pump(bh_channel *ch, const bh_engine *engine, bh_error *err);

// Sends what output is left, as far as the peer takes it within timeout_ms.
void bh_channel_flush(bh_channel *ch, const bh_engine *engine, uint32_t timeout_ms);

#endif
