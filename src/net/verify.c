// SPDX-License-Identifier: Apache-2.0
#include "net/verify.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/error.h"

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

bh_status bh_fingerprint_parse(uint8_t out[BH_FINGERPRINT_BYTES], const char *text,
                               bh_error *err)
{
    const char *c = text;
    for (size_t i = 0; i < BH_FINGERPRINT_BYTES; i++) {
        c += i > 0 && *c == ':';
        int high = hex_value(c[0]);
        int low = high >= 0 ? hex_value(c[1]) : -1;
        if (low < 0) {
            return bh_fail(err, BH_ERR_ARG,
                           "the fingerprint is not 64 hex digits (SHA-256)");
        }
        out[i] = (uint8_t)(high * 16 + low);
        c += 2;
    }
    if (*c != '\0') {
        return bh_fail(err, BH_ERR_ARG,
                       "the fingerprint is longer than 64 hex digits (SHA-256)");
    }
    return BH_OK;
}

static int certificate_is_pinned(X509_STORE_CTX *store, void *user)
{
    const uint8_t *expected = user;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf == NULL || X509_digest(leaf, EVP_sha256(), digest, &len) != 1 ||
        len != BH_FINGERPRINT_BYTES || CRYPTO_memcmp(digest, expected, len) != 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

void bh_verify_fingerprint(SSL_CTX *context, const uint8_t *fingerprint)
{
    SSL_CTX_set_cert_verify_callback(context, certificate_is_pinned,
                                     (void *)(uintptr_t)fingerprint);
}

bh_status bh_verify_host(SSL *ssl, const bh_address *address)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int ok = address->is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, address->host)
                            : X509_VERIFY_PARAM_set1_host(param, address->host, 0) &&
                                  SSL_set_tlsext_host_name(ssl, address->host) == 1;
    return ok == 1 ? BH_OK : BH_ERR_TLS;
}

static bh_status explain_certificate(long verdict, const bh_address *address,
                                     const char *where, const char *ca_file,
                                     bh_error *err)
{
    switch (verdict) {
    case X509_V_ERR_APPLICATION_VERIFICATION:
        return bh_fail(err, BH_ERR_TLS,
                       "the certificate of %.120s does not have the given fingerprint",
                       where);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return bh_fail(err, BH_ERR_TLS,
                       "the certificate of %.80s is not made out to \"%.80s\"", where,
                       address->host);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return bh_fail(err, BH_ERR_TLS,
                       "the certificate of %.80s is not trusted: it does not lead to a "
                       "certificate in %.80s",
                       where, ca_file);
    default:
        return bh_fail(err, BH_ERR_TLS, "the certificate of %.120s is refused: %s",
                       where, X509_verify_cert_error_string(verdict));
    }
}

bh_status bh_verify_left(const char *where, bh_error *err)
{
    return bh_fail(
        err, BH_ERR_TLS,
        "%.120s ended the connection during the TLS handshake: it is busy, or "
        "no TLS server",
        where);
}

bh_status bh_verify_other(const char *where, bh_error *err)
{
    return bh_fail(err, BH_ERR_TLS, "%.120s is not a bayhenn server", where);
}

bh_status bh_verify_explain(const SSL *ssl, const bh_address *address,
                            const char *where, const char *ca_file, bh_error *err)
{
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) {
        return explain_certificate(verdict, address, where, ca_file, err);
    }
    unsigned long code = ERR_peek_error();
    switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_RECORD_LENGTH_MISMATCH:
        return bh_fail(err, BH_ERR_TLS, "%.120s does not speak TLS 1.3", where);
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        return bh_verify_other(where, err);
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return bh_verify_left(where, err);
    default: {
        const char *reason = ERR_reason_error_string(code);
        return bh_fail(err, BH_ERR_TLS, "no secure connection to %.100s: %.80s", where,
                       reason != NULL ? reason : "unknown reason");
    }
    }
}
