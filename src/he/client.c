// SPDX-License-Identifier: Apache-2.0
// The client's half: keys, encryption, decryption.
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"
#include "ring/sample.h"

// A key whose seed comes straight from the operating system and is forgotten.
static bh_status fresh_key(bh_stream_key *out, const char *label)
{
    uint8_t seed[BH_SEED_BYTES];
    bh_status status = bh_random_bytes(seed, sizeof seed);
    if (status == BH_OK) {
        status = bh_stream_key_derive(out, seed, label, NULL);
    }
    bh_wipe(seed, sizeof seed);
    return status;
}

static bh_status draw_key(bh_secret_key *sk)
{
    bh_stream_key key;
    bh_stream *stream = NULL;
    bh_status status = fresh_key(&key, "secret key");
    if (status == BH_OK) {
        status = bh_stream_new(&stream);
    }
    if (status == BH_OK) {
        status = bh_stream_start(stream, &key, 0);
    }
    if (status == BH_OK) {
        status = bh_sample_ternary(&sk->he->ring, sk->s, stream);
    }
    bh_stream_free(stream);
    bh_wipe(&key, sizeof key);
    return status;
}

// s_hat = transform of s; minus_s_hat_r = -R s_hat, the kernels' R.
static void transform_key(bh_secret_key *sk)
{
    const bh_ring *ring = &sk->he->ring;
    bh_poly_forward_small(ring, sk->s_hat, sk->s);
    bh_poly_reduce(ring, sk->s_hat);
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t r = bh_mod_pow_vartime(m, 2, ring->kernels->factor_log2);
        uint64_t minus_r = bh_mod_neg(m, r);
        const uint64_t *in = bh_poly_row_const(ring, sk->s_hat, p);
        uint64_t *out = bh_poly_row(ring, sk->minus_s_hat_r, p);
        for (size_t i = 0; i < ring->n; i++) {
            out[i] = bh_mod_mul(m, in[i], minus_r);
        }
    }
}

bh_status bh_secret_key_new(bh_secret_key **out, const bh_he *he,
                            const bh_uniform *uniform)
{
    *out = NULL;
    if (memcmp(uniform->public_key, uniform->upload, sizeof uniform->upload) == 0) {
        return BH_ERR_ARG;
    }
    bh_secret_key *sk = bh_alloc(1, sizeof *sk);
    if (sk == NULL) {
        return BH_ERR_NOMEM;
    }
    sk->he = he;
    sk->uniform = *uniform;
    sk->s = bh_alloc(he->ring.n, sizeof *sk->s);
    sk->s_hat = bh_poly_new(&he->ring);
    sk->minus_s_hat_r = bh_poly_new(&he->ring);
    bh_status status = BH_ERR_NOMEM;
    if (sk->s != NULL && sk->s_hat != NULL && sk->minus_s_hat_r != NULL) {
        status = draw_key(sk);
    }
    if (status == BH_OK) {
        status = fresh_key(&sk->public_key_error, "public key error");
    }
    if (status == BH_OK) {
        status = fresh_key(&sk->upload_error, "encryption error");
    }
    if (status != BH_OK) {
        bh_secret_key_free(sk);
        return status;
    }
    transform_key(sk);
    *out = sk;
    return BH_OK;
}

void bh_secret_key_free(bh_secret_key *sk)
{
    if (sk != NULL) {
        bh_free(sk->s);
        bh_free(sk->s_hat);
        bh_free(sk->minus_s_hat_r);
        bh_free(sk);
    }
}

// body -= a s, all transformed: the factor R of mul_acc is in the key. In: body lazy.
// Out: canonical.
static void mask_with_key(const bh_secret_key *sk, uint64_t *body, const uint64_t *a)
{
    const bh_ring *ring = &sk->he->ring;
    bh_poly_mul_acc(ring, body, sk->minus_s_hat_r, a);
    bh_poly_reduce(ring, body);
}

// m - t e, m centred: the bound on what wraps in a product relies on that
// (src/he/noise.c). In 32 bits as far as that goes, for the compiler's vectors.
static void encode(int64_t *out, const int64_t *message, const int32_t *e, size_t n,
                   unsigned t_bits)
{
    const int64_t t = INT64_C(1) << t_bits;
    for (size_t i = 0; i < n; i++) {
        uint32_t m = message != NULL ? (uint32_t)message[i] << (32 - t_bits) : 0;
        out[i] = ((int32_t)m >> (32 - t_bits)) - e[i] * t;
    }
}

// c0 = -a s + e + Delta m, where a is part `counter` of `uniform` and e of error_key;
// message may be NULL for zero.
static bh_status encrypt(uint8_t *c0, const bh_secret_key *sk, bh_workspace *w,
                         const bh_stream_key *error_key, const uint8_t uniform[32],
                         uint64_t counter, const int64_t *message, unsigned t_bits)
{
    const bh_ring *ring = &sk->he->ring;
    uint64_t *body = w->acc0, *a = w->acc1;
    bh_he_end_answer(w);
    bh_status status = bh_stream_start(w->stream, error_key, counter);
    if (status == BH_OK) {
        status = bh_sample_error(ring, w->small, ring->n, w->stream);
    }
    if (status == BH_OK) {
        status = bh_he_expand_uniform(sk->he, a, w->stream, uniform, counter);
    }
    if (status != BH_OK) {
        return status;
    }
    encode(w->encoded, message, w->small, ring->n, t_bits);
    bh_poly_clear(ring, body);
    bh_he_add_encoded(sk->he, body, w->encoded, ring->n, t_bits);
    bh_poly_forward(ring, body);
    mask_with_key(sk, body, a);
    // A ciphertext is public: it is what the key hides the message in.
    BH_DECLASSIFY(body, ring->poly_words * sizeof *body);
    bh_he_pack_poly(sk->he, c0, body);
    return BH_OK;
}

bh_status bh_public_key_make(const bh_secret_key *sk, uint8_t *p0)
{
    bh_workspace *w = NULL;
    bh_status status = bh_workspace_new(&w, sk->he);
    if (status == BH_OK) {
        status = encrypt(p0, sk, w, &sk->public_key_error, sk->uniform.public_key, 0,
                         NULL, BH_T_BITS_MIN);
    }
    bh_workspace_free(w);
    return status;
}

bh_status bh_encrypt(const bh_secret_key *sk, uint8_t *c0, bh_workspace *w,
                     uint64_t counter, const int64_t *message, unsigned t_bits)
{
    if (!bh_he_t_bits_ok(t_bits)) {
        return BH_ERR_ARG;
    }
    return encrypt(c0, sk, w, &sk->upload_error, sk->uniform.upload, counter, message,
                   t_bits);
}

// m modulo t as a number in [-t/2, t/2).
static int64_t centre(uint64_t m, unsigned t_bits)
{
    return (int64_t)(m << (64 - t_bits)) >> (64 - t_bits);
}

bh_status bh_decrypt(const bh_secret_key *sk, int64_t *values, bh_workspace *w,
                     const uint8_t *answer, const uint32_t *places, size_t n_places,
                     unsigned t_bits)
{
    // Decryption needs one prime: both parts are lifted to it from their powers of two.
    const bh_ring *ring = &sk->he->ring;
    const bh_kernels *k = ring->kernels;
    const bh_modulus *m = &ring->ntt[0].mod;
    unsigned c1_bits = bh_he_c1_bits(sk->he, t_bits);
    unsigned c0_bits = bh_he_c0_bits(sk->he, t_bits);
    if (!bh_he_t_bits_ok(t_bits) || !bh_he_places_ok(sk->he, places, n_places)) {
        return BH_ERR_ARG;
    }
    uint64_t *c0 = w->acc0, *c1 = w->acc1, *product = w->kept;
    bh_he_end_answer(w);
    memset(product, 0, ring->n * sizeof *product);
    k->unpack(c1, answer, ring->n, c1_bits);
    k->unpack(c0, answer + bh_he_answer_bytes(sk->he, 0, t_bits), n_places, c0_bits);
    k->lift(m, c1, ring->n, c1_bits);
    k->lift(m, c0, n_places, c0_bits);
    k->ntt_forward(&ring->ntt[0], c1);
    k->mul_acc(m, product, sk->s_hat, c1, ring->n);
    k->ntt_inverse(&ring->ntt[0], product);
    for (size_t i = 0; i < n_places; i++) {
        c0[i] = bh_mod_add(m, c0[i], product[places[i]]);
    }
    k->round(m, c0, n_places, t_bits);
    for (size_t i = 0; i < n_places; i++) {
        values[i] = centre(c0[i], t_bits);
    }
    return BH_OK;
}
