// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/clock.h"

#define BACKLOG       64
#define PORT_ATTEMPTS 8

uint64_t bh_socket_deadline(uint32_t timeout_ms)
{
    return bh_clock_us() + (uint64_t)timeout_ms * 1000;
}

uint32_t bh_socket_left_ms(uint64_t deadline)
{
    uint64_t now = bh_clock_us();
    return now < deadline ? (uint32_t)((deadline - now + 999) / 1000) : 0;
}

bh_wait bh_socket_wait(int fd, int stop_fd, short events, uint32_t timeout_ms)
{
    uint64_t deadline = bh_socket_deadline(timeout_ms);
    for (;;) {
        struct pollfd polled[2] = {{.fd = fd, .events = events},
                                   {.fd = stop_fd, .events = POLLIN}};
        uint32_t left = bh_socket_left_ms(deadline);
        int n = poll(polled, 2, left > 86400000 ? 86400000 : (int)left);
        if (n < 0 && errno != EINTR) {
            return BH_WAIT_FAILED;
        }
        if (n > 0) {
            return polled[1].revents != 0 ? BH_WAIT_STOPPED : BH_WAIT_READY;
        }
        if (n == 0 && bh_socket_left_ms(deadline) == 0) {
            return BH_WAIT_TIMEOUT;
        }
    }
}

static bh_status resolve(struct addrinfo **list, const bh_address *address, int flags,
                         bh_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    int code = getaddrinfo(address->host, address->port, &hints, list);
    if (code == 0) {
        return BH_OK;
    }
    return bh_fail(err, BH_ERR_IO, "cannot find the host %.120s: %s", address->host,
                   code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
}

bh_status bh_socket_find(const bh_address *address, bh_error *err)
{
    struct addrinfo *list = NULL;
    bh_status status = resolve(&list, address, 0, err);
    if (status == BH_OK) {
        freeaddrinfo(list);
    }
    return status;
}

static int open_socket(const struct addrinfo *info)
{
    int type = info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;
    return socket(info->ai_family, type, info->ai_protocol);
}

// Answers wait for nothing: a round is one message each way.
static void set_no_delay(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// 0, or an errno value.
static int connect_one(int fd, const struct addrinfo *info, uint32_t timeout_ms)
{
    if (connect(fd, info->ai_addr, info->ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return errno;
    }
    switch (bh_socket_wait(fd, -1, POLLOUT, timeout_ms)) {
    case BH_WAIT_READY:
        break;
    case BH_WAIT_TIMEOUT:
        return ETIMEDOUT;
    default:
        return errno;
    }
    int code = 0;
    socklen_t len = sizeof code;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 ? code : errno;
}

bh_status bh_socket_connect(int *fd, const bh_address *address, uint32_t timeout_ms,
                            bh_error *err)
{
    struct addrinfo *list = NULL;
    bh_status status = resolve(&list, address, 0, err);
    if (status != BH_OK) {
        return status;
    }
    int code = EADDRNOTAVAIL, connected = -1;
    for (struct addrinfo *i = list; i != NULL && connected < 0; i = i->ai_next) {
        int candidate = open_socket(i);
        code = candidate < 0 ? errno : connect_one(candidate, i, timeout_ms);
        if (code == 0) {
            connected = candidate;
        } else if (candidate >= 0) {
            close(candidate);
        }
    }
    freeaddrinfo(list);
    if (connected < 0) {
        char text[BH_ADDRESS_TEXT_MAX];
        bh_address_format(text, address->host, address->port);
        return bh_fail(err, BH_ERR_IO, "cannot connect to %.120s: %s%s", text,
                       strerror(code),
                       code == ECONNREFUSED ? " (is the server running there?)" : "");
    }
    set_no_delay(connected);
    *fd = connected;
    return BH_OK;
}

static uint16_t port_in_use(int fd)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char port[8] = "0";
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0 ||
        getnameinfo((struct sockaddr *)&bound, len, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0) {
        return 0;
    }
    return (uint16_t)strtoul(port, NULL, 10);
}

static void set_ports(struct addrinfo *list, uint16_t port)
{
    for (; list != NULL; list = list->ai_next) {
        if (list->ai_family == AF_INET) {
            ((struct sockaddr_in *)(void *)list->ai_addr)->sin_port = htons(port);
        } else if (list->ai_family == AF_INET6) {
            ((struct sockaddr_in6 *)(void *)list->ai_addr)->sin6_port = htons(port);
        }
    }
}

// 0, or an errno value. only_v6: where the same name has an IPv4 address of its own.
static int listen_one(int fd, const struct addrinfo *info, bool only_v6)
{
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (only_v6 && info->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        return errno;
    }
    return 0;
}

// getaddrinfo lists an address twice where /etc/hosts does.
static bool is_repeated(const struct addrinfo *list, const struct addrinfo *info)
{
    for (; list != info; list = list->ai_next) {
        if (list->ai_addrlen == info->ai_addrlen &&
            memcmp(list->ai_addr, info->ai_addr, info->ai_addrlen) == 0) {
            return true;
        }
    }
    return false;
}

// 0, or an errno value: of an address that is taken (somebody else would answer there),
// or where none works. An address family that this machine lacks does not count.
static int listen_list(bh_listeners *l, struct addrinfo *list, bool only_v6)
{
    int worst = EADDRNOTAVAIL;
    for (struct addrinfo *i = list; i != NULL && l->count < BH_LISTENERS_MAX;
         i = i->ai_next) {
        if (is_repeated(list, i)) {
            continue;
        }
        int fd = open_socket(i);
        int code = fd < 0 ? errno : listen_one(fd, i, only_v6);
        if (code == 0) {
            l->fds[l->count++] = fd;
            l->port = port_in_use(fd);
            set_ports(list, l->port); // the first may have picked it
            continue;
        }
        if (fd >= 0) {
            close(fd);
        }
        worst = code;
        if (code == EADDRINUSE) {
            return code;
        }
    }
    return l->count > 0 ? 0 : worst;
}

static bh_status listen_failed(const bh_address *address, int code, bh_error *err)
{
    switch (code) {
    case EADDRINUSE:
        return bh_fail(err, BH_ERR_IO, "port %s of %.120s is in use by another program",
                       address->port, address->host);
    case EADDRNOTAVAIL:
        return bh_fail(err, BH_ERR_IO, "%.120s is no address of this machine",
                       address->host);
    default:
        return bh_fail(err, BH_ERR_IO, "cannot listen on port %s of %.120s: %s",
                       address->port, address->host, strerror(code));
    }
}

bh_status bh_socket_listen_all(bh_listeners *out, const bh_address *address,
                               bh_error *err)
{
    int code = EADDRINUSE;
    bool picks = strtoul(address->port, NULL, 10) == 0;
    *out = (bh_listeners){0};
    // A port that was free on the first address may be taken on the second.
    for (int attempt = 0; attempt < (picks ? PORT_ATTEMPTS : 1) && code == EADDRINUSE;
         attempt++) {
        struct addrinfo *list = NULL;
        bh_status status = resolve(&list, address, AI_PASSIVE, err);
        if (status != BH_OK) {
            return status;
        }
        code = listen_list(out, list, !address->is_ip);
        freeaddrinfo(list);
        if (code != 0) {
            bh_socket_unlisten(out);
        }
    }
    return code == 0 ? BH_OK : listen_failed(address, code, err);
}

void bh_socket_unlisten(bh_listeners *l)
{
    for (size_t i = 0; i < l->count; i++) {
        close(l->fds[i]);
    }
    *l = (bh_listeners){0};
}

int bh_socket_accept(int listen_fd, char *peer)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    char host[128] = "?", port[8] = "0";
    int fd = accept4(listen_fd, (struct sockaddr *)&from, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    (void)getnameinfo((struct sockaddr *)&from, len, host, sizeof host, port,
                      sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    bh_address_format(peer, host, port);
    set_no_delay(fd);
    return fd;
}

void bh_socket_close_gently(int fd, int stop_fd, uint32_t linger_ms)
{
    char dropped[4096];
    uint64_t deadline = bh_socket_deadline(linger_ms);
    (void)shutdown(fd, SHUT_WR);
    for (;;) {
        ssize_t n = recv(fd, dropped, sizeof dropped, 0);
        uint32_t left = bh_socket_left_ms(deadline);
        if (n == 0 || left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            break;
        }
        if (n < 0 && bh_socket_wait(fd, stop_fd, POLLIN, left) != BH_WAIT_READY) {
            break;
        }
    }
    close(fd);
}
