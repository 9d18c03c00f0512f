// SPDX-License-Identifier: Apache-2.0
// One connection at the server, from handshake to goodbye.
#ifndef BH_NET_SERVE_H
#define BH_NET_SERVE_H

#include <stdatomic.h>

#include "bayhenn/session.h"
#include "net/channel.h"
#include "net/queue.h"

typedef struct bh_serving {
    const bh_service *service;
    SSL_CTX *context;
    BIO_METHOD *method;
    int stop_fd;          // readable once the server stops
    atomic_bool stopping; // for loops that never wait
    bh_queue queue;       // of connections
    atomic_uint busy;     // sessions within a query: nothing is prepared meanwhile
    _Atomic uint64_t quiet_since; // bh_clock_us; when busy became 0
    atomic_bool preparing;        // by one worker at a time
    uint32_t idle_timeout_ms;
    void (*log)(void *user, const char *line);
    void *user;
} bh_serving;

void bh_serve_connection(bh_serving *serving, const bh_connection *connection);
// What an idle worker does: prepares a unit of work. Returns what bh_queue_pop asks
// for.
uint32_t bh_serve_idle(void *serving);
void bh_serve_log(const bh_serving *serving, const char *format, ...) BH_PRINTF(2, 3);

#endif
