// SPDX-License-Identifier: Apache-2.0
// Ways for a query to take: between two engines in this process, by turns on one
// thread, or over TLS and a simulated link to a server on another thread.
#ifndef BH_BENCH_ROUTE_H
#define BH_BENCH_ROUTE_H

#include "bayhenn/session.h"

// One query. Result pointers are borrowed until the next one.
typedef struct route_times {
    double total_ns; // by turns: client_ns + server_ns; over a link: what passed
    double client_ns, server_ns;
    double
        erase_ns; // by turns: work made ahead, behind the last answer; not in total_ns
} route_times;

typedef struct route {
    void *self;
    bh_status (*query)(void *self, bh_client_result *out, route_times *times,
                       const uint8_t *pixels, bh_error *err);
    void (*close)(void *self);
} route;

// Both begin a session with a service and leave the handshake behind them. They borrow
// the service and the client's pool (NULL: none).
bh_status route_by_turns(route *out, const bh_service *service, bh_pool *pool,
                         bh_error *err) BH_MUST_CHECK;
// link NULL: TLS on loopback, no proxy between.
bh_status route_over_link(route *out, const bh_service *service, bh_pool *pool,
                          const bh_link *link, bh_error *err) BH_MUST_CHECK;

#endif
