// SPDX-License-Identifier: Apache-2.0
#include "net/selfsigned.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define DAY_SECONDS 86400

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    const unsigned char text[] = "bayhenn demo";
    return X509_set_version(cert, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_SECONDS) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), DAY_SECONDS) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(cert, subject) == 1 &&
           X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

// A file without a name, and the path by which this process opens it again.
static FILE *create(int *fd, char *path, size_t size, const char *label)
{
    *fd = memfd_create(label, MFD_CLOEXEC);
    snprintf(path, size, "/proc/self/fd/%d", *fd);
    return *fd >= 0 ? fopen(path, "we") : NULL;
}

static bool write_pem(bh_selfsigned *s, X509 *cert, EVP_PKEY *key)
{
    FILE *cert_file = create(&s->cert_fd, s->cert, sizeof s->cert, "server.crt");
    FILE *key_file = create(&s->key_fd, s->key, sizeof s->key, "server.key");
    bool ok = cert_file != NULL && key_file != NULL &&
              PEM_write_X509(cert_file, cert) == 1 &&
              PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = cert_file != NULL && fclose(cert_file) == 0 && ok;
    ok = key_file != NULL && fclose(key_file) == 0 && ok;
    return ok;
}

bool bh_selfsigned_make(bh_selfsigned *s)
{
    *s = (bh_selfsigned){.cert_fd = -1, .key_fd = -1};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool ok = key != NULL && cert != NULL && fill(cert, key) && write_pem(s, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (!ok) {
        bh_selfsigned_remove(s);
    }
    return ok;
}

void bh_selfsigned_remove(bh_selfsigned *s)
{
    if (s->cert_fd >= 0) {
        close(s->cert_fd);
    }
    if (s->key_fd >= 0) {
        close(s->key_fd);
    }
    s->cert_fd = s->key_fd = -1;
}
