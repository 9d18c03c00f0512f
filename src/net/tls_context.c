// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/error.h"

#define READ_AHEAD_BYTES 65536

// An encrypted key would make OpenSSL ask at the terminal; refuse it instead.
static int no_password(char *buffer, int size, int writing, void *user)
{
    (void)buffer, (void)size, (void)writing, (void)user;
    return -1;
}

static const unsigned char protocol[] = "\x09" BH_TLS_PROTOCOL; // length first
enum { PROTOCOL_LEN = sizeof protocol - 1 };

// Without this a client that names no protocol at all would be let in.
static int require_alpn(SSL *ssl, int *alert, void *user)
{
    const unsigned char *data;
    size_t len;
    (void)user;
    if (SSL_client_hello_get0_ext(ssl,
                                  TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &data, &len) == 1) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned len, void *user)
{
    unsigned char *chosen = NULL;
    (void)ssl, (void)user;
    if (SSL_select_next_proto(&chosen, out_len, protocol, PROTOCOL_LEN, offered, len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; // no_application_protocol
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool bh_tls_speaks_bayhenn(const SSL *ssl)
{
    const unsigned char *selected = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(ssl, &selected, &len);
    return len == PROTOCOL_LEN - 1 && memcmp(selected, protocol + 1, len) == 0;
}

SSL_CTX *bh_tls_context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) {
        return NULL;
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_client_hello_cb(context, require_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    if (SSL_CTX_set_alpn_protos(context, protocol, PROTOCOL_LEN) != 0 ||
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(context, 0) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

// OpenSSL's message for a missing file is not for people; try it first. A pipe is left
// alone: it can be read only once.
static bh_status check_readable(const char *path, bh_error *err)
{
    struct stat info;
    int code = stat(path, &info) == 0 ? 0 : errno;
    if (code == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        FILE *file = fopen(path, "rb");
        code = file == NULL || (fgetc(file) == EOF && ferror(file)) ? errno : 0;
        if (file != NULL) {
            fclose(file);
        }
    }
    if (code != 0) {
        return bh_fail(err, BH_ERR_IO, "cannot open %.150s: %s", path, strerror(code));
    }
    return BH_OK;
}

static bh_status load_key(SSL_CTX *context, const char *cert_file, const char *key_file,
                          bh_error *err)
{
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) == 1) {
        return BH_OK;
    }
    unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509) {
        return bh_fail(err, BH_ERR_TLS,
                       "the key %.100s does not belong to the certificate %.100s",
                       key_file, cert_file);
    }
    return bh_fail(err, BH_ERR_TLS,
                   "%.100s holds no private key in PEM form without a password",
                   key_file);
}

bh_status bh_tls_context_identity(SSL_CTX *context, const char *cert_file,
                                  const char *key_file, bh_error *err)
{
    bh_status status = check_readable(cert_file, err);
    if (status == BH_OK) {
        status = check_readable(key_file, err);
    }
    if (status != BH_OK) {
        return status;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        return bh_fail(err, BH_ERR_TLS,
                       "%.150s holds no usable certificate in PEM form", cert_file);
    }
    return load_key(context, cert_file, key_file, err);
}

bh_status bh_tls_context_trust(SSL_CTX *context, const char *ca_file, bh_error *err)
{
    bh_status status = check_readable(ca_file, err);
    if (status != BH_OK) {
        return status;
    }
    if (SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) {
        return bh_fail(err, BH_ERR_TLS, "%.150s holds no certificate in PEM form",
                       ca_file);
    }
    return BH_OK;
}

// ---- the socket BIO ----

static int socket_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_write(BIO *bio, const char *data, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = send(socket_of(bio), data, (size_t)len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static int bio_read(BIO *bio, char *data, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(socket_of(bio), data, (size_t)len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

BIO_METHOD *bh_tls_socket_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (method != NULL && (BIO_meth_set_write(method, bio_write) != 1 ||
                           BIO_meth_set_read(method, bio_read) != 1 ||
                           BIO_meth_set_ctrl(method, bio_ctrl) != 1)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

BIO *bh_tls_socket_bio_new(const BIO_METHOD *method, int fd)
{
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, (void *)(intptr_t)fd);
        BIO_set_init(bio, 1);
    }
    return bio;
}
