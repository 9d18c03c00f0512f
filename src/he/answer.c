// SPDX-License-Identifier: Apache-2.0
// Answers: products of uploads with weights, then the sanitising that hides the
// weights.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"
#include "ring/sample.h"

// One of an accumulator's terms is left for the encryption of zero.
#define ANSWER_PRODUCTS_MAX (BH_MAC_TERMS_MAX - 1)

void bh_answer_begin(bh_workspace *w)
{
    w->n_products = 0;
    w->n_terms = 0;
    w->is_empty = true;
}

// (acc0, acc1) += (x0, x1) w modulo prime p for the products that wait.
static void add_terms_of(bh_workspace *w, size_t p)
{
    const bh_ring *ring = &w->he->ring;
    size_t at = p * ring->stride;
    bool first = w->is_empty;
    for (size_t k = 0, count; k < w->n_terms; k += count) {
        bh_term rows[BH_TERMS_MAX];
        for (count = 0; count < BH_TERMS_MAX && k + count < w->n_terms; count++) {
            const bh_term *t = &w->terms[k + count];
            const uint64_t *factor = t->w != NULL ? t->w + at : w->factors[count];
            if (t->w == NULL) {
                ring->kernels->ntt_forward_small(&ring->ntt[p], w->factors[count],
                                                 w->weights[k + count]);
            }
            rows[count] = (bh_term){t->x0 + at, t->x1 + at, factor};
        }
        ring->kernels->mul_acc2(&ring->ntt[p].mod, w->acc0 + at, w->acc1 + at, rows,
                                count, first, ring->n);
        first = false;
    }
}

static void add_terms(bh_workspace *w)
{
    size_t n_primes = w->he->ring.n_primes;
    for (size_t i = 0; i < n_primes; i++) {
        size_t p = (w->last_prime + i) % n_primes;
        add_terms_of(w, p);
        w->last_prime = i + 1 == n_primes ? p : w->last_prime;
    }
    w->n_terms = 0;
    w->is_empty = false;
}

static void add_term(bh_workspace *w, const uint64_t *x0, const uint64_t *x1,
                     const uint64_t *factor)
{
    w->terms[w->n_terms++] = (bh_term){x0, x1, factor};
    if (w->n_terms == BH_GROUP_MAX) {
        add_terms(w);
    }
}

bh_status bh_answer_add_factor(bh_workspace *w, const bh_upload *upload,
                               const uint64_t *factor)
{
    if (w->n_products >= ANSWER_PRODUCTS_MAX) {
        return BH_ERR_STATE;
    }
    w->n_products++;
    add_term(w, upload->c0, upload->c1, factor);
    return BH_OK;
}

bh_status bh_answer_add_product(bh_workspace *w, const bh_upload *upload,
                                const int32_t *weights)
{
    if (weights != w->weights[w->n_terms]) {
        memcpy(w->weights[w->n_terms], weights, w->he->ring.n * sizeof *weights);
    }
    return bh_answer_add_factor(w, upload, NULL);
}

int32_t *bh_answer_weights(bh_workspace *w)
{
    return w->weights[w->n_terms];
}

size_t bh_he_factor_words(const bh_he *he)
{
    return he->ring.poly_words;
}

void bh_factor_make(const bh_he *he, uint64_t *factor, const int32_t *weights)
{
    bh_poly_forward_small(&he->ring, factor, weights);
}

// R3: the coefficients of c0 that are sent, side by side.
static void keep_places(bh_workspace *w, const bh_answer_options *f)
{
    const bh_ring *ring = &w->he->ring;
    for (size_t p = 0; p < ring->n_primes; p++) {
        const uint64_t *from = bh_poly_row_const(ring, w->acc0, p);
        uint64_t *to = bh_poly_row(ring, w->kept, p);
        for (size_t i = 0; i < f->n_places; i++) {
            to[i] = from[f->places[i]];
        }
    }
}

// R2's e0 and the bias, on what is sent. A masked answer has no bias.
static void add_bias(bh_workspace *w, const bh_zero *zero, const bh_answer_options *f)
{
    if (f->bias == NULL) {
        if (!BH_HOOK(no_rerandomise)) {
            bh_poly_add_small(&w->he->ring, w->kept, zero->e0, f->n_places);
        }
        return;
    }
    for (size_t i = 0; i < f->n_places; i++) {
        int64_t e = BH_HOOK(no_rerandomise) ? 0 : zero->e0[i];
        w->encoded[i] = f->bias[i] - e * (INT64_C(1) << f->t_bits);
    }
    bh_he_add_encoded(w->he, w->kept, w->encoded, f->n_places, f->t_bits);
}

// R4, after R1 and R2.
static void write_answer(bh_workspace *w, uint8_t *out, const bh_answer_options *f)
{
    const bh_ring *ring = &w->he->ring;
    unsigned c1_bits = bh_he_c1_bits(w->he, f->t_bits);
    unsigned c0_bits = bh_he_c0_bits(w->he, f->t_bits);
    const uint64_t *c1 = bh_poly_round(ring, w->acc1, ring->n, c1_bits);
    const uint64_t *c0 = bh_poly_round(ring, w->kept, f->n_places, c0_bits);
    // Sanitised: what is written from here on goes to the client.
    BH_DECLASSIFY(c1, ring->n * sizeof *c1);
    BH_DECLASSIFY(c0, f->n_places * sizeof *c0);
    ring->kernels->pack(out, c1, ring->n, c1_bits);
    ring->kernels->pack(out + bh_he_answer_bytes(w->he, 0, f->t_bits), c0, f->n_places,
                        c0_bits);
}

// From the sums of products to coefficients, with R3 and R2 but for e0.
static void rerandomise(bh_workspace *w, const bh_public_key *pk, const bh_zero *zero,
                        const bh_answer_options *f)
{
    const bh_ring *ring = &w->he->ring;
    if (!BH_HOOK(no_rerandomise)) {
        add_term(w, pk->p0, pk->p1, zero->u);
    }
    if (w->n_terms > 0) {
        add_terms(w);
    }
    if (w->is_empty) {
        bh_poly_clear(ring, w->acc0);
        bh_poly_clear(ring, w->acc1);
    }
    bh_poly_inverse(ring, w->acc0);
    bh_poly_inverse(ring, w->acc1);
    keep_places(w, f);
    if (!BH_HOOK(no_rerandomise)) {
        bh_poly_add_small(ring, w->acc1, zero->e1, ring->n);
    }
}

// R1 of a flooded set.
static bh_status flood(bh_workspace *w, const bh_answer_options *f)
{
    bh_status status =
        bh_he_start_stream(w->stream, f->keys->flood, bh_he_number(f->number));
    return status == BH_OK
               ? bh_sample_flood(&w->he->ring, w->kept, f->n_places,
                                 bh_he_flood_log2(w->he, f->t_bits), w->stream)
               : status;
}

// R1 of a masked set: R, uniform modulo q and subtracted from what is sent, is left in
// the front of acc0, whose coefficients were copied.
static bh_status mask(bh_workspace *w, const bh_answer_options *f)
{
    const bh_ring *ring = &w->he->ring;
    if (BH_HOOK(no_flooding)) {
        bh_poly_clear(ring, w->acc0);
        return BH_OK;
    }
    bh_status status =
        bh_he_start_stream(w->stream, f->keys->mask, bh_he_number(f->number));
    if (status == BH_OK) {
        status = bh_sample_uniform(ring, w->acc0, f->n_places, w->stream);
    }
    for (size_t p = 0; p < ring->n_primes && status == BH_OK; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        const uint64_t *r = bh_poly_row_const(ring, w->acc0, p);
        uint64_t *kept = bh_poly_row(ring, w->kept, p);
        for (size_t i = 0; i < f->n_places; i++) {
            kept[i] += m->q - r[i];
        }
        ring->kernels->reduce(m, kept, f->n_places);
    }
    return status;
}

// The server's share: round(t R / q).
static void write_share(bh_workspace *w, const bh_answer_options *f)
{
    const uint64_t *share =
        bh_poly_round(&w->he->ring, w->acc0, f->n_places, f->t_bits);
    for (size_t i = 0; i < f->n_places; i++) {
        f->share[i] = (uint32_t)share[i];
    }
}

static bh_status hide(bh_workspace *w, const bh_answer_options *f)
{
    if (w->he->literal.masked) {
        return mask(w, f);
    }
    return BH_HOOK(no_flooding) ? BH_OK : flood(w, f);
}

static bool options_ok(const bh_he *he, const bh_answer_options *f)
{
    bool masked = he->literal.masked;
    return bh_he_t_bits_ok(f->t_bits) && bh_he_places_ok(he, f->places, f->n_places) &&
           (f->share != NULL) == masked && (f->bias == NULL) == masked;
}

bh_status bh_answer_finish(bh_workspace *w, uint8_t *out, const bh_public_key *pk,
                           const bh_answer_options *f)
{
    bh_status status = BH_OK;
    const bh_zero *zero = f->zero;
    if (!options_ok(w->he, f)) {
        return BH_ERR_ARG;
    }
    if (w->n_products > ANSWER_PRODUCTS_MAX) {
        return BH_ERR_STATE; // finished already: the sums are no longer transformed
    }
    bh_he_end_answer(w);
    if (zero == NULL) {
        zero = w->zero;
        status = bh_zero_make(w->zero, w, f->keys, f->number, f->n_places);
    }
    if (status == BH_OK) {
        rerandomise(w, pk, zero, f);
        add_bias(w, zero, f);
        status = hide(w, f);
    }
    if (status == BH_OK) {
        BH_HOOK_CALL(on_answer, w->kept, w->acc1);
        write_answer(w, out, f);
        if (f->share != NULL) {
            write_share(w, f);
        }
    }
    return status;
}
