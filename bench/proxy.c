// SPDX-License-Identifier: Apache-2.0
#include "proxy.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "flow.h"
#include "measure.h"
#include "net/socket.h"

#define CONNECT_TIMEOUT_MS 5000

// Side 0 is the client that connected, side 1 the server behind the proxy.
typedef struct connection {
    int fds[2];
    flow flows[2]; // flows[i] leaves side i
} connection;

struct proxy {
    bh_listeners listeners;
    bh_address target;
    int stop_fd;
    line lines[2];
    size_t n_connections;
    connection connections[PROXY_CONNECTIONS_MAX];
};

bh_status proxy_new(proxy **out, const char *listen, const char *connect,
                    const bh_link *link, bh_error *err)
{
    bh_address address;
    *out = NULL;
    proxy *p = bh_alloc(1, sizeof *p);
    if (p == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    for (int i = 0; i < 2; i++) {
        p->lines[i].delay_ns = link->rtt_seconds * 1e9 / 2;
        p->lines[i].ns_per_byte =
            link->bytes_per_second > 0 ? 1e9 / link->bytes_per_second : 0;
    }
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bh_status status = p->stop_fd >= 0 ? BH_OK : bh_fail_plain(err, BH_ERR_IO);
    if (status == BH_OK) {
        status = bh_address_parse(&address, listen, 0, err);
    }
    if (status == BH_OK) {
        status = bh_address_parse(&p->target, connect, 0, err);
    }
    if (status == BH_OK) {
        status = bh_socket_find(&p->target, err);
    }
    if (status == BH_OK) {
        status = bh_socket_listen_all(&p->listeners, &address, err);
    }
    if (status != BH_OK) {
        proxy_free(p);
        return status;
    }
    *out = p;
    return BH_OK;
}

uint16_t proxy_port(const proxy *p)
{
    return p->listeners.port;
}

void proxy_stop(proxy *p)
{
    const uint64_t one = 1;
    (void)!write(p->stop_fd, &one, sizeof one);
}

static void close_connection(connection *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->fds[i] >= 0) {
            close(c->fds[i]);
        }
        flow_clear(&c->flows[i]);
    }
}

void proxy_free(proxy *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->n_connections; i++) {
        close_connection(&p->connections[i]);
    }
    bh_socket_unlisten(&p->listeners);
    if (p->stop_fd >= 0) {
        close(p->stop_fd);
    }
    bh_free(p);
}

// The other side of a client that was accepted.
static bh_status open_connection(proxy *p, connection *c, bh_error *err)
{
    if (p->n_connections == PROXY_CONNECTIONS_MAX) {
        return bh_fail(err, BH_ERR_STATE, "there are %d connections already",
                       PROXY_CONNECTIONS_MAX);
    }
    bh_status status =
        bh_socket_connect(&c->fds[1], &p->target, CONNECT_TIMEOUT_MS, err);
    if (status == BH_OK && (!flow_init(&c->flows[0], &p->lines[0]) ||
                            !flow_init(&c->flows[1], &p->lines[1]))) {
        status = bh_fail_plain(err, BH_ERR_NOMEM);
    }
    return status;
}

// Drops a client that cannot be connected to the target, or is one too many.
static void accept_one(proxy *p, int listen_fd)
{
    char peer[BH_ADDRESS_TEXT_MAX];
    bh_error err = {0};
    connection c = {.fds = {bh_socket_accept(listen_fd, peer), -1}};
    if (c.fds[0] < 0) {
        return; // the client has gone again
    }
    if (open_connection(p, &c, &err) == BH_OK) {
        p->connections[p->n_connections++] = c;
    } else {
        fprintf(stderr, "bayhenn-bench proxy: %s is dropped: %s\n", peer, err.message);
        close_connection(&c);
    }
}

// What to wait for; a descriptor that nothing is wanted of is left out, for a hang-up
// would be reported for ever.
static size_t fill_poll(const proxy *p, struct pollfd *polled)
{
    size_t n = 0;
    polled[n++] = (struct pollfd){.fd = p->stop_fd, .events = POLLIN};
    for (size_t i = 0; i < p->listeners.count; i++) {
        polled[n++] = (struct pollfd){.fd = p->listeners.fds[i], .events = POLLIN};
    }
    for (size_t i = 0; i < p->n_connections; i++) {
        const connection *c = &p->connections[i];
        for (int side = 0; side < 2; side++) {
            int events = (flow_has_room(&c->flows[side]) ? POLLIN : 0) |
                         (c->flows[1 - side].blocked ? POLLOUT : 0);
            polled[n++] = (struct pollfd){.fd = events != 0 ? c->fds[side] : -1,
                                          .events = (short)events};
        }
    }
    return n;
}

// Until the first byte is due that nobody has to make room for.
static double next_due(const proxy *p)
{
    double due = INFINITY;
    for (size_t i = 0; i < p->n_connections; i++) {
        for (int side = 0; side < 2; side++) {
            const flow *f = &p->connections[i].flows[side];
            due = f->blocked ? due : fmin(due, flow_due(f));
        }
    }
    return due;
}

static bool wait_for(struct pollfd *polled, size_t n, double due)
{
    double ns = fmax(due - measure_now_ns(), 0);
    const struct timespec limit = {(time_t)fmin(ns / 1e9, 3600),
                                   (long)fmod(fmin(ns, 3600e9), 1e9)};
    return ppoll(polled, n, &limit, NULL) >= 0 || errno == EINTR;
}

static void carry(connection *c, bool *over)
{
    double now = measure_now_ns();
    bool ok = true;
    for (int side = 0; side < 2; side++) {
        ok = ok && flow_read(&c->flows[side], c->fds[side], now) &&
             flow_write(&c->flows[side], c->fds[1 - side], now);
    }
    *over = !ok || (c->flows[0].closed && c->flows[1].closed);
}

bh_status proxy_run(proxy *p, bh_error *err)
{
    struct pollfd polled[1 + BH_LISTENERS_MAX + 2 * PROXY_CONNECTIONS_MAX];
    // Wake when bytes are due, not 50 microseconds later. For this thread alone.
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    for (;;) {
        size_t n = fill_poll(p, polled);
        if (!wait_for(polled, n, next_due(p))) {
            return bh_fail(err, BH_ERR_IO, "waiting for bytes failed: %s",
                           strerror(errno));
        }
        if (polled[0].revents != 0) {
            return BH_OK;
        }
        for (size_t i = 0; i < p->n_connections;) {
            bool over;
            carry(&p->connections[i], &over);
            if (over) {
                close_connection(&p->connections[i]);
                p->connections[i] = p->connections[--p->n_connections];
            } else {
                i++;
            }
        }
        for (size_t i = 0; i < p->listeners.count; i++) {
            if (polled[1 + i].revents != 0) {
                accept_one(p, p->listeners.fds[i]);
            }
        }
    }
}
