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

void bh_answer_begin(bh_workspace *w)
{
    w->n_products = 0;
    w->n_terms = 0;
    w->is_empty = true;
}

// (acc0, acc1) += (x0, x1) w for the products that wait.
static void add_terms(bh_workspace *w)
{
    bh_poly_mul_acc2(&w->he->ring, w->acc0, w->acc1, w->terms, w->n_terms, w->is_empty);
    w->n_terms = 0;
    w->is_empty = false;
}

static void add_term(bh_workspace *w, const uint64_t *x0, const uint64_t *x1,
                     const uint64_t *factor)
{
    w->terms[w->n_terms++] = (bh_term){x0, x1, factor};
    if (w->n_terms == BH_TERMS_MAX) {
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
    uint64_t *factor = w->factors[w->n_terms];
    bh_factor_make(w->he, factor, weights);
    return bh_answer_add_factor(w, upload, factor);
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

// R2's e0 and the bias, on what is sent.
static void add_bias(bh_workspace *w, const bh_zero *zero, const bh_answer_options *f)
{
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
    unsigned c1_bits = f->t_bits + BH_ANSWER_C1_EXTRA_BITS;
    unsigned c0_bits = f->t_bits + BH_ANSWER_C0_EXTRA_BITS;
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
    if (w->n_terms > 0 || w->is_empty) {
        add_terms(w);
    }
    bh_poly_inverse(ring, w->acc0);
    bh_poly_inverse(ring, w->acc1);
    keep_places(w, f);
    if (!BH_HOOK(no_rerandomise)) {
        bh_poly_add_small(ring, w->acc1, zero->e1, ring->n);
    }
}

// R1.
static bh_status flood(bh_workspace *w, const bh_answer_options *f)
{
    bh_status status =
        bh_he_start_stream(w->stream, f->keys->flood, bh_he_number(f->number));
    return status == BH_OK
               ? bh_sample_flood(&w->he->ring, w->kept, f->n_places,
                                 bh_he_flood_log2(w->he, f->t_bits), w->stream)
               : status;
}

bh_status bh_answer_finish(bh_workspace *w, uint8_t *out, const bh_public_key *pk,
                           const bh_answer_options *f)
{
    bh_status status = BH_OK;
    const bh_zero *zero = f->zero;
    if (!bh_he_t_bits_ok(f->t_bits) ||
        !bh_he_places_ok(w->he, f->places, f->n_places)) {
        return BH_ERR_ARG;
    }
    if (w->n_products > ANSWER_PRODUCTS_MAX) {
        return BH_ERR_STATE; // finished already: the sums are no longer transformed
    }
    w->n_products = ANSWER_FINISHED;
    if (zero == NULL) {
        zero = w->zero;
        status = bh_zero_make(w->zero, w, f->keys, f->number, f->n_places);
    }
    if (status == BH_OK) {
        rerandomise(w, pk, zero, f);
        add_bias(w, zero, f);
        status = BH_HOOK(no_flooding) ? BH_OK : flood(w, f);
    }
    if (status == BH_OK) {
        BH_HOOK_CALL(on_answer, w->kept, w->acc1);
        write_answer(w, out, f);
    }
    return status;
}
