// SPDX-License-Identifier: Apache-2.0
// Answers: products of uploads with weights, then the sanitising that hides the
// weights.
#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"
#include "ring/sample.h"

// One of an accumulator's terms is left for the encryption of zero.
#define ANSWER_PRODUCTS_MAX (BH_MAC_TERMS_MAX - 1)
// n_products of an answer that has to begin anew.
#define ANSWER_FINISHED SIZE_MAX

bh_status bh_answer_new(bh_answer **out, const bh_he *he)
{
    *out = NULL;
    bh_answer *a = bh_alloc(1, sizeof *a);
    if (a == NULL) {
        return BH_ERR_NOMEM;
    }
    a->he = he;
    a->acc0 = bh_poly_new(&he->ring);
    a->acc1 = bh_poly_new(&he->ring);
    bool factors = true;
    for (size_t k = 0; k < BH_TERMS_MAX; k++) {
        a->factors[k] = bh_poly_new(&he->ring);
        factors &= a->factors[k] != NULL;
    }
    a->kept = bh_poly_new(&he->ring);
    a->small = bh_alloc(he->ring.n, sizeof *a->small);
    if (a->acc0 == NULL || a->acc1 == NULL || !factors || a->kept == NULL ||
        a->small == NULL) {
        bh_answer_free(a);
        return BH_ERR_NOMEM;
    }
    *out = a;
    return BH_OK;
}

void bh_answer_free(bh_answer *a)
{
    if (a != NULL) {
        bh_free(a->acc0);
        bh_free(a->acc1);
        for (size_t k = 0; k < BH_TERMS_MAX; k++) {
            bh_free(a->factors[k]);
        }
        bh_free(a->kept);
        bh_free(a->small);
        bh_free(a);
    }
}

void bh_answer_begin(bh_answer *a)
{
    bh_poly_clear(&a->he->ring, a->acc0);
    bh_poly_clear(&a->he->ring, a->acc1);
    a->n_products = 0;
    a->n_terms = 0;
}

static void add_terms(bh_answer *a)
{
    if (a->n_terms > 0) {
        bh_poly_mul_acc2(&a->he->ring, a->acc0, a->acc1, a->terms, a->n_terms);
        a->n_terms = 0;
    }
}

// (acc0, acc1) += (x0, x1) times a polynomial of small coefficients, once enough such
// terms have come together.
static void add_product(bh_answer *a, const uint64_t *x0, const uint64_t *x1,
                        const int32_t *small)
{
    uint64_t *factor = a->factors[a->n_terms];
    bh_poly_forward_small(&a->he->ring, factor, small);
    a->terms[a->n_terms++] = (bh_term){x0, x1, factor};
    if (a->n_terms == BH_TERMS_MAX) {
        add_terms(a);
    }
}

bh_status bh_answer_add_product(bh_answer *a, const bh_upload *upload,
                                const int32_t *weights)
{
    if (a->n_products >= ANSWER_PRODUCTS_MAX) {
        return BH_ERR_STATE;
    }
    a->n_products++;
    add_product(a, upload->c0, upload->c1, weights);
    return BH_OK;
}

static bh_status open_stream(bh_stream **out, const bh_answer_options *f,
                             const char *label)
{
    bh_stream_key key;
    *out = NULL;
    bh_status status = bh_stream_key_derive(&key, f->seed, label, NULL);
    if (status == BH_OK) {
        status = bh_stream_new(out);
    }
    if (status == BH_OK) {
        status = bh_stream_start(*out, &key,
                                 bh_stream_number(f->layer, f->sample, f->index));
    }
    bh_wipe(&key, sizeof key);
    return status;
}

// R2, first part: u times the public key, while everything is still transformed.
static bh_status add_zero_products(bh_answer *a, const bh_public_key *pk,
                                   bh_stream *stream)
{
    bh_status status = bh_sample_ternary(&a->he->ring, a->small, stream);
    if (status == BH_OK) {
        add_product(a, pk->p0, pk->p1, a->small);
    }
    return status;
}

// R2, second part: fresh errors on every coefficient that is sent.
static bh_status add_zero_errors(bh_answer *a, size_t n_places, bh_stream *stream)
{
    const bh_ring *ring = &a->he->ring;
    bh_status status = bh_sample_error(ring, a->small, n_places, stream);
    if (status == BH_OK) {
        bh_poly_add_small(ring, a->kept, a->small, n_places);
        status = bh_sample_error(ring, a->small, ring->n, stream);
    }
    if (status == BH_OK) {
        bh_poly_add_small(ring, a->acc1, a->small, ring->n);
    }
    return status;
}

// R3: the coefficients of c0 that are sent, side by side.
static void keep_places(bh_answer *a, const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        const uint64_t *from = bh_poly_row_const(ring, a->acc0, p);
        uint64_t *to = bh_poly_row(ring, a->kept, p);
        for (size_t i = 0; i < f->n_places; i++) {
            to[i] = from[f->places[i]];
        }
    }
}

static void add_bias(bh_answer *a, const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->add_scaled(&ring->ntt[p].mod, bh_poly_row(ring, a->kept, p),
                                  f->bias, bh_he_delta(a->he, p, f->t_bits),
                                  f->n_places);
    }
}

// R4, after R1 and R2.
static void write_answer(bh_answer *a, uint8_t *out, const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    unsigned c1_bits = f->t_bits + BH_ANSWER_C1_EXTRA_BITS;
    unsigned c0_bits = f->t_bits + BH_ANSWER_C0_EXTRA_BITS;
    const uint64_t *c1 = bh_poly_round(ring, a->acc1, ring->n, c1_bits);
    const uint64_t *c0 = bh_poly_round(ring, a->kept, f->n_places, c0_bits);
    // Sanitised: what is written from here on goes to the client.
    BH_DECLASSIFY(c1, ring->n * sizeof *c1);
    BH_DECLASSIFY(c0, f->n_places * sizeof *c0);
    ring->kernels->pack(out, c1, ring->n, c1_bits);
    ring->kernels->pack(out + bh_he_answer_bytes(a->he, 0, f->t_bits), c0, f->n_places,
                        c0_bits);
}

bh_status bh_answer_finish(bh_answer *a, uint8_t *out, const bh_public_key *pk,
                           const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    bh_stream *zero = NULL, *flood = NULL;
    if (!bh_he_t_bits_ok(f->t_bits) ||
        !bh_he_places_ok(a->he, f->places, f->n_places)) {
        return BH_ERR_ARG;
    }
    if (a->n_products > ANSWER_PRODUCTS_MAX) {
        return BH_ERR_STATE; // finished already: the sums are no longer transformed
    }
    bh_status status = open_stream(&zero, f, "encryption of zero");
    if (status == BH_OK) {
        status = open_stream(&flood, f, "flooding");
    }
    if (status == BH_OK && !BH_HOOK(no_rerandomise)) {
        status = add_zero_products(a, pk, zero);
    }
    a->n_products = ANSWER_FINISHED;
    add_terms(a);
    bh_poly_inverse(ring, a->acc0);
    bh_poly_inverse(ring, a->acc1);
    keep_places(a, f);
    if (status == BH_OK && !BH_HOOK(no_rerandomise)) {
        status = add_zero_errors(a, f->n_places, zero);
    }
    if (status == BH_OK) {
        add_bias(a, f);
    }
    if (status == BH_OK && !BH_HOOK(no_flooding)) {
        status = bh_sample_flood(ring, a->kept, f->n_places,
                                 bh_he_flood_log2(a->he, f->t_bits), flood);
    }
    if (status == BH_OK) {
        BH_HOOK_CALL(on_answer, a->kept, a->acc1);
        write_answer(a, out, f);
    }
    bh_stream_free(zero);
    bh_stream_free(flood);
    return status;
}
