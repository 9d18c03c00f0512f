// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"

struct bh_stream {
    EVP_CIPHER_CTX *cipher;
};

#ifdef BH_TEST_HOOKS
static int count_and_fail(void)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->random_count++;
    return hooks->fail_random_at > 0 && --hooks->fail_random_at == 0;
}

// INSECURE: reproducible seeds for tests, different at every call.
static bh_status fixed_bytes(uint8_t *out, size_t len)
{
    uint64_t seed = bh_hooks_get()->fixed_seed++;
    for (size_t i = 0; i < len; i += 32) {
        uint8_t block[32];
        uint64_t words[2] = {seed, i};
        bh_status status = bh_hash(block, "fixed", 5, words, sizeof words);
        if (status != BH_OK) {
            return status;
        }
        memcpy(out + i, block, len - i < 32 ? len - i : 32);
    }
    return BH_OK;
}
#else
#define count_and_fail()      0
#define fixed_bytes(out, len) BH_ERR_RNG
#endif

bh_status bh_random_bytes(uint8_t *out, size_t len)
{
    if (count_and_fail()) {
        memset(out, 0, len);
        return BH_ERR_RNG;
    }
    if (BH_HOOK(fixed_seed_on)) {
        return fixed_bytes(out, len);
    }
    for (size_t done = 0; done < len;) {
        ssize_t got = getrandom(out + done, len - done, 0);
        if (got <= 0) {
            bh_wipe(out, len);
            return BH_ERR_RNG;
        }
        done += (size_t)got;
    }
    BH_SECRET(out, len);
    return BH_OK;
}

bh_status bh_hash(uint8_t out[32], const void *a, size_t a_len, const void *b,
                  size_t b_len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
             EVP_DigestUpdate(md, a, a_len) == 1 &&
             EVP_DigestUpdate(md, b, b_len) == 1 &&
             EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (!ok) {
        memset(out, 0, 32);
    }
    return ok ? BH_OK : BH_ERR_CRYPTO;
}

// Every field has a fixed width or a length in front, so the encoding is injective.
static bh_status derive_key(uint8_t key[32], const uint8_t seed[BH_SEED_BYTES],
                            const bh_domain *domain)
{
    static const uint8_t no_transcript[32];
    bh_writer w = {0};
    bh_writer_text(&w, "bayhenn stream 1");
    bh_writer_text(&w, domain->label);
    bh_writer_u8(&w, domain->transcript != NULL);
    bh_writer_bytes(&w, domain->transcript != NULL ? domain->transcript : no_transcript,
                    32);
    bh_writer_u32(&w, domain->layer);
    bh_writer_u32(&w, domain->sample);
    bh_writer_u64(&w, domain->index);
    bh_status status = w.status;
    if (status == BH_OK) {
        status = bh_hash(key, w.data, w.len, seed, BH_SEED_BYTES);
    }
    bh_writer_clear(&w);
    return status;
}

bh_status bh_stream_new(bh_stream **out, const uint8_t seed[BH_SEED_BYTES],
                        bh_domain domain)
{
    static const uint8_t iv[16];
    uint8_t key[32];
    *out = NULL;
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    bh_status status = derive_key(key, seed, &domain);
    bh_stream *s = status == BH_OK ? bh_alloc(1, sizeof *s) : NULL;
    if (s == NULL) {
        bh_wipe(key, sizeof key);
        return status == BH_OK ? BH_ERR_NOMEM : status;
    }
    s->cipher = EVP_CIPHER_CTX_new();
    if (s->cipher == NULL ||
        EVP_EncryptInit_ex(s->cipher, EVP_aes_256_ctr(), NULL, key, iv) != 1) {
        bh_stream_free(s);
        s = NULL;
        status = BH_ERR_CRYPTO;
    }
    bh_wipe(key, sizeof key);
    *out = s;
    return status;
}

void bh_stream_free(bh_stream *s)
{
    if (s != NULL) {
        EVP_CIPHER_CTX_free(s->cipher); // OpenSSL wipes the key schedule
        bh_free(s);
    }
}

bh_status bh_stream_read(bh_stream *s, void *out, size_t len)
{
    if (len > INT32_MAX) {
        return BH_ERR_ARG;
    }
    int written = 0;
    memset(out, 0, len);
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    if (EVP_EncryptUpdate(s->cipher, out, &written, out, (int)len) != 1 ||
        (size_t)written != len) {
        memset(out, 0, len);
        return BH_ERR_CRYPTO;
    }
    return BH_OK;
}
