// SPDX-License-Identifier: Apache-2.0
// The structs behind bayhenn/he.h, for src/he and for its tests.
#ifndef BH_HE_INTERNAL_H
#define BH_HE_INTERNAL_H

#include <stdbool.h>

#include "bayhenn/he.h"
#include "ring/ring.h"

typedef struct bh_he_literal {
    const char *name;
    size_t n, n_primes;
    uint64_t primes[BH_RING_PRIMES_MAX];
    unsigned security_bits;
    unsigned c1_extra_bits, c0_extra_bits; // over t_bits, of the switched parts (R4)
    bool masked; // R1 by a mask that is uniform modulo q, not by flooding
} bh_he_literal;

struct bh_he {
    bh_he_literal literal;
    bh_ring ring;
    // Delta modulo each prime, for each t: (q - 1) / t = -1 / t.
    uint64_t delta[BH_T_BITS_MAX + 1][BH_RING_PRIMES_MAX];
};

// The literal's checks and the object; what bh_he_new does after looking up a name.
bh_status bh_he_from_literal(bh_he **out, const bh_he_literal *literal,
                             bh_error *err) BH_MUST_CHECK;

struct bh_secret_key {
    const bh_he *he;         // borrowed: must outlive the key
    int32_t *s;              // n coefficients
    uint64_t *s_hat;         // transform of s, canonical
    uint64_t *minus_s_hat_r; // -R s_hat, canonical: mul_acc with it subtracts exactly
    bh_uniform uniform;      // of the session
    // The errors of the public key and, in the stream of its counter, of an encryption.
    // One uniform part never meets two errors: their mean would give the key away.
    bh_stream_key public_key_error, upload_error;
};

struct bh_public_key {
    uint64_t *p0, *p1; // transformed, canonical
};

struct bh_upload {
    uint64_t *c0, *c1; // transformed, canonical
};

struct bh_zero {
    const bh_he *he;
    uint64_t *u; // transformed, lazy
    int32_t *e0; // of the kept coefficients
    int32_t *e1;
};

// So many products of an answer are summed for one prime after the other. Answers take
// the primes in turns: the uploads' rows that the last one ended with are still near.
#define BH_GROUP_MAX 16

struct bh_workspace {
    const bh_he *he;
    bh_stream *stream;
    // An answer: sums of products, then coefficients. An encryption: the body and the
    // uniform part. A decryption: both parts of the answer and their product.
    uint64_t *acc0, *acc1;
    uint64_t *kept; // the coefficients of c0 that are sent, in each row's front
    // Products that wait for their turn. Where a term's w is NULL, its factor is the
    // transform of weights[k].
    bh_term terms[BH_GROUP_MAX];
    int32_t *weights[BH_GROUP_MAX];
    uint64_t *factors[BH_TERMS_MAX]; // n words each: of one prime
    size_t last_prime;               // that products were summed for
    size_t n_terms, n_products;
    bool is_empty;    // nothing was summed yet: the accumulators hold anything
    bh_zero *zero;    // of an answer for which none was made ahead
    int32_t *small;   // n small coefficients
    int64_t *encoded; // n numbers m - t e
};

// What the workspace holds is no answer any more: the next has to begin. All further
// products are one too many then.
static inline void bh_he_end_answer(bh_workspace *w)
{
    w->n_products = SIZE_MAX;
}

// a += Delta m + e for the first n coefficients, given as m - t e: because Delta t =
// -1, that is one product. |m| <= t / 2 and |e| <= 21, so |m - t e| < 2^28 * 22 < 2^33.
void bh_he_add_encoded(const bh_he *he, uint64_t *a, const int64_t *m_minus_te,
                       size_t n, unsigned t_bits);

// The width of a coefficient of c1, and of a kept one of c0, in an answer (R4).
static inline unsigned bh_he_c1_bits(const bh_he *he, unsigned t_bits)
{
    return t_bits + he->literal.c1_extra_bits;
}

static inline unsigned bh_he_c0_bits(const bh_he *he, unsigned t_bits)
{
    return t_bits + he->literal.c0_extra_bits;
}

bool bh_he_t_bits_ok(unsigned t_bits);

// Places are ascending and below n.
bool bh_he_places_ok(const bh_he *he, const uint32_t *places, size_t n_places);

// log2 F of R1: the largest power of two not above q / 4t.
unsigned bh_he_flood_log2(const bh_he *he, unsigned t_bits);

static inline uint64_t bh_he_number(bh_answer_number number)
{
    return bh_stream_number(number.layer, number.sample, number.index);
}

// Begins stream `number` of a key of the public headers.
bh_status bh_he_start_stream(bh_stream *stream, const uint8_t key[32],
                             uint64_t number) BH_MUST_CHECK;

// Uniform part number `counter` of a purpose, drawn in transformed form. key: that
// member of a bh_uniform.
bh_status bh_he_expand_uniform(const bh_he *he, uint64_t *out, bh_stream *stream,
                               const uint8_t key[32], uint64_t counter) BH_MUST_CHECK;

// Rows of canonical residues to and from their packed form. unpack: BH_ERR_ENCODING if
// one is not below its prime.
void bh_he_pack_poly(const bh_he *he, uint8_t *out, const uint64_t *a);
bh_status bh_he_unpack_poly(const bh_he *he, uint64_t *out,
                            const uint8_t *in) BH_MUST_CHECK;

#endif
