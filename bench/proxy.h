// SPDX-License-Identifier: Apache-2.0
// A TCP proxy that behaves as a link: one-way delay of half the round trip, limited
// bandwidth in each direction, shared by all connections. What it does not have: loss,
// slow start, and the round trip of opening a TCP connection.
#ifndef BH_BENCH_PROXY_H
#define BH_BENCH_PROXY_H

#include "bayhenn/session.h"

typedef struct proxy proxy;

#define PROXY_CONNECTIONS_MAX 64

// Listens on `listen` ("HOST:PORT", port 0 picks one) and connects every client to
// `connect`, whose host must have an address. A client for whom that fails is dropped,
// with a line on stderr. BH_ERR_ARG, BH_ERR_IO with a sentence, BH_ERR_NOMEM.
bh_status proxy_new(proxy **out, const char *listen, const char *connect,
                    const bh_link *link, bh_error *err) BH_MUST_CHECK;
uint16_t proxy_port(const proxy *p);
// Carries bytes until proxy_stop is called from another thread or a signal handler.
// It sleeps whenever nothing is due.
bh_status proxy_run(proxy *p, bh_error *err) BH_MUST_CHECK;
void proxy_stop(proxy *p); // async-signal-safe
void proxy_free(proxy *p); // not while it runs

#endif
