// SPDX-License-Identifier: Apache-2.0
// A client and a server in one hand, and what a curious client can work out from an
// answer: exact phases and noise by the Chinese remainder theorem over 128-bit
// integers.
#ifndef BH_TESTS_SUPPORT_HE_PAIR_H
#define BH_TESTS_SUPPORT_HE_PAIR_H

#include "he/internal.h"
#include "support/reference.h"
#include "support/test.h"

typedef struct he_pair {
    bh_he *he;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_uniform uniform;
    bh_workspace *work;
    bh_answer_keys keys; // of the last answer
    uint8_t seed[32];    // of the server's sanitising
    uint64_t *c0, *c1;   // what the hook on_answer saw last
    uint64_t counter;    // next upload
    uint32_t *places;    // 0 .. n-1
    int32_t *bias;       // flooded sets: zeroes
    uint32_t *share;     // masked sets: the server's, of the last answer
    uint8_t *bytes;      // the last answer
    test_rng rng;
    // With flood_fixed set every coefficient of c0 is flooded by flood_value in the
    // hook.
    bool flood_fixed;
    ref_i128 flood_value;
} he_pair;

void he_pair_set_up(he_pair *c, const char *set, test_rng rng);
void he_pair_tear_down(he_pair *c); // also clears the hooks' switches

// A message encrypted and loaded under the next counter.
bh_upload *he_pair_upload(he_pair *c, const int64_t *message, unsigned t_bits);

// One answer of one upload that keeps every place, with fresh randomness; c->c0, c->c1
// (before R3 and R4) and c->bytes (after) are set.
void he_pair_ask(he_pair *c, const bh_upload *upload, const int32_t *weights,
                 unsigned t_bits);

ref_i128 he_pair_q(const he_pair *c);

// c0 + c1 s of coefficient-form polynomials, centred: Delta m + noise modulo q.
void he_pair_phase(const he_pair *c, ref_i128 *out, const uint64_t *c0,
                   const uint64_t *c1);

// phase = Delta m + noise: m the nearest, in [-t/2, t/2], and what is left.
int64_t he_pair_decode(const he_pair *c, ref_i128 phase, unsigned t_bits,
                       ref_i128 *noise);

// Coefficients of a transformed polynomial: inverse transform without the factor R.
void he_pair_to_coefficients(const he_pair *c, uint64_t *out, const uint64_t *hat);

// The error e of an upload, which the client drew itself: c0 + a s - Delta m.
void he_pair_upload_error(const he_pair *c, int64_t *e, const bh_upload *upload,
                          const int64_t *message, unsigned t_bits);

// out = a b / (X^n + 1) over the integers, |a| < 2^31 sizes such that sums fit.
void he_pair_integer_product(int64_t *out, const int64_t *a, const int32_t *b,
                             size_t n);

#endif
