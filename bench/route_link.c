// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "measure.h"
#include "net/selfsigned.h"
#include "net/tls.h"
#include "proxy.h"
#include "route.h"

#define TIMEOUT_MS 600000

// A thread that runs until it is stopped.
typedef struct runner {
    pthread_t thread;
    bool started;
} runner;

typedef struct remote {
    bh_selfsigned identity;
    bool has_identity;
    bh_tls_server *server;
    proxy *proxy; // NULL: none
    bh_tls_client *client;
    runner server_runner, proxy_runner;
} remote;

static void *run_server(void *argument)
{
    (void)!bh_tls_server_run(argument, NULL);
    return NULL;
}

static void *run_proxy(void *argument)
{
    (void)!proxy_run(argument, NULL);
    return NULL;
}

static bh_status start(runner *r, void *(*run)(void *), void *argument, bh_error *err)
{
    r->started = pthread_create(&r->thread, NULL, run, argument) == 0;
    return r->started ? BH_OK : bh_fail(err, BH_ERR_NOMEM, "cannot start a thread");
}

static void join(runner *r)
{
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
}

static bh_status start_server(remote *r, const bh_service *service, bh_error *err)
{
    r->has_identity = bh_selfsigned_make(&r->identity);
    if (!r->has_identity) {
        return bh_fail(err, BH_ERR_TLS, "cannot make a certificate");
    }
    const bh_tls_server_options options = {.listen = "127.0.0.1:0",
                                           .cert_file = r->identity.cert,
                                           .key_file = r->identity.key,
                                           .workers = 1,
                                           .idle_timeout_ms = TIMEOUT_MS};
    bh_status status = bh_tls_server_new(&r->server, service, &options, err);
    return status == BH_OK ? start(&r->server_runner, run_server, r->server, err)
                           : status;
}

static bh_status start_proxy(remote *r, const bh_link *link, const char *server,
                             bh_error *err)
{
    bh_status status = proxy_new(&r->proxy, "127.0.0.1:0", server, link, err);
    return status == BH_OK ? start(&r->proxy_runner, run_proxy, r->proxy, err) : status;
}

static bh_status open_remote(remote *r, const bh_service *service, bh_pool *pool,
                             const bh_link *link, bh_error *err)
{
    char address[64];
    bh_status status = start_server(r, service, err);
    if (status != BH_OK) {
        return status;
    }
    snprintf(address, sizeof address, "127.0.0.1:%u", bh_tls_server_port(r->server));
    if (link != NULL) {
        status = start_proxy(r, link, address, err);
        if (status != BH_OK) {
            return status;
        }
        snprintf(address, sizeof address, "127.0.0.1:%u", proxy_port(r->proxy));
    }
    const bh_tls_client_options options = {.connect = address,
                                           .ca_file = r->identity.cert,
                                           .pool = pool,
                                           .timeout_ms = TIMEOUT_MS};
    return bh_tls_client_new(&r->client, &options, err);
}

// The client leaves first: its goodbye still goes through the proxy.
static void close_remote(void *self)
{
    remote *r = self;
    bh_tls_client_free(r->client);
    if (r->server != NULL) {
        bh_tls_server_stop(r->server);
    }
    join(&r->server_runner);
    if (r->proxy != NULL) {
        proxy_stop(r->proxy);
    }
    join(&r->proxy_runner);
    proxy_free(r->proxy);
    bh_tls_server_free(r->server);
    if (r->has_identity) {
        bh_selfsigned_remove(&r->identity);
    }
    bh_free(r);
}

static bh_status query(void *self, bh_client_result *out, route_times *times,
                       const uint8_t *pixels, bh_error *err)
{
    remote *r = self;
    double begin = measure_now_ns();
    bh_status status = bh_tls_client_query(r->client, out, pixels, err);
    if (status == BH_OK) {
        *times = (route_times){.total_ns = measure_now_ns() - begin,
                               .client_ns = out->client_ms * 1e6,
                               .server_ns = out->server_ms * 1e6};
    }
    return status;
}

bh_status route_over_link(route *out, const bh_service *service, bh_pool *pool,
                          const bh_link *link, bh_error *err)
{
    remote *r = bh_alloc(1, sizeof *r);
    if (r == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = open_remote(r, service, pool, link, err);
    if (status != BH_OK) {
        close_remote(r);
        return status;
    }
    *out = (route){r, query, close_remote};
    return BH_OK;
}
