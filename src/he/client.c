// SPDX-License-Identifier: Apache-2.0
// The client's half: keys, encryption, decryption.
#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"
#include "ring/sample.h"

// s ternary uniform; its seed is forgotten.
static bh_status sample_key(bh_secret_key *sk)
{
    uint8_t seed[BH_SEED_BYTES];
    bh_stream *stream = NULL;
    bh_status status = bh_random_bytes(seed, sizeof seed);
    if (status == BH_OK) {
        status = bh_stream_new(&stream, seed, (bh_domain){.label = "secret key"});
    }
    if (status == BH_OK) {
        status = bh_sample_ternary(sk->s, sk->he->ring.n, stream);
    }
    bh_stream_free(stream);
    bh_wipe(seed, sizeof seed);
    return status;
}

// s_hat = transform of s; minus_s_hat_r = -R s_hat, the kernels' R.
static void transform_key(bh_secret_key *sk)
{
    const bh_ring *ring = &sk->he->ring;
    bh_poly_widen(ring, sk->s_hat, sk->s);
    bh_poly_forward_canonical(ring, sk->s_hat);
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t r = bh_mod_pow_vartime(m, 2, ring->kernels->quotient_bits);
        uint64_t minus_r = bh_mod_neg(m, r);
        const uint64_t *in = bh_poly_row_const(ring, sk->s_hat, p);
        uint64_t *out = bh_poly_row(ring, sk->minus_s_hat_r, p);
        for (size_t i = 0; i < ring->n; i++) {
            out[i] = bh_mod_mul(m, in[i], minus_r);
        }
    }
}

bh_status bh_secret_key_new(bh_secret_key **out, const bh_he *he)
{
    *out = NULL;
    bh_secret_key *sk = bh_alloc(1, sizeof *sk);
    if (sk == NULL) {
        return BH_ERR_NOMEM;
    }
    sk->he = he;
    sk->s = bh_alloc(he->ring.n, sizeof *sk->s);
    sk->s_hat = bh_poly_new(&he->ring);
    sk->minus_s_hat_r = bh_poly_new(&he->ring);
    bh_status status = BH_ERR_NOMEM;
    if (sk->s != NULL && sk->s_hat != NULL && sk->minus_s_hat_r != NULL) {
        status = sample_key(sk);
    }
    if (status == BH_OK) {
        status = bh_random_bytes(sk->error_seed, sizeof sk->error_seed);
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

// body -= a s, all transformed: the factor R of mul_acc is in the key. body: canonical.
static void mask_with_key(const bh_secret_key *sk, uint64_t *body, const uint64_t *a)
{
    const bh_ring *ring = &sk->he->ring;
    bh_poly_mul_acc(ring, body, sk->minus_s_hat_r, a);
    bh_poly_reduce(ring, body);
}

// m modulo t as a number in [-t/2, t/2): the bound on what wraps in a product relies on
// centred messages (src/he/noise.c).
static int64_t centre(int64_t m, unsigned t_bits)
{
    return (int64_t)((uint64_t)m << (64 - t_bits)) >> (64 - t_bits);
}

// c0 = -a s + e + Delta m for the uniform part of (purpose, counter); message may be
// NULL for zero.
static bh_status encrypt(uint8_t *c0, const bh_secret_key *sk, const char *purpose,
                         const bh_uniform *uniform, uint64_t counter,
                         const int64_t *message, unsigned t_bits)
{
    const bh_ring *ring = &sk->he->ring;
    uint64_t *a = bh_poly_new(ring), *body = bh_poly_new(ring);
    int32_t *error = bh_alloc(ring->n, sizeof *error);
    bh_stream *stream = NULL;
    bh_status status = BH_ERR_NOMEM;
    if (a == NULL || body == NULL || error == NULL) {
        goto cleanup;
    }
    // A uniform part serves once, so its purpose and number name an error of its own.
    bh_domain domain = {.label = message != NULL ? "encryption error" : "key error",
                        .index = counter};
    if ((status = bh_stream_new(&stream, sk->error_seed, domain)) != BH_OK ||
        (status = bh_sample_error(error, ring->n, stream)) != BH_OK ||
        (status = bh_he_expand_uniform(sk->he, a, purpose, uniform, counter)) !=
            BH_OK) {
        goto cleanup;
    }
    for (size_t p = 0; message != NULL && p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t delta = bh_he_delta(sk->he, p, t_bits);
        uint64_t *row = bh_poly_row(ring, body, p);
        for (size_t i = 0; i < ring->n; i++) {
            int64_t value = centre(message[i], t_bits);
            row[i] = bh_mod_mul(m, bh_mod_from_signed(m, value), delta);
        }
    }
    bh_poly_add_small(ring, body, error);
    bh_poly_forward_canonical(ring, body);
    mask_with_key(sk, body, a);
    // A ciphertext is public: it is what the key hides the message in.
    BH_DECLASSIFY(body, ring->poly_words * sizeof *body);
    bh_he_pack_poly(sk->he, c0, body);
cleanup:
    bh_stream_free(stream);
    bh_free(error);
    bh_free(body);
    bh_free(a);
    return status;
}

bh_status bh_public_key_make(const bh_secret_key *sk, uint8_t *p0,
                             const bh_uniform *uniform)
{
    return encrypt(p0, sk, "public key", uniform, 0, NULL, 0);
}

bh_status bh_encrypt(const bh_secret_key *sk, uint8_t *c0, const bh_uniform *uniform,
                     uint64_t counter, const int64_t *message, unsigned t_bits)
{
    if (!bh_he_t_bits_ok(t_bits)) {
        return BH_ERR_ARG;
    }
    return encrypt(c0, sk, "upload", uniform, counter, message, t_bits);
}

// A number of `bits` bits to the first prime: round(c q_0 / 2^bits), c q_0 < 2^(46+50).
static uint64_t lift(const bh_modulus *m, uint64_t c, unsigned bits)
{
    bh_u128 x = bh_wide_add(bh_wide_mul(c, m->q), UINT64_C(1) << (bits - 1));
    return bh_mod_reduce_once(m, bh_wide_shift_right(x, bits));
}

// v / q_0, rounded to t_bits, as a number in [-t/2, t/2).
static int64_t round_to_plain(const bh_modulus *m, uint64_t v, unsigned t_bits)
{
    uint64_t fraction = bh_mod_fraction(m, v) + (UINT64_C(1) << (63 - t_bits));
    return (int64_t)fraction >> (64 - t_bits);
}

bh_status bh_decrypt(const bh_secret_key *sk, int64_t *values, const uint8_t *answer,
                     const uint32_t *places, size_t n_places, unsigned t_bits)
{
    // Decryption needs one prime: both parts are lifted to it from their powers of two.
    const bh_ring *ring = &sk->he->ring;
    const bh_modulus *m = &ring->ntt[0].mod;
    unsigned c1_bits = t_bits + BH_ANSWER_C1_EXTRA_BITS;
    unsigned c0_bits = t_bits + BH_ANSWER_C0_EXTRA_BITS;
    if (!bh_he_t_bits_ok(t_bits) || !bh_he_places_ok(sk->he, places, n_places)) {
        return BH_ERR_ARG;
    }
    uint64_t *c1 = bh_alloc(ring->n, sizeof *c1), *c0 = bh_alloc(ring->n, sizeof *c0);
    uint64_t *product = bh_alloc(ring->n, sizeof *product);
    bh_status status = BH_ERR_NOMEM;
    if (c1 == NULL || c0 == NULL || product == NULL) {
        goto cleanup;
    }
    ring->kernels->unpack(c1, answer, ring->n, c1_bits);
    ring->kernels->unpack(c0, answer + bh_he_answer_bytes(sk->he, 0, t_bits), n_places,
                          c0_bits);
    for (size_t i = 0; i < ring->n; i++) {
        c1[i] = lift(m, c1[i], c1_bits);
    }
    ring->kernels->ntt_forward(&ring->ntt[0], c1);
    ring->kernels->mul_acc(m, product, sk->s_hat, c1, ring->n);
    ring->kernels->ntt_inverse(&ring->ntt[0], product);
    for (size_t i = 0; i < n_places; i++) {
        uint64_t v = bh_mod_add(m, lift(m, c0[i], c0_bits), product[places[i]]);
        values[i] = round_to_plain(m, v, t_bits);
    }
    status = BH_OK;
cleanup:
    bh_free(product);
    bh_free(c0);
    bh_free(c1);
    return status;
}
