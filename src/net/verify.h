// SPDX-License-Identifier: Apache-2.0
// How a client checks the server's certificate, and says what is wrong with it.
#ifndef BH_NET_VERIFY_H
#define BH_NET_VERIFY_H

#include "net/address.h"
#include "net/tls_context.h"

#define BH_FINGERPRINT_BYTES 32

// 64 hex digits, colons allowed between bytes.
bh_status bh_fingerprint_parse(uint8_t out[BH_FINGERPRINT_BYTES], const char *text,
                               bh_error *err) BH_MUST_CHECK;

// Accepts exactly the certificate of this fingerprint; borrows it for the life of the
// context.
void bh_verify_fingerprint(SSL_CTX *context, const uint8_t *fingerprint);

// Asks for the host's name or address in the certificate, and names it to the server.
bh_status bh_verify_host(SSL *ssl, const bh_address *address) BH_MUST_CHECK;

// The sentence for a peer that left before the handshake was over. Returns BH_ERR_TLS.
bh_status bh_verify_left(const char *where, bh_error *err);

// The sentence for a handshake that failed with OpenSSL's queue filled; `where` is
// "HOST:PORT", ca_file only for the sentence. Returns BH_ERR_TLS.
bh_status bh_verify_explain(const SSL *ssl, const bh_address *address,
                            const char *where, const char *ca_file, bh_error *err);

// The sentence for a TLS server of something else. Returns BH_ERR_TLS.
bh_status bh_verify_other(const char *where, bh_error *err);

#endif
