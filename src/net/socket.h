// SPDX-License-Identifier: Apache-2.0
// TCP sockets: all of them non-blocking, waited for with poll and a time limit.
#ifndef BH_NET_SOCKET_H
#define BH_NET_SOCKET_H

#include "bayhenn/bayhenn.h"
#include "net/address.h"

typedef enum bh_wait {
    BH_WAIT_READY,
    BH_WAIT_TIMEOUT,
    BH_WAIT_STOPPED, // stop_fd became readable
    BH_WAIT_FAILED,  // errno says why
} bh_wait;

// Waits until fd shows one of `events` (POLLIN, POLLOUT) or stop_fd (-1: none) is
// readable. A hang-up counts as ready: the next call on fd says what happened.
bh_wait bh_socket_wait(int fd, int stop_fd, short events, uint32_t timeout_ms);

// A time limit: the moment of bh_clock_us that is timeout_ms from now, and the
// milliseconds that are left until it, rounded up; 0 if it is past.
uint64_t bh_socket_deadline(uint32_t timeout_ms);
uint32_t bh_socket_left_ms(uint64_t deadline);

// Whether the host has an address. BH_ERR_IO with a sentence.
bh_status bh_socket_find(const bh_address *address, bh_error *err) BH_MUST_CHECK;

// Connects to the first address of the host that answers. BH_ERR_IO with a sentence.
bh_status bh_socket_connect(int *fd, const bh_address *address, uint32_t timeout_ms,
                            bh_error *err) BH_MUST_CHECK;

// What a server listens on: every address that a name has, all on one port.
#define BH_LISTENERS_MAX 16
typedef struct bh_listeners {
    int fds[BH_LISTENERS_MAX];
    size_t count;
    uint16_t port;
} bh_listeners;

// Binds and listens. BH_ERR_IO with a sentence.
bh_status bh_socket_listen_all(bh_listeners *out, const bh_address *address,
                               bh_error *err) BH_MUST_CHECK;
void bh_socket_unlisten(bh_listeners *l);

// The next waiting connection, or -1 with errno; peer receives "ADDRESS:PORT" and has
// room for BH_ADDRESS_TEXT_MAX bytes.
int bh_socket_accept(int listen_fd, char *peer);

// Ends a connection so that the last bytes sent still arrive: closing while unread
// bytes wait would reset it. Reads and drops what comes for at most linger_ms.
void bh_socket_close_gently(int fd, int stop_fd, uint32_t linger_ms);

#endif
