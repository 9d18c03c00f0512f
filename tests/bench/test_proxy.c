// SPDX-License-Identifier: Apache-2.0
// The proxy keeps its promises: nothing arrives early, and a bulk transfer gets the
// bandwidth; bytes are the same at the other end.
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "net/socket.h"
#include "proxy.h"
#include "support/test.h"

#define TIMEOUT_MS 20000
#define PINGS      10
#define BULK_BYTES ((size_t)2 << 20)
#define ATTEMPTS   40 // other programs may slow some of them down

// An echo behind a proxy, and a client connected to it.
typedef struct fixture {
    bh_listeners listeners;
    proxy *link;
    pthread_t echo_thread, proxy_thread;
    int fd;
} fixture;

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        assert_int_equal(bh_socket_wait(fd, -1, POLLOUT, TIMEOUT_MS), BH_WAIT_READY);
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

static size_t read_some(int fd, uint8_t *data, size_t len)
{
    if (bh_socket_wait(fd, -1, POLLIN, TIMEOUT_MS) != BH_WAIT_READY) {
        return 0;
    }
    ssize_t n = recv(fd, data, len, 0);
    return n > 0 ? (size_t)n : 0;
}

static void read_all(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t n = read_some(fd, data, len);
        assert_true(n > 0);
        data += n;
        len -= n;
    }
}

// Answers what it reads, until the client says goodbye.
static void *run_echo(void *argument)
{
    fixture *f = argument;
    char peer[BH_ADDRESS_TEXT_MAX];
    uint8_t data[65536];
    size_t n;
    (void)bh_socket_wait(f->listeners.fds[0], -1, POLLIN, TIMEOUT_MS);
    int fd = bh_socket_accept(f->listeners.fds[0], peer);
    while (fd >= 0 && (n = read_some(fd, data, sizeof data)) > 0) {
        write_all(fd, data, n);
    }
    close(fd);
    return NULL;
}

static void *run_proxy(void *argument)
{
    return proxy_run(argument, NULL) == BH_OK ? NULL : argument;
}

static int connect_to(uint16_t port)
{
    char text[64];
    bh_address address;
    int fd = -1;
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_int_equal(bh_address_parse(&address, text, 0, NULL), BH_OK);
    assert_int_equal(bh_socket_connect(&fd, &address, TIMEOUT_MS, NULL), BH_OK);
    return fd;
}

static void open_link(fixture *f, const char *text)
{
    bh_link link;
    bh_address any;
    char target[64];
    assert_int_equal(bh_link_parse(&link, text, NULL), BH_OK);
    assert_int_equal(bh_address_parse(&any, "127.0.0.1:0", 0, NULL), BH_OK);
    assert_int_equal(bh_socket_listen_all(&f->listeners, &any, NULL), BH_OK);
    snprintf(target, sizeof target, "127.0.0.1:%u", f->listeners.port);
    assert_int_equal(proxy_new(&f->link, "127.0.0.1:0", target, &link, NULL), BH_OK);
    pthread_create(&f->echo_thread, NULL, run_echo, f);
    pthread_create(&f->proxy_thread, NULL, run_proxy, f->link);
    f->fd = connect_to(proxy_port(f->link));
}

// The goodbye goes through the proxy to the echo, and comes back.
static void close_link(fixture *f)
{
    uint8_t byte;
    void *failed = f;
    shutdown(f->fd, SHUT_WR);
    assert_int_equal(read_some(f->fd, &byte, 1), 0);
    close(f->fd);
    pthread_join(f->echo_thread, NULL);
    proxy_stop(f->link);
    pthread_join(f->proxy_thread, &failed);
    assert_null(failed);
    proxy_free(f->link);
    bh_socket_unlisten(&f->listeners);
}

static void test_delay(void **state)
{
    fixture f;
    double fastest = INFINITY;
    (void)state;
    open_link(&f, "100mbit,20ms");
    for (uint8_t i = 0; i < PINGS; i++) {
        uint8_t byte = i;
        double start = measure_now_ns();
        write_all(f.fd, &byte, 1);
        read_all(f.fd, &byte, 1);
        double ms = (measure_now_ns() - start) / 1e6;
        assert_int_equal(byte, i);
        assert_true(ms >= 20);
        fastest = fmin(fastest, ms);
    }
    close_link(&f);
    printf("20 ms of round trip: %.2f ms\n", fastest);
    assert_true(fastest < 22);
}

// ---- bulk ----

typedef struct bulk {
    int fd;
    const uint8_t *data;
} bulk;

static void *run_writer(void *argument)
{
    const bulk *b = argument;
    write_all(b->fd, b->data, BULK_BYTES);
    return NULL;
}

// Seconds from the first byte sent to the last one back, both directions being busy at
// the same time.
static double transfer(fixture *f, const uint8_t *data, uint8_t *back)
{
    pthread_t writer;
    bulk b = {f->fd, data};
    double start = measure_now_ns();
    pthread_create(&writer, NULL, run_writer, &b);
    read_all(f->fd, back, BULK_BYTES);
    double seconds = (measure_now_ns() - start) / 1e9;
    pthread_join(writer, NULL);
    return seconds;
}

static void test_bandwidth(void **state)
{
    fixture f;
    uint8_t *data = malloc(BULK_BYTES), *back = malloc(BULK_BYTES);
    double fastest = INFINITY, expected = BULK_BYTES / 25e6 + 0.004;
    (void)state;
    assert_non_null(data);
    assert_non_null(back);
    for (size_t i = 0; i < BULK_BYTES; i++) {
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    open_link(&f, "25000000,4ms");
    for (int i = 0; i < ATTEMPTS && fastest >= 1.05 * expected; i++) {
        double seconds = transfer(&f, data, back);
        assert_memory_equal(data, back, BULK_BYTES);
        assert_true(seconds >= expected);
        fastest = fmin(fastest, seconds);
    }
    close_link(&f);
    printf("%.1f ms at the limit, %.1f ms measured\n", expected * 1e3, fastest * 1e3);
    assert_true(fastest < 1.05 * expected);
    free(data);
    free(back);
}

// A client that vanishes is forgotten, and the next one is served.
static void test_vanishing(void **state)
{
    fixture f;
    uint8_t byte = 7;
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    open_link(&f, "1gbit,2ms");
    int fd = connect_to(proxy_port(f.link));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    write_all(f.fd, &byte, 1);
    read_all(f.fd, &byte, 1);
    close_link(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_vanishing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
