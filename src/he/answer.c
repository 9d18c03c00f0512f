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
    a->factor = bh_poly_new(&he->ring);
    a->small = bh_alloc(he->ring.n, sizeof *a->small);
    a->switched = bh_alloc(he->ring.n, sizeof *a->switched);
    if (a->acc0 == NULL || a->acc1 == NULL || a->factor == NULL || a->small == NULL ||
        a->switched == NULL) {
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
        bh_free(a->factor);
        bh_free(a->small);
        bh_free(a->switched);
        bh_free(a);
    }
}

void bh_answer_begin(bh_answer *a)
{
    bh_poly_clear(&a->he->ring, a->acc0);
    bh_poly_clear(&a->he->ring, a->acc1);
    a->n_products = 0;
}

// (acc0, acc1) += (x0, x1) times a polynomial of small coefficients.
static void add_product(bh_answer *a, const uint64_t *x0, const uint64_t *x1,
                        const int32_t *small)
{
    const bh_ring *ring = &a->he->ring;
    bh_poly_widen(ring, a->factor, small);
    bh_poly_forward(ring, a->factor);
    bh_poly_mul_acc2(ring, a->acc0, a->acc1, x0, x1, a->factor);
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
    bh_status status = bh_sample_ternary(a->small, a->he->ring.n, stream);
    if (status == BH_OK) {
        add_product(a, pk->p0, pk->p1, a->small);
    }
    return status;
}

// R2, second part: fresh errors on both coefficients.
static bh_status add_zero_errors(bh_answer *a, bh_stream *stream)
{
    const bh_ring *ring = &a->he->ring;
    bh_status status = bh_sample_error(a->small, ring->n, stream);
    if (status == BH_OK) {
        bh_poly_add_small(ring, a->acc0, a->small);
        status = bh_sample_error(a->small, ring->n, stream);
    }
    if (status == BH_OK) {
        bh_poly_add_small(ring, a->acc1, a->small);
    }
    return status;
}

static void add_bias(bh_answer *a, const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t delta = bh_he_delta(a->he, p, f->t_bits);
        uint64_t *row = bh_poly_row(ring, a->acc0, p);
        for (size_t i = 0; i < f->n_places; i++) {
            uint64_t b = bh_mod_mul(m, bh_mod_from_signed(m, f->bias[i]), delta);
            row[f->places[i]] = bh_mod_add(m, row[f->places[i]], b);
        }
    }
}

// Adds x - F to coefficient `place` of c0.
static void add_centred(bh_answer *a, uint32_t place, bh_u128 x, const uint64_t *f)
{
    const bh_ring *ring = &a->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t *c = bh_poly_row(ring, a->acc0, p) + place;
        *c = bh_mod_add(m, *c, bh_mod_sub(m, bh_mod_reduce_wide(m, x), f[p]));
    }
}

// R1: f uniform in [-F, F) on every kept coefficient: log2 F + 1 random bits, less F.
// The bits lie in two words, because F exceeds 2^63 for small t.
static bh_status add_flood(bh_answer *a, const bh_answer_options *f, bh_stream *stream)
{
    enum { CHUNK = 64 };
    const bh_ring *ring = &a->he->ring;
    unsigned flood_log2 = bh_he_flood_log2(a->he, f->t_bits);
    unsigned width = flood_log2 + 1; // < 92
    uint64_t lo_mask = width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    uint64_t hi_mask = width > 64 ? (UINT64_C(1) << (width - 64)) - 1 : 0;
    uint64_t centre[BH_RING_PRIMES_MAX], words[2 * CHUNK];
    for (size_t p = 0; p < ring->n_primes; p++) {
        centre[p] = bh_mod_pow_vartime(&ring->ntt[p].mod, 2, flood_log2);
    }
    bh_status status = BH_OK;
    for (size_t done = 0; done < f->n_places && status == BH_OK; done += CHUNK) {
        size_t len = f->n_places - done < CHUNK ? f->n_places - done : CHUNK;
        status = bh_stream_read(stream, words, len * 2 * sizeof words[0]);
        for (size_t i = 0; i < len; i++) {
            bh_u128 x = {words[2 * i + 1] & hi_mask, words[2 * i] & lo_mask};
            add_centred(a, f->places[done + i], x, centre);
        }
    }
    bh_wipe(words, sizeof words);
    return status;
}

// R4: round(2^bits c / q) for every coefficient of a polynomial.
static void switch_modulus(bh_answer *a, const uint64_t *c, unsigned bits)
{
    bh_poly_fractions(&a->he->ring, a->switched, c);
    for (size_t i = 0; i < a->he->ring.n; i++) {
        a->switched[i] = (a->switched[i] + (UINT64_C(1) << (63 - bits))) >> (64 - bits);
    }
}

// R3 and R4, after R1 and R2.
static void write_answer(bh_answer *a, uint8_t *out, const bh_answer_options *f)
{
    const bh_ring *ring = &a->he->ring;
    unsigned c1_bits = f->t_bits + BH_ANSWER_C1_EXTRA_BITS;
    unsigned c0_bits = f->t_bits + BH_ANSWER_C0_EXTRA_BITS;
    switch_modulus(a, a->acc1, c1_bits);
    // Sanitised: what is written from here on goes to the client.
    BH_DECLASSIFY(a->switched, ring->n * sizeof *a->switched);
    ring->kernels->pack(out, a->switched, ring->n, c1_bits);
    switch_modulus(a, a->acc0, c0_bits);
    for (size_t i = 0; i < f->n_places; i++) { // ascending: never overtakes itself
        a->switched[i] = a->switched[f->places[i]];
    }
    BH_DECLASSIFY(a->switched, f->n_places * sizeof *a->switched);
    ring->kernels->pack(out + bh_he_answer_bytes(a->he, 0, f->t_bits), a->switched,
                        f->n_places, c0_bits);
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
    bh_poly_inverse(ring, a->acc0);
    bh_poly_inverse(ring, a->acc1);
    if (status == BH_OK && !BH_HOOK(no_rerandomise)) {
        status = add_zero_errors(a, zero);
    }
    if (status == BH_OK) {
        add_bias(a, f);
    }
    if (status == BH_OK && !BH_HOOK(no_flooding)) {
        status = add_flood(a, f, flood);
    }
    if (status == BH_OK) {
        BH_HOOK_CALL(on_answer, a->acc0, a->acc1);
        write_answer(a, out, f);
    }
    bh_stream_free(zero);
    bh_stream_free(flood);
    return status;
}
