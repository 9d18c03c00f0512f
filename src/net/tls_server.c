// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/serve.h"
#include "net/socket.h"
#include "net/tls.h"

#define WAITING_PER_WORKER 4

struct bh_tls_server {
    bh_serving serving; // what the workers share
    bool queue_ready;
    pthread_t *threads;
    uint32_t workers;
    bh_listeners listeners;
};

static void *worker_main(void *argument)
{
    bh_tls_server *server = argument;
    bh_connection connection;
    while (bh_queue_pop(&server->serving.queue, &connection, bh_serve_idle,
                        &server->serving)) {
        bh_serve_connection(&server->serving, &connection);
    }
    return NULL;
}

static bh_status open_listener(bh_tls_server *server, const char *text, bh_error *err)
{
    bh_address address;
    bh_status status = bh_address_parse(&address, text, BH_TLS_DEFAULT_PORT, err);
    if (status == BH_OK) {
        status = bh_socket_listen_all(&server->listeners, &address, err);
    }
    return status;
}

static bh_status prepare(bh_tls_server *server, const bh_tls_server_options *options,
                         bh_error *err)
{
    bh_serving *serving = &server->serving;
    serving->context = bh_tls_context_new(TLS_server_method());
    serving->method = bh_tls_socket_method_new();
    serving->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->threads = bh_alloc(server->workers, sizeof *server->threads);
    if (serving->context == NULL || serving->method == NULL) {
        return bh_fail(err, BH_ERR_TLS, "OpenSSL cannot set up a TLS 1.3 server");
    }
    if (serving->stop_fd < 0 || server->threads == NULL ||
        bh_queue_init(&server->serving.queue,
                      (size_t)server->workers * WAITING_PER_WORKER) != BH_OK) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    server->queue_ready = true;
    bh_status status = bh_tls_context_identity(serving->context, options->cert_file,
                                               options->key_file, err);
    return status == BH_OK ? open_listener(server, options->listen, err) : status;
}

bh_status bh_tls_server_new(bh_tls_server **out, const bh_service *service,
                            const bh_tls_server_options *options, bh_error *err)
{
    *out = NULL;
    if (options->workers < 1 || options->workers > BH_TLS_WORKERS_MAX) {
        return bh_fail(err, BH_ERR_ARG, "the number of workers must be 1 to %d",
                       BH_TLS_WORKERS_MAX);
    }
    bh_tls_server *server = bh_alloc(1, sizeof *server);
    if (server == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    server->workers = options->workers;
    server->serving = (bh_serving){.service = service,
                                   .stop_fd = -1,
                                   .idle_timeout_ms = options->idle_timeout_ms,
                                   .log = options->log,
                                   .user = options->user};
    bh_status status = prepare(server, options, err);
    if (status != BH_OK) {
        bh_tls_server_free(server);
        return status;
    }
    *out = server;
    return BH_OK;
}

uint16_t bh_tls_server_port(const bh_tls_server *server)
{
    return server->listeners.port;
}

static void accept_one(bh_tls_server *server, int listen_fd)
{
    bh_connection c;
    c.fd = bh_socket_accept(listen_fd, c.peer);
    if (c.fd >= 0) {
        if (!bh_queue_push(&server->serving.queue, &c)) {
            bh_serve_log(&server->serving, "%s: turned away, all workers are busy",
                         c.peer);
            close(c.fd);
        }
        return;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // Out of descriptors or memory: wait for some to come back, do not spin.
        bh_serve_log(&server->serving, "cannot accept a connection: %s",
                     strerror(errno));
        (void)bh_socket_wait(server->serving.stop_fd, -1, POLLIN, 200);
    }
}

// Waits for connections on any listener, and for the end.
static bh_status accept_loop(bh_tls_server *server, bh_error *err)
{
    const bh_listeners *l = &server->listeners;
    struct pollfd polled[BH_LISTENERS_MAX + 1];
    for (size_t i = 0; i < l->count; i++) {
        polled[i] = (struct pollfd){.fd = l->fds[i], .events = POLLIN};
    }
    polled[l->count] = (struct pollfd){.fd = server->serving.stop_fd, .events = POLLIN};
    for (;;) {
        int n = poll(polled, l->count + 1, -1);
        if (n < 0 && errno != EINTR) {
            return bh_fail(err, BH_ERR_IO, "waiting for connections failed: %s",
                           strerror(errno));
        }
        if (n > 0 && polled[l->count].revents != 0) {
            return BH_OK;
        }
        for (size_t i = 0; n > 0 && i < l->count; i++) {
            if (polled[i].revents != 0) {
                accept_one(server, l->fds[i]);
            }
        }
    }
}

bh_status bh_tls_server_run(bh_tls_server *server, bh_error *err)
{
    uint32_t started = 0;
    int code = 0;
    while (started < server->workers && code == 0) {
        code = pthread_create(&server->threads[started], NULL, worker_main, server);
        started += code == 0;
    }
    bh_status status = code == 0 ? accept_loop(server, err)
                                 : bh_fail(err, BH_ERR_NOMEM,
                                           "cannot start a worker: %s", strerror(code));
    bh_tls_server_stop(server);
    bh_queue_close(&server->serving.queue);
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(server->threads[i], NULL);
    }
    return status;
}

void bh_tls_server_stop(bh_tls_server *server)
{
    int saved = errno;
    const uint64_t one = 1;
    atomic_store(&server->serving.stopping, true);
    // The counter is never read back: from now on every wait ends at once.
    ssize_t written = write(server->serving.stop_fd, &one, sizeof one);
    (void)written;
    errno = saved;
}

void bh_tls_server_free(bh_tls_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->queue_ready) {
        bh_queue_clear(&server->serving.queue);
    }
    bh_socket_unlisten(&server->listeners);
    if (server->serving.stop_fd >= 0) {
        close(server->serving.stop_fd);
    }
    SSL_CTX_free(server->serving.context);
    BIO_meth_free(server->serving.method);
    bh_free(server->threads);
    bh_free(server);
}
