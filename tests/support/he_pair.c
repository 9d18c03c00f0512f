// SPDX-License-Identifier: Apache-2.0
#include "support/he_pair.h"

#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"

// Keeps a copy of the answer before R4. The answer belongs to the he_pair, so
// that the hook may also write its own flood into it.
static void keep_answer(void *user, const uint64_t *c0, const uint64_t *c1)
{
    he_pair *c = user;
    const bh_ring *ring = &c->he->ring;
    if (c->flood_fixed) {
        for (size_t p = 0; p < ring->n_primes; p++) {
            ref_i128 q = (ref_i128)ring->ntt[p].mod.q;
            uint64_t f = (uint64_t)((c->flood_value % q + q) % q);
            uint64_t *row = bh_poly_row(ring, c->work->kept, p);
            for (size_t i = 0; i < ring->n; i++) {
                row[i] = (row[i] + f) % (uint64_t)q;
            }
        }
    }
    memcpy(c->c0, c0, ring->poly_words * sizeof *c0);
    memcpy(c->c1, c1, ring->poly_words * sizeof *c1);
}

static void draw_public(he_pair *c)
{
    uint8_t transcript[32], seed[32];
    for (size_t i = 0; i < 32; i++) {
        transcript[i] = (uint8_t)test_rng_next(&c->rng);
        seed[i] = (uint8_t)test_rng_next(&c->rng);
    }
    assert_ok(bh_uniform_init(&c->uniform, transcript, seed));
}

void he_pair_set_up(he_pair *c, const char *set, test_rng rng)
{
    *c = (he_pair){.rng = rng};
    draw_public(c);
    assert_ok(bh_he_new(&c->he, set, NULL));
    assert_ok(bh_secret_key_new(&c->sk, c->he, &c->uniform));
    assert_ok(bh_workspace_new(&c->work, c->he));
    uint8_t *p0 = bh_alloc(bh_he_poly_bytes(c->he), 1);
    assert_ok(bh_public_key_make(c->sk, p0));
    assert_ok(bh_public_key_load(&c->pk, c->he, p0, &c->uniform));
    bh_free(p0);
    size_t n = c->he->ring.n;
    c->c0 = bh_poly_new(&c->he->ring);
    c->c1 = bh_poly_new(&c->he->ring);
    c->places = bh_alloc(n, sizeof *c->places);
    if (bh_he_is_masked(c->he)) {
        c->share = bh_alloc(n, sizeof *c->share);
    } else {
        c->bias = bh_alloc(n, sizeof *c->bias);
    }
    c->bytes = bh_alloc(bh_he_answer_bytes(c->he, n, BH_T_BITS_MAX), 1);
    for (size_t i = 0; i < n; i++) {
        c->places[i] = (uint32_t)i;
    }
    bh_hooks_get()->on_answer = keep_answer;
    bh_hooks_get()->user = c;
}

void he_pair_tear_down(he_pair *c)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->on_answer = NULL;
    hooks->no_flooding = hooks->no_rerandomise = false;
    bh_free(c->bytes);
    bh_free(c->bias);
    bh_free(c->share);
    bh_free(c->places);
    bh_free(c->c0);
    bh_free(c->c1);
    bh_workspace_free(c->work);
    bh_public_key_free(c->pk);
    bh_secret_key_free(c->sk);
    bh_he_free(c->he);
}

bh_upload *he_pair_upload(he_pair *c, const int64_t *message, unsigned t_bits)
{
    bh_upload *upload;
    uint64_t counter = c->counter++;
    uint8_t *c0 = bh_alloc(bh_he_poly_bytes(c->he), 1);
    assert_ok(bh_encrypt(c->sk, c0, c->work, counter, message, t_bits));
    assert_ok(bh_upload_new(&upload, c->he));
    assert_ok(bh_upload_load(upload, c->work, c0, &c->uniform, counter));
    bh_free(c0);
    return upload;
}

void he_pair_ask(he_pair *c, const bh_upload *upload, const int32_t *weights,
                 unsigned t_bits)
{
    for (size_t i = 0; i < 32; i++) {
        c->seed[i] = (uint8_t)test_rng_next(&c->rng);
    }
    assert_ok(bh_answer_keys_init(&c->keys, c->seed));
    bh_answer_options finish = {.places = c->places,
                                .bias = c->bias,
                                .share = c->share,
                                .n_places = c->he->ring.n,
                                .t_bits = t_bits,
                                .keys = &c->keys};
    bh_answer_begin(c->work);
    assert_ok(bh_answer_add_product(c->work, upload, weights));
    assert_ok(bh_answer_finish(c->work, c->bytes, c->pk, &finish));
}

ref_i128 he_pair_q(const he_pair *c)
{
    ref_i128 q = 1;
    for (size_t p = 0; p < c->he->ring.n_primes; p++) {
        q *= (ref_i128)c->he->ring.ntt[p].mod.q;
    }
    return q;
}

// The residues of a coefficient as a number in (-q/2, q/2).
static ref_i128 crt(const he_pair *c, const uint64_t *a, size_t i)
{
    const bh_ring *ring = &c->he->ring;
    ref_i128 x = (ref_i128)a[i], q = he_pair_q(c);
    if (ring->n_primes == 2) {
        uint64_t q0 = ring->ntt[0].mod.q, q1 = ring->ntt[1].mod.q;
        uint64_t inverse = ref_pow(q0, q1 - 2, q1); // Fermat
        uint64_t difference = (a[ring->stride + i] + q1 - a[i] % q1) % q1;
        x += (ref_i128)q0 * (ref_i128)ref_mul(difference, inverse, q1);
    }
    return x > q / 2 ? x - q : x;
}

void he_pair_to_coefficients(const he_pair *c, uint64_t *out, const uint64_t *hat)
{
    const bh_ring *ring = &c->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        uint64_t q = ring->ntt[p].mod.q;
        uint64_t r = ref_pow(2, ring->kernels->factor_log2, q);
        uint64_t r_inverse = ref_pow(r, q - 2, q);
        for (size_t i = p * ring->stride; i < p * ring->stride + ring->n; i++) {
            out[i] = ref_mul(hat[i], r_inverse, q);
        }
    }
    bh_poly_inverse(ring, out);
}

void he_pair_phase(const he_pair *c, ref_i128 *out, const uint64_t *c0,
                   const uint64_t *c1)
{
    const bh_ring *ring = &c->he->ring;
    uint64_t *hat = bh_poly_new(ring), *sum = bh_poly_new(ring);
    memcpy(hat, c1, ring->poly_words * sizeof *hat);
    bh_poly_forward(ring, hat);
    bh_poly_mul_acc(ring, sum, c->sk->s_hat, hat);
    bh_poly_inverse(ring, sum);
    for (size_t i = 0; i < ring->poly_words; i++) { // the gap between rows stays zero
        sum[i] = bh_mod_add(&ring->ntt[i / ring->stride].mod, sum[i], c0[i]);
    }
    for (size_t i = 0; i < ring->n; i++) {
        out[i] = crt(c, sum, i);
    }
    bh_free(hat);
    bh_free(sum);
}

int64_t he_pair_decode(const he_pair *c, ref_i128 phase, unsigned t_bits,
                       ref_i128 *noise)
{
    ref_i128 delta = (he_pair_q(c) - 1) >> t_bits, half = delta / 2;
    ref_i128 m = phase >= 0 ? (phase + half) / delta : -((half - phase) / delta);
    *noise = phase - m * delta;
    return (int64_t)m;
}

// noise = phase - Delta (W m) for the true integer W m: what the noise is, whatever its
// size. product: the coefficients of W m as integers.
static void noise_of(const he_pair *c, ref_i128 *noise, const uint64_t *c0,
                     const uint64_t *c1, const int64_t *product, unsigned t_bits)
{
    ref_i128 q = he_pair_q(c), delta = (q - 1) >> t_bits;
    he_pair_phase(c, noise, c0, c1);
    for (size_t i = 0; i < c->he->ring.n; i++) {
        // Delta |product| < 2^90 * 2^31: reduced to t and what wraps, Delta t = -1.
        ref_i128 wrap = (ref_i128)(product[i] >> t_bits);
        ref_i128 low = (ref_i128)(product[i] & ((INT64_C(1) << t_bits) - 1));
        ref_i128 v = (noise[i] - delta * low + wrap) % q;
        v = v > q / 2 ? v - q : v;
        noise[i] = v < -(q / 2) ? v + q : v;
    }
}

void he_pair_upload_error(const he_pair *c, int64_t *e, const bh_upload *upload,
                          const int64_t *message, unsigned t_bits)
{
    const bh_ring *ring = &c->he->ring;
    uint64_t *c0 = bh_poly_new(ring), *c1 = bh_poly_new(ring);
    ref_i128 *noise = bh_alloc(ring->n, sizeof *noise);
    he_pair_to_coefficients(c, c0, upload->c0);
    he_pair_to_coefficients(c, c1, upload->c1);
    noise_of(c, noise, c0, c1, message, t_bits);
    for (size_t i = 0; i < ring->n; i++) {
        e[i] = (int64_t)noise[i];
    }
    bh_free(noise);
    bh_free(c1);
    bh_free(c0);
}

void he_pair_integer_product(int64_t *out, const int64_t *a, const int32_t *b, size_t n)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n - i; j++) {
            out[i + j] += a[i] * b[j];
        }
        for (size_t j = n - i; j < n; j++) {
            out[i + j - n] -= a[i] * b[j];
        }
    }
}
