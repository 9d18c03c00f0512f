// SPDX-License-Identifier: Apache-2.0
// Servers and clients over TLS on the loopback interface, well-behaved and not.
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hooks.h"
#include "bayhenn/he.h"
#include "net/channel.h"
#include "net/selfsigned.h"
#include "net/socket.h"
#include "net/tls.h"
#include "protocol/frame.h"
#include "protocol/service.h"
#include "support/frames.h"
#include "support/random_model.h"
#include "support/sealed.h"

enum { WORKERS = 3, CLIENTS = 6, QUERIES = 2, AHEAD = 3, TIMEOUT_MS = 20000 };

typedef struct fixture {
    bh_selfsigned identity;
    bh_model *model;
    bh_service *service;
    bh_pool *pool; // what all sessions and clients compute on
    bh_tls_server *server;
    pthread_t thread;
    char address[64];
    uint8_t *pixels;
} fixture;

static void *run_server(void *argument)
{
    bh_error err = {0};
    bh_status status = bh_tls_server_run(argument, &err);
    return status == BH_OK ? NULL : argument;
}

static bh_tls_server *new_server(const fixture *f, const char *listen, bh_error *err)
{
    bh_tls_server *server = NULL;
    bh_tls_server_options options = {.listen = listen,
                                     .cert_file = f->identity.cert,
                                     .key_file = f->identity.key,
                                     .workers = WORKERS,
                                     .idle_timeout_ms = TIMEOUT_MS};
    (void)!bh_tls_server_new(&server, f->service, &options, err);
    return server;
}

static int set_up_guard(void **state, bh_guard guard)
{
    fixture *f = calloc(1, sizeof *f);
    test_rng rng = test_rng_new(bh_guard_name(guard));
    bh_error err = {0};
    bool sealed = guard == BH_GUARD_SEALED;
    assert_ok(bh_pool_new(&f->pool, 3));
    bh_service_options options = {.guard = guard,
                                  .samples = 2,
                                  .ahead = sealed ? AHEAD : 0,
                                  .pool = f->pool,
                                  .prepare_bytes = sealed ? 0 : 8 << 20};
    assert_true(bh_selfsigned_make(&f->identity));
    f->model = sealed ? sealed_model(&rng, &options) : random_model(&rng);
    f->pixels = calloc(bh_model_input_len(f->model), 1);
    random_pixels(&rng, f->pixels, &f->model->graph);
    assert_ok(bh_service_new(&f->service, f->model, &options, &err));
    f->server = new_server(f, "127.0.0.1:0", &err);
    assert_non_null(f->server);
    sprintf(f->address, "127.0.0.1:%u", bh_tls_server_port(f->server));
    assert_int_equal(pthread_create(&f->thread, NULL, run_server, f->server), 0);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_guard(state, BH_GUARD_SAMPLED);
}

static int set_up_sealed(void **state)
{
    return set_up_guard(state, BH_GUARD_SEALED);
}

static int tear_down(void **state)
{
    fixture *f = *state;
    void *failed = f;
    bh_tls_server_stop(f->server);
    pthread_join(f->thread, &failed);
    bh_tls_server_free(f->server);
    bh_service_free(f->service);
    bh_model_free(f->model);
    bh_pool_free(f->pool);
    bh_selfsigned_remove(&f->identity);
    free(f->pixels);
    free(f);
    return failed == NULL ? 0 : -1;
}

static bh_tls_client_options client_options(const fixture *f)
{
    return (bh_tls_client_options){.connect = f->address,
                                   .ca_file = f->identity.cert,
                                   .guard = 0, // any
                                   .pool = f->pool,
                                   .timeout_ms = TIMEOUT_MS};
}

static void assert_refused(const bh_tls_client_options *options, bh_status expected,
                           const char *part)
{
    bh_tls_client *client = NULL;
    bh_error err = {0};
    bh_status status = bh_tls_client_new(&client, options, &err);
    if (status != expected || strstr(err.message, part) == NULL) {
        fail_msg("%s: \"%s\", not \"%s\"", bh_status_name(status), err.message, part);
    }
    assert_null(client);
}

// As many queries as the server allows: none under guard `sampled`.
static bool prepare_all(bh_tls_client *client)
{
    const bh_client *engine = bh_tls_client_engine(client);
    uint32_t ahead = bh_client_get_facts(engine).ahead;
    bh_status status;
    do {
        status = bh_tls_client_prepare(client, NULL);
    } while (status == BH_OK);
    return status == BH_WANT_MORE && bh_client_prepared(engine) == ahead;
}

// Some queries prepared ahead, and one more than that. Returns NULL if all went well.
static void *run_client(void *argument)
{
    const fixture *f = argument;
    bh_tls_client *client = NULL;
    bh_client_result result;
    bh_tls_client_options options = client_options(f);
    bool ok =
        bh_tls_client_new(&client, &options, NULL) == BH_OK && prepare_all(client);
    uint32_t queries =
        ok ? QUERIES + bh_client_prepared(bh_tls_client_engine(client)) : 0;
    for (uint32_t i = 0; ok && i < queries; i++) {
        ok = bh_tls_client_query(client, &result, f->pixels, NULL) == BH_OK &&
             result.bytes_up > 0 && result.bytes_down > 0;
    }
    bh_tls_client_free(client);
    return ok ? NULL : argument;
}

static void test_one_client(void **state)
{
    assert_null(run_client(*state));
}

// The last query under a key is answered, the next one goes over a new session.
static void test_spent_key(void **state)
{
    const fixture *f = *state;
    bh_tls_client *client = NULL;
    bh_client_result result;
    bh_tls_client_options options = client_options(f);
    bh_hooks *hooks = bh_hooks_get();
    assert_ok(bh_tls_client_new(&client, &options, NULL));
    hooks->answers_before = BH_ANSWERS_PER_KEY_MAX - 1;
    assert_ok(bh_tls_client_query(client, &result, f->pixels, NULL));
    assert_int_equal(bh_client_get_state(bh_tls_client_engine(client)),
                     BH_CLIENT_SPENT);
    hooks->answers_before = 0;
    assert_ok(bh_tls_client_query(client, &result, f->pixels, NULL));
    assert_int_equal(bh_client_get_state(bh_tls_client_engine(client)),
                     BH_CLIENT_READY);
    bh_tls_client_free(client);
}

static void test_several_clients(void **state)
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) { // as many as are served or may wait
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, *state), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

// ---- clients that vanish ----

static const uint8_t *output(const void *self, size_t *len)
{
    return bh_client_output(self, len);
}

static void sent(void *self, size_t len)
{
    bh_client_sent(self, len);
}

static bh_status feed(void *self, const uint8_t *in, size_t len, bh_error *err)
{
    return bh_client_feed(self, in, len, err);
}

// A reset instead of a goodbye.
static void vanish(bh_channel *ch)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(ch->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    SSL_free(ch->ssl);
    close(ch->fd);
}

// Goes away after `bytes` bytes of the first query were sent.
static void connect_and_vanish(const fixture *f, uint64_t bytes)
{
    bh_error err = {0};
    bh_address address;
    bh_client *engine = NULL;
    bh_channel ch = {.stop_fd = -1, .timeout_ms = TIMEOUT_MS};
    bh_pump pump = BH_PUMP_PROGRESS;
    int fd = -1;
    SSL_CTX *context = bh_tls_context_new(TLS_client_method());
    BIO_METHOD *method = bh_tls_socket_method_new();
    assert_ok(bh_address_parse(&address, f->address, 0, &err));
    assert_ok(bh_socket_connect(&fd, &address, TIMEOUT_MS, &err));
    assert_ok(bh_channel_open(&ch, context, method, fd));
    SSL_set_connect_state(ch.ssl);
    assert_ok(bh_channel_handshake(&ch, &pump));
    bh_client_options options = {.guard = 0}; // any
    assert_ok(bh_client_new(&engine, &options));
    const bh_engine pumped = {engine, NULL, output, sent, feed};
    while (bh_client_get_state(engine) == BH_CLIENT_CONNECTING) {
        assert_int_equal(bh_channel_pump(&ch, &pumped, &err), BH_PUMP_PROGRESS);
    }
    assert_ok(bh_client_query(engine, f->pixels, &err));
    uint64_t end = ch.bytes_out + bytes;
    while (ch.bytes_out < end && bh_client_get_state(engine) == BH_CLIENT_BUSY) {
        assert_int_equal(bh_channel_pump(&ch, &pumped, &err), BH_PUMP_PROGRESS);
    }
    vanish(&ch);
    bh_client_free(engine);
    BIO_meth_free(method);
    SSL_CTX_free(context);
}

static void test_vanishing_clients(void **state)
{
    pthread_t thread;
    void *failed;
    assert_int_equal(pthread_create(&thread, NULL, run_client, *state), 0);
    for (int i = 0; i < 2 * WORKERS; i++) {
        connect_and_vanish(*state, (uint64_t)i * 20000);
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_null(run_client(*state)); // every worker is still there
}

// ---- full sockets ----

enum {
    TALK_BYTES = 8 << 20,
    PIECE_BYTES = 300000,
    PIECES = TALK_BYTES / PIECE_BYTES + 1
};

// An engine that has a lot to say at once, in pieces where it is to compute them, and
// is content when it has heard as much.
typedef struct talker {
    const fixture *f;
    int fd;
    uint8_t *bytes;
    size_t said, to_say, heard, pieces;
    bool works;
} talker;

static bh_status talker_work(void *self, bh_error *err)
{
    talker *t = self;
    (void)err;
    if (t->pieces == 0) {
        return BH_WANT_MORE;
    }
    t->pieces--;
    t->to_say += PIECE_BYTES;
    return BH_OK;
}

static const uint8_t *talker_output(const void *self, size_t *len)
{
    const talker *t = self;
    *len = t->to_say - t->said;
    return t->bytes + t->said;
}

static void talker_sent(void *self, size_t len)
{
    talker *t = self;
    t->said += len;
}

static bh_status talker_feed(void *self, const uint8_t *in, size_t len, bh_error *err)
{
    talker *t = self;
    (void)in;
    (void)err;
    t->heard += len;
    return BH_OK;
}

static void talk(bh_channel *ch, talker *t)
{
    bh_error err = {0};
    bh_pump pump = BH_PUMP_PROGRESS;
    size_t all = (size_t)PIECES * PIECE_BYTES;
    t->bytes = calloc(all, 1);
    t->pieces = t->works ? PIECES : 0;
    t->to_say = t->works ? 0 : all;
    const bh_engine engine = {t, t->works ? talker_work : NULL, talker_output,
                              talker_sent, talker_feed};
    while (pump == BH_PUMP_PROGRESS && (t->heard < all || t->said < all)) {
        pump = bh_channel_pump(ch, &engine, &err);
    }
    free(t->bytes);
}

static void *talk_as_server(void *argument)
{
    talker *t = argument;
    bh_error err = {0};
    bh_pump why;
    bh_channel ch = {.stop_fd = -1, .timeout_ms = TIMEOUT_MS};
    SSL_CTX *context = bh_tls_context_new(TLS_server_method());
    BIO_METHOD *method = bh_tls_socket_method_new();
    if (bh_tls_context_identity(context, t->f->identity.cert, t->f->identity.key,
                                &err) == BH_OK &&
        bh_channel_open(&ch, context, method, t->fd) == BH_OK) {
        SSL_set_accept_state(ch.ssl);
        if (bh_channel_handshake(&ch, &why) == BH_OK) {
            talk(&ch, t);
        }
        bh_channel_close(&ch);
    }
    BIO_meth_free(method);
    SSL_CTX_free(context);
    return NULL;
}

// Both sides have megabytes to send at once, more than their sockets hold, and neither
// waits for the other, whether it has them ready or computes them piece by piece.
static void test_both_send(void **state)
{
    for (int works = 0; works < 2; works++) {
        int fds[2], small = 8192;
        bh_pump why;
        pthread_t thread;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        for (int i = 0; i < 2; i++) {
            setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        }
        talker server = {.f = *state, .fd = fds[0], .works = works};
        talker client = {.fd = fds[1]};
        assert_int_equal(pthread_create(&thread, NULL, talk_as_server, &server), 0);
        SSL_CTX *context = bh_tls_context_new(TLS_client_method());
        BIO_METHOD *method = bh_tls_socket_method_new();
        bh_channel ch = {.stop_fd = -1, .timeout_ms = TIMEOUT_MS, .no_linger = true};
        assert_ok(bh_channel_open(&ch, context, method, client.fd));
        SSL_set_connect_state(ch.ssl);
        assert_ok(bh_channel_handshake(&ch, &why));
        talk(&ch, &client);
        bh_channel_close(&ch);
        pthread_join(thread, NULL);
        BIO_meth_free(method);
        SSL_CTX_free(context);
        assert_int_equal(server.heard, (size_t)PIECES * PIECE_BYTES);
        assert_int_equal(client.heard, (size_t)PIECES * PIECE_BYTES);
    }
}

// Idle workers fill the store, and again after a query has taken from it.
static void test_prepares(void **state)
{
    const fixture *f = *state;
    const bh_store *store = f->service->store;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < f->service->plan->n_layers; i++) {
            assert_true(bh_store_capacity(store, i) > 0);
            for (int ms = 0; bh_store_ready(store, i) < bh_store_capacity(store, i);
                 ms++) {
                assert_true(ms < TIMEOUT_MS);
                usleep(1000);
            }
        }
        assert_null(run_client(*state));
    }
}

// ---- certificates ----

static void test_certificates(void **state)
{
    fixture *f = *state;
    bh_tls_client_options options = client_options(f);
    bh_selfsigned other;
    assert_true(bh_selfsigned_make(&other));

    options.ca_file = other.cert;
    assert_refused(&options, BH_ERR_TLS, "not trusted");
    options.ca_file = "/nonexistent/ca.pem";
    assert_refused(&options, BH_ERR_IO, "No such file");
    options.ca_file = f->identity.key;
    assert_refused(&options, BH_ERR_TLS, "no certificate");
    options.ca_file = NULL;
    assert_refused(&options, BH_ERR_ARG, "one of the two"); // neither
    options.fingerprint =
        "0000000000000000000000000000000000000000000000000000000000000000";
    assert_refused(&options, BH_ERR_TLS, "fingerprint");
    options.fingerprint = "12";
    assert_refused(&options, BH_ERR_ARG, "64 hex digits");
    options.ca_file = f->identity.cert;
    assert_refused(&options, BH_ERR_ARG, "one of the two"); // both
    bh_selfsigned_remove(&other);
}

static void test_server_files(void **state)
{
    fixture copy = *(fixture *)*state;
    bh_error err = {0};
    bh_selfsigned other;
    assert_true(bh_selfsigned_make(&other));
    assert_null(new_server(&copy, copy.address, &err));
    assert_non_null(strstr(err.message, "in use"));
    strcpy(copy.identity.key, other.key);
    assert_null(new_server(&copy, "127.0.0.1:0", &err));
    assert_non_null(strstr(err.message, "does not belong"));
    strcpy(copy.identity.key, "/nonexistent/key");
    assert_null(new_server(&copy, "127.0.0.1:0", &err));
    assert_non_null(strstr(err.message, "No such file"));
    strcpy(copy.identity.key, other.cert);
    assert_null(new_server(&copy, "127.0.0.1:0", &err));
    assert_non_null(strstr(err.message, "no private key"));
    bh_selfsigned_remove(&other);
}

// ---- servers that are none of ours ----

typedef struct impostor {
    const fixture *f;
    int listen_fd;
    enum { SILENT, PLAIN_TEXT, OTHER_VERSION, OTHER_NAME, TLS_1_2 } kind;
    uint8_t bytes[4096];
    size_t len;
} impostor;

static const uint8_t *impostor_output(const void *self, size_t *len)
{
    const impostor *i = self;
    *len = i->len;
    return i->bytes;
}

static void impostor_sent(void *self, size_t len)
{
    impostor *i = self;
    memmove(i->bytes, i->bytes + len, i->len - len);
    i->len -= len;
}

// Answers the client's hello as the next version would: type and version only.
static bh_status impostor_feed(void *self, const uint8_t *in, size_t len, bh_error *err)
{
    impostor *i = self;
    bh_server *server = NULL;
    size_t out_len = 0;
    assert_ok(bh_server_new(&server, i->f->service));
    assert_ok(bh_server_feed(server, in, len, err));
    const uint8_t *out = bh_server_output(server, &out_len);
    i->len = out_len < sizeof i->bytes ? out_len : sizeof i->bytes;
    memcpy(i->bytes, out, i->len);
    i->bytes[BH_FRAME_HEADER_BYTES + 4] = BH_WIRE_VERSION + 1;
    bh_server_free(server);
    return BH_OK;
}

static void only_tls_1_2(SSL_CTX *context)
{
    assert_int_equal(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION), 1);
}

// The certificate of another name, or another TLS: the handshake does not end well.
// Another version of the protocol: it does.
static void serve_tls(impostor *i, int fd)
{
    bh_error err = {0};
    bh_channel ch = {.stop_fd = -1, .timeout_ms = TIMEOUT_MS};
    bh_pump pump = BH_PUMP_PROGRESS;
    SSL_CTX *context = bh_tls_context_new(TLS_server_method());
    BIO_METHOD *method = bh_tls_socket_method_new();
    const bh_engine engine = {i, NULL, impostor_output, impostor_sent, impostor_feed};
    assert_ok(bh_tls_context_identity(context, i->f->identity.cert, i->f->identity.key,
                                      &err));
    if (i->kind == TLS_1_2) {
        only_tls_1_2(context);
    }
    assert_ok(bh_channel_open(&ch, context, method, fd));
    SSL_set_accept_state(ch.ssl);
    bh_status status = bh_channel_handshake(&ch, &pump);
    assert_status(status, i->kind == OTHER_VERSION ? BH_OK : BH_ERR_TLS);
    while (status == BH_OK && pump == BH_PUMP_PROGRESS) {
        pump = bh_channel_pump(&ch, &engine, &err);
    }
    bh_channel_close(&ch);
    BIO_meth_free(method);
    SSL_CTX_free(context);
}

static void *run_impostor(void *argument)
{
    impostor *i = argument;
    char peer[BH_ADDRESS_TEXT_MAX], byte;
    (void)bh_socket_wait(i->listen_fd, -1, 1 /* POLLIN */, TIMEOUT_MS);
    int fd = bh_socket_accept(i->listen_fd, peer);
    if (i->kind >= OTHER_VERSION) {
        serve_tls(i, fd);
        return NULL;
    }
    if (i->kind == PLAIN_TEXT) {
        static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
        (void)!write(fd, text, sizeof text - 1);
    }
    do {
        (void)bh_socket_wait(fd, -1, 1, TIMEOUT_MS);
    } while (read(fd, &byte, 1) > 0);
    close(fd);
    return NULL;
}

static void check_impostor(const fixture *f, int kind, uint32_t timeout_ms,
                           bh_status status, const char *part)
{
    impostor i = {.f = f, .kind = kind};
    bh_address address;
    bh_error err = {0};
    bh_listeners listeners;
    const char *host = kind == OTHER_NAME ? "127.0.0.2" : "127.0.0.1";
    char text[64];
    pthread_t thread;
    sprintf(text, "%s:0", host);
    assert_ok(bh_address_parse(&address, text, 0, &err));
    assert_ok(bh_socket_listen_all(&listeners, &address, &err));
    i.listen_fd = listeners.fds[0]; // of a numeric address there is one
    assert_int_equal(pthread_create(&thread, NULL, run_impostor, &i), 0);
    bh_tls_client_options options = client_options(f);
    sprintf(text, "%s:%u", host, listeners.port);
    options.connect = text;
    options.timeout_ms = timeout_ms;
    assert_refused(&options, status, part);
    pthread_join(thread, NULL);
    bh_socket_unlisten(&listeners);
    // Nobody listens there any more.
    assert_refused(&options, BH_ERR_IO, "refused");
}

static void test_impostors(void **state)
{
    check_impostor(*state, SILENT, 1000, BH_ERR_IO, "did not answer");
    check_impostor(*state, PLAIN_TEXT, TIMEOUT_MS, BH_ERR_TLS, "does not speak TLS");
    check_impostor(*state, OTHER_VERSION, TIMEOUT_MS, BH_ERR_VERSION, "version");
    check_impostor(*state, OTHER_NAME, TIMEOUT_MS, BH_ERR_TLS,
                   "is not made out to \"127.0.0.2\"");
    check_impostor(*state, TLS_1_2, TIMEOUT_MS, BH_ERR_TLS, "does not speak TLS 1.3");
}

// The server answers a client of TLS 1.2 with the alert for that, and serves on.
static void test_old_client(void **state)
{
    const fixture *f = *state;
    bh_error err = {0};
    bh_address address;
    bh_channel ch = {.stop_fd = -1, .timeout_ms = TIMEOUT_MS};
    bh_pump pump = BH_PUMP_PROGRESS;
    int fd = -1;
    SSL_CTX *context = bh_tls_context_new(TLS_client_method());
    BIO_METHOD *method = bh_tls_socket_method_new();
    only_tls_1_2(context);
    assert_ok(bh_address_parse(&address, f->address, 0, &err));
    assert_ok(bh_socket_connect(&fd, &address, TIMEOUT_MS, &err));
    assert_ok(bh_channel_open(&ch, context, method, fd));
    SSL_set_connect_state(ch.ssl);
    assert_status(bh_channel_handshake(&ch, &pump), BH_ERR_TLS);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
                     SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    ERR_clear_error();
    bh_channel_close(&ch);
    BIO_meth_free(method);
    SSL_CTX_free(context);
    assert_null(run_client(*state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_client),
        cmocka_unit_test(test_spent_key),
        cmocka_unit_test(test_several_clients),
        cmocka_unit_test(test_vanishing_clients),
        cmocka_unit_test(test_both_send),
        cmocka_unit_test(test_prepares),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_server_files),
        cmocka_unit_test(test_impostors),
        cmocka_unit_test(test_old_client),
    };
    const struct CMUnitTest sealed[] = {
        cmocka_unit_test(test_one_client),
        cmocka_unit_test(test_spent_key),
        cmocka_unit_test(test_several_clients),
        cmocka_unit_test(test_vanishing_clients),
    };
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    return failed + cmocka_run_group_tests(sealed, set_up_sealed, tear_down);
}
