// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/stream_avx512.h"

struct bh_stream {
    bh_cpu cpu;
    EVP_CIPHER_CTX *cipher; // NULL at BH_CPU_AVX512
    bh_vaes vaes;
    uint64_t number; // OpenSSL's
    uint8_t mark;    // as secret as OpenSSL's key (base/secret.h); holds nothing
    bool started;
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
        if (got < 0 && errno == EINTR) {
            continue;
        }
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
    BH_SECRET_FROM(out, 32, a, a_len, b, b_len);
    if (!ok) {
        memset(out, 0, 32);
    }
    return ok ? BH_OK : BH_ERR_CRYPTO;
}

// Writes a text with its length in front.
static uint8_t *put_text(uint8_t *at, const char *text, size_t len)
{
    at[0] = (uint8_t)len;
    at[1] = 0;
    memcpy(at + 2, text, len);
    return at + 2 + len;
}

// Every field has a fixed width or a length in front, so the encoding is injective.
bh_status bh_stream_key_derive(bh_stream_key *out, const uint8_t seed[BH_SEED_BYTES],
                               const char *label, const uint8_t *transcript)
{
    enum { TAG_LEN = 16, LABEL_LEN_MAX = 63 };
    uint8_t encoding[2 + TAG_LEN + 2 + LABEL_LEN_MAX + 1 + 32] = {0};
    size_t label_len = strlen(label);
    memset(out, 0, sizeof *out);
    if (label_len > LABEL_LEN_MAX) {
        return BH_ERR_ARG;
    }
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    uint8_t *at = put_text(encoding, "bayhenn stream 2", TAG_LEN);
    at = put_text(at, label, label_len);
    *at++ = transcript != NULL;
    if (transcript != NULL) {
        memcpy(at, transcript, 32);
    }
    size_t len = (size_t)(at - encoding) + 32;
    return bh_hash(out->bytes, encoding, len, seed, BH_SEED_BYTES);
}

bh_status bh_stream_new(bh_stream **out)
{
    bh_cpu cpu;
    *out = NULL;
    bh_status status = bh_cpu_pick(&cpu, NULL);
    if (status != BH_OK) {
        return status;
    }
    bh_stream *s = bh_alloc(1, sizeof *s);
    if (s == NULL) {
        return BH_ERR_NOMEM;
    }
    s->cpu = cpu;
    if (cpu < BH_CPU_AVX512) {
        s->cipher = EVP_CIPHER_CTX_new();
        if (s->cipher == NULL ||
            EVP_EncryptInit_ex(s->cipher, EVP_aes_256_ctr(), NULL, NULL, NULL) != 1) {
            bh_stream_free(s);
            return BH_ERR_CRYPTO;
        }
    }
    *out = s;
    return BH_OK;
}

void bh_stream_free(bh_stream *s)
{
    if (s != NULL) {
        EVP_CIPHER_CTX_free(s->cipher); // OpenSSL wipes the key schedule
        bh_free(s);
    }
}

bh_cpu bh_stream_cpu(const bh_stream *s)
{
    return s->cpu;
}

static void put_big_endian(uint8_t out[8], uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8) {
        out[i] = (uint8_t)v;
    }
}

// OpenSSL at the start of a block; with a new key unless that is NULL.
static bool set_counter(bh_stream *s, const uint8_t *key, uint64_t block)
{
    uint8_t counter[16];
    put_big_endian(counter, s->number);
    put_big_endian(counter + 8, block);
    return EVP_EncryptInit_ex(s->cipher, NULL, NULL, key, counter) == 1;
}

// OpenSSL's next len bytes.
static bool expand(bh_stream *s, uint8_t *out, size_t len)
{
    int written = 0;
    memset(out, 0, len);
    bool ok = EVP_EncryptUpdate(s->cipher, out, &written, out, (int)len) == 1 &&
              (size_t)written == len;
    BH_SECRET_FROM(out, len, &s->mark, sizeof s->mark, NULL, 0);
    return ok;
}

bh_status bh_stream_start(bh_stream *s, const bh_stream_key *key, uint64_t number)
{
    s->started = false;
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    if (s->cipher == NULL) {
        bh_vaes_start(&s->vaes, key->bytes, number);
    } else {
        s->number = number;
        BH_SECRET_FROM(&s->mark, sizeof s->mark, key->bytes, sizeof key->bytes, NULL,
                       0);
        if (!set_counter(s, key->bytes, 0)) {
            return BH_ERR_CRYPTO;
        }
    }
    s->started = true;
    return BH_OK;
}

bh_status bh_stream_seek(bh_stream *s, uint64_t byte_offset)
{
    uint8_t skipped[16];
    if (!s->started) {
        return BH_ERR_STATE;
    }
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    if (s->cipher == NULL) {
        s->vaes.position = byte_offset;
        return BH_OK;
    }
    bool ok =
        set_counter(s, NULL, byte_offset / 16) && expand(s, skipped, byte_offset % 16);
    bh_wipe(skipped, sizeof skipped);
    s->started = ok;
    return ok ? BH_OK : BH_ERR_CRYPTO;
}

static bh_status read_stream(bh_stream *s, uint8_t *out, size_t len)
{
    if (len > INT32_MAX) {
        return BH_ERR_ARG;
    }
    if (!s->started) {
        return BH_ERR_STATE;
    }
    if (count_and_fail()) {
        return BH_ERR_RNG;
    }
    if (s->cipher != NULL) {
        return expand(s, out, len) ? BH_OK : BH_ERR_CRYPTO;
    }
    bh_vaes_read(&s->vaes, out, len);
    return BH_OK;
}

bh_status bh_stream_read(bh_stream *s, void *out, size_t len)
{
    bh_status status = read_stream(s, out, len);
    if (status != BH_OK) {
        memset(out, 0, len);
    }
    return status;
}
