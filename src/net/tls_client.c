// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/channel.h"
#include "net/clock.h"
#include "net/socket.h"
#include "net/tls.h"
#include "net/verify.h"

struct bh_tls_client {
    bh_client *engine;
    bh_channel channel;
    SSL_CTX *context;
    BIO_METHOD *method;
    bh_address address;
    char where[BH_ADDRESS_TEXT_MAX]; // "HOST:PORT" for sentences
    uint8_t fingerprint[BH_FINGERPRINT_BYTES];
    bool check_host;   // by a CA file, not by a fingerprint
    char ca_file[128]; // its beginning, for sentences
    bh_client_options engine_options;
    uint32_t timeout_ms;
};

static const uint8_t *engine_output(const void *self, size_t *len)
{
    return bh_client_output(self, len);
}

static void engine_sent(void *self, size_t len)
{
    bh_client_sent(self, len);
}

static bh_status engine_feed(void *self, const uint8_t *in, size_t len, bh_error *err)
{
    return bh_client_feed(self, in, len, err);
}

static bh_status check_options(bh_tls_client *client, const bh_tls_client_options *o,
                               bh_error *err)
{
    if ((o->ca_file == NULL) == (o->fingerprint == NULL)) {
        return bh_fail(err, BH_ERR_ARG,
                       "the server's certificate is checked against either a CA file "
                       "or a fingerprint: give one of the two");
    }
    bh_status status =
        bh_address_parse(&client->address, o->connect, BH_TLS_DEFAULT_PORT, err);
    if (status == BH_OK && o->fingerprint != NULL) {
        status = bh_fingerprint_parse(client->fingerprint, o->fingerprint, err);
    }
    if (status == BH_OK &&
        strspn(client->address.port, "0") == strlen(client->address.port)) {
        status = bh_fail(err, BH_ERR_ARG,
                         "\"%.100s\" is no address of a server: ports are 1 to 65535, "
                         "write HOST:PORT",
                         o->connect);
    }
    bh_address_format(client->where, client->address.host, client->address.port);
    return status;
}

static bh_status prepare(bh_tls_client *client, const bh_tls_client_options *options,
                         bh_error *err)
{
    bh_status status = check_options(client, options, err);
    if (status != BH_OK) {
        return status;
    }
    client->engine_options = (bh_client_options){
        .guard = options->guard, .clock = bh_clock_us, .pool = options->pool};
    client->timeout_ms = options->timeout_ms;
    client->check_host = options->fingerprint == NULL;
    snprintf(client->ca_file, sizeof client->ca_file, "%s",
             options->ca_file != NULL ? options->ca_file : "");
    client->context = bh_tls_context_new(TLS_client_method());
    client->method = bh_tls_socket_method_new();
    if (client->context == NULL || client->method == NULL) {
        return bh_fail(err, BH_ERR_TLS, "OpenSSL cannot set up a TLS 1.3 client");
    }
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    if (options->fingerprint != NULL) {
        bh_verify_fingerprint(client->context, client->fingerprint);
        return BH_OK;
    }
    return bh_tls_context_trust(client->context, options->ca_file, err);
}

// The sentence for a connection that ended when something was still expected.
static bh_status explain_end(bh_tls_client *client, bh_pump pump, bh_error *err)
{
    switch (pump) {
    case BH_PUMP_TIMEOUT:
        return bh_fail(err, BH_ERR_IO, "%.120s did not answer within %u second%s",
                       client->where, client->channel.timeout_ms / 1000,
                       client->channel.timeout_ms / 1000 == 1 ? "" : "s");
    case BH_PUMP_CLOSED:
        return bh_fail(err, BH_ERR_PEER, "%.120s ended the connection", client->where);
    default:
        return bh_fail(err, BH_ERR_IO, "the connection to %.120s was lost",
                       client->where);
    }
}

static bh_status handshake(bh_tls_client *client, bh_error *err)
{
    bh_pump why = BH_PUMP_VANISHED;
    bh_channel *ch = &client->channel;
    SSL_set_connect_state(ch->ssl);
    if (client->check_host && bh_verify_host(ch->ssl, &client->address) != BH_OK) {
        return bh_fail(err, BH_ERR_TLS, "the host name %.120s cannot be checked",
                       client->address.host);
    }
    bh_status status = bh_channel_handshake(ch, &why);
    if (status == BH_ERR_TLS) {
        status = bh_verify_explain(ch->ssl, &client->address, client->where,
                                   client->ca_file, err);
        ERR_clear_error();
    } else if (status != BH_OK && why == BH_PUMP_TIMEOUT) {
        status = bh_fail(err, BH_ERR_IO,
                         "%.120s did not answer within %u seconds: it may be serving "
                         "as many clients as it has workers",
                         client->where, ch->timeout_ms / 1000);
    } else if (status != BH_OK) {
        status = bh_verify_left(client->where, err);
    } else if (!bh_tls_speaks_bayhenn(ch->ssl)) {
        status = bh_verify_other(client->where, err);
    }
    return status;
}

// Moves bytes until the engine is ready, or done with its last query.
static bh_status run_engine(bh_tls_client *client, bh_error *err)
{
    const bh_engine engine = {client->engine, NULL, engine_output, engine_sent,
                              engine_feed};
    size_t left = 0;
    for (;;) {
        bh_client_state state = bh_client_get_state(client->engine);
        (void)bh_client_output(client->engine, &left);
        if ((state == BH_CLIENT_READY || state == BH_CLIENT_SPENT) && left == 0) {
            return BH_OK;
        }
        if (state == BH_CLIENT_FAILED) {
            return bh_fail_plain(err, BH_ERR_STATE);
        }
        bh_error why = {.status = BH_ERR_PEER};
        bh_pump pump = bh_channel_pump(&client->channel, &engine, &why);
        if (pump == BH_PUMP_REFUSED) {
            return bh_fail(err, why.status, "%s", why.message);
        }
        if (pump != BH_PUMP_PROGRESS) {
            return explain_end(client, pump, err);
        }
    }
}

// A new connection with a new engine and so a new key.
static bh_status establish(bh_tls_client *client, bh_error *err)
{
    int fd = -1;
    bh_status status = bh_client_new(&client->engine, &client->engine_options);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    status = bh_socket_connect(&fd, &client->address, client->timeout_ms, err);
    if (status != BH_OK) {
        return status;
    }
    client->channel = (bh_channel){
        .stop_fd = -1, .timeout_ms = client->timeout_ms, .no_linger = true};
    status = bh_channel_open(&client->channel, client->context, client->method, fd);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    status = handshake(client, err);
    return status == BH_OK ? run_engine(client, err) : status;
}

static bool same_facts(const bh_client *a, const bh_client *b)
{
    bh_client_facts f = bh_client_get_facts(a), g = bh_client_get_facts(b);
    for (uint32_t i = 0; i < f.n_classes; i++) {
        if (strcmp(bh_client_class_name(a, i), bh_client_class_name(b, i)) != 0) {
            return false;
        }
    }
    return f.guard == g.guard && f.samples == g.samples && f.n_classes == g.n_classes &&
           f.channels == g.channels && f.height == g.height && f.width == g.width &&
           strcmp(f.model_name, g.model_name) == 0 &&
           strcmp(f.dataset, g.dataset) == 0 &&
           strcmp(f.params_name, g.params_name) == 0;
}

// The next session, after one whose key is spent. The caller's pixels and what it knows
// of the model are those of the old one: a server that has changed is refused.
static bh_status renew(bh_tls_client *client, bh_error *err)
{
    bh_client *spent = client->engine;
    client->engine = NULL;
    bh_channel_close(&client->channel);
    bh_status status = establish(client, err);
    if (status == BH_OK && !same_facts(spent, client->engine)) {
        status = bh_fail(err, BH_ERR_PEER, "%.120s offers another model than before",
                         client->where);
    }
    if (status != BH_OK) {
        // The old engine stays, so that what was borrowed from it and its state hold.
        bh_channel_close(&client->channel);
        bh_client_free(client->engine);
        client->engine = spent;
        return status;
    }
    bh_client_free(spent);
    return BH_OK;
}

bh_status bh_tls_client_new(bh_tls_client **out, const bh_tls_client_options *options,
                            bh_error *err)
{
    *out = NULL;
    bh_tls_client *client = bh_alloc(1, sizeof *client);
    if (client == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = prepare(client, options, err);
    if (status == BH_OK) {
        status = establish(client, err);
    }
    if (status != BH_OK) {
        bh_tls_client_free(client);
        return status;
    }
    *out = client;
    return BH_OK;
}

void bh_tls_client_free(bh_tls_client *client)
{
    if (client == NULL) {
        return;
    }
    bh_channel_close(&client->channel);
    bh_client_free(client->engine);
    SSL_CTX_free(client->context);
    BIO_meth_free(client->method);
    bh_free(client);
}

const bh_client *bh_tls_client_engine(const bh_tls_client *client)
{
    return client->engine;
}

bh_status bh_tls_client_prepare(bh_tls_client *client, bh_error *err)
{
    bh_status status = bh_client_get_state(client->engine) == BH_CLIENT_SPENT
                           ? BH_WANT_MORE
                           : bh_client_prepare(client->engine, err);
    return status == BH_OK ? run_engine(client, err) : status;
}

bh_status bh_tls_client_query(bh_tls_client *client, bh_client_result *out,
                              const uint8_t *pixels, bh_error *err)
{
    bh_status status = BH_OK;
    if (bh_client_get_state(client->engine) == BH_CLIENT_SPENT) {
        status = renew(client, err);
    }
    if (status == BH_OK) {
        status = bh_client_query(client->engine, pixels, err);
    }
    if (status == BH_OK) {
        status = run_engine(client, err);
    }
    return status == BH_OK ? bh_client_get_result(client->engine, out) : status;
}
