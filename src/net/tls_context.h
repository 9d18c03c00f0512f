// SPDX-License-Identifier: Apache-2.0
// What both ends of a TLS connection share: protocol version, files, error sentences.
#ifndef BH_NET_TLS_CONTEXT_H
#define BH_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "bayhenn/bayhenn.h"

// A context for TLS 1.3 and BH_TLS_PROTOCOL alone, without tickets or resumption: a
// session key of the protocol above never outlives its connection. NULL if OpenSSL
// refuses.
SSL_CTX *bh_tls_context_new(const SSL_METHOD *method);

// What both sides name as the protocol inside TLS (ALPN). A server of this context
// refuses clients that do not offer it (no_application_protocol).
#define BH_TLS_PROTOCOL "bayhenn/1"

// After a client's handshake: whether the server chose it. One that knows nothing of
// bayhenn is recognised here, and not by waiting for an answer that never comes.
bool bh_tls_speaks_bayhenn(const SSL *ssl);

// Loads a PEM chain and its private key. Sentences name the file.
bh_status bh_tls_context_identity(SSL_CTX *context, const char *cert_file,
                                  const char *key_file, bh_error *err) BH_MUST_CHECK;

// Trusts the certificates of a PEM file, and no others.
bh_status bh_tls_context_trust(SSL_CTX *context, const char *ca_file,
                               bh_error *err) BH_MUST_CHECK;

// A BIO over a socket like OpenSSL's own, but sending never raises SIGPIPE. The method
// must outlive the BIOs; the BIO does not close the socket.
BIO_METHOD *bh_tls_socket_method_new(void);
BIO *bh_tls_socket_bio_new(const BIO_METHOD *method, int fd);

#endif
