// SPDX-License-Identifier: Apache-2.0
//
// BFV encryption restricted to what private inference needs: a client's secret key and
// seeded encryption, a server's products with plaintext polynomials, the sanitising
// that hides those polynomials, and decryption of what is left. docs/cryptography.md
// has the equations and the rules R1 to R8 that are named here.
//
//   R_q = Z_q[X] / (X^n + 1), q a product of primes, all = 1 mod 2^28
//   t = 2^t_bits, free per operation; Delta = (q - 1) / t; m is encoded as Delta m
//
// The client's side
//   bh_secret_key_new, bh_public_key_make, bh_encrypt, bh_decrypt
// The server's side
//   bh_public_key_load, bh_upload_load, then for every answer
//   bh_answer_begin, bh_answer_add_product (once per input block), bh_answer_finish;
//   what of it no client has a part in can be made ahead: bh_factor_make, bh_zero_make
// A bh_workspace, one for each thread, serves all of them.
//
// An answer is sanitised in one of two ways, and the parameter set says in which:
//   flooded   the client decrypts the product W m + bias itself, modulo t; noise that
//             drowns the answer's own hides what else that would say about W
//   masked    the client decrypts a share that is uniform modulo t and says nothing at
//             all; the server keeps the other one. Their sum is W m modulo t, or off
//             by one (bh_noise.off_by_one says how often)
//
// Nobody sends a polynomial for a uniform part (R8): both sides expand it from the
// transcript and the client's seed, so the messages hold p0 and c0 only.
#ifndef BAYHENN_HE_H
#define BAYHENN_HE_H

#include <stdbool.h>

#include "bayhenn/bayhenn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BH_T_BITS_MIN 2
#define BH_T_BITS_MAX 28
// One public key serves at most this many answers (R2).
#define BH_ANSWERS_PER_KEY_MAX (1u << 20)

// A parameter set: checked when it is made, immutable afterwards, shared by threads.
typedef struct bh_he bh_he;

// "n4096": n = 4096, q of two 46-bit primes: answers are flooded.
// "n2048": n = 2048, q of one 46-bit prime: answers are masked.
// BH_ERR_PARAMS for any other name and for a set that misses 128 bits by the 2024
// guideline (ePrint 2024/463, Table 5.2). Sets for tests carry INSECURE in their names
// and exist in test builds only.
bh_status bh_he_new(bh_he **out, const char *name, bh_error *err) BH_MUST_CHECK;
void bh_he_free(bh_he *he);
const char *bh_he_name(const bh_he *he);
size_t bh_he_degree(const bh_he *he); // n
double bh_he_log2_q(const bh_he *he);
bool bh_he_is_masked(const bh_he *he); // answers are: otherwise flooded
unsigned
bh_he_security_bits(const bh_he *he);       // claimed: lattice estimator, MATZOV model
const char *bh_he_kernels(const bh_he *he); // name of the kernel variant in use

// Bytes of one polynomial packed to the exact width of its primes: p0, or one c0.
size_t bh_he_poly_bytes(const bh_he *he);
// Bytes of one answer that keeps n_places coefficients of c0 (R3, R4): c1 whole, then
// the kept ones. A coefficient of c1 takes t_bits + 9 bits, or + 10 if masked; a kept
// one t_bits + 4, or + 6.
size_t bh_he_answer_bytes(const bh_he *he, size_t n_places, unsigned t_bits);

// What one thread computes in: no call with it takes memory. It holds nothing that a
// later call relies on, but for an answer between its begin and its finish; encrypting
// or decrypting in between ends that answer (BH_ERR_STATE).
typedef struct bh_workspace bh_workspace;
bh_status bh_workspace_new(bh_workspace **out, const bh_he *he) BH_MUST_CHECK;
void bh_workspace_free(bh_workspace *w); // wipes

// What both sides expand the uniform parts of one session from, one key for each
// purpose.
typedef struct bh_uniform {
    uint8_t public_key[32], upload[32];
} bh_uniform;

// From the hash of the handshake, which begins with the server's nonce, and the
// client's seed of this session. Errors: BH_ERR_CRYPTO, BH_ERR_RNG.
bh_status bh_uniform_init(bh_uniform *out, const uint8_t transcript[32],
                          const uint8_t seed[32]) BH_MUST_CHECK;

// ---- client ----

// A secret key, ternary uniform, and the keys that its errors are expanded from. It
// belongs to one session, whose `uniform` it copies, and dies with it. BH_ERR_ARG for a
// uniform whose keys are the same: the public key and an upload would share a part.
// CT for all functions of the client: leak sizes and parameters, never s, errors,
// messages or what was decrypted.
typedef struct bh_secret_key bh_secret_key;
bh_status bh_secret_key_new(bh_secret_key **out, const bh_he *he,
                            const bh_uniform *uniform) BH_MUST_CHECK;
void bh_secret_key_free(bh_secret_key *sk); // wipes

// The sent half of the public key, bh_he_poly_bytes: p0 = -p1 s + e. The same bytes
// whenever it is called.
bh_status bh_public_key_make(const bh_secret_key *sk, uint8_t *p0) BH_MUST_CHECK;

// Encrypts n coefficients modulo 2^t_bits under the uniform part number `counter`. The
// caller never uses a counter twice with a key, not for one message either: what
// differs between two messages would be revealed, and a message under two t_bits.
// Several threads may encrypt with one key; what comes out depends on key, counter,
// message and t_bits alone. c0 receives bh_he_poly_bytes.
bh_status bh_encrypt(const bh_secret_key *sk, uint8_t *c0, bh_workspace *w,
                     uint64_t counter, const int64_t *message,
                     unsigned t_bits) BH_MUST_CHECK;

// Decrypts the kept coefficients of an answer of exactly bh_he_answer_bytes. values:
// n_places numbers in [-t/2, t/2), in the order of `places` (ascending, below n): the
// results, or the client's shares of them.
bh_status bh_decrypt(const bh_secret_key *sk, int64_t *values, bh_workspace *w,
                     const uint8_t *answer, const uint32_t *places, size_t n_places,
                     unsigned t_bits) BH_MUST_CHECK;

// ---- server ----

typedef struct bh_public_key bh_public_key;
// p0 of bh_he_poly_bytes. BH_ERR_ENCODING if a coefficient is out of range.
bh_status bh_public_key_load(bh_public_key **out, const bh_he *he, const uint8_t *p0,
                             const bh_uniform *uniform) BH_MUST_CHECK;
void bh_public_key_free(bh_public_key *pk);

// A client's ciphertext, transformed and ready for products.
typedef struct bh_upload bh_upload;
bh_status bh_upload_new(bh_upload **out, const bh_he *he) BH_MUST_CHECK;
void bh_upload_free(bh_upload *upload);
// Replaces what it holds. c0 of bh_he_poly_bytes, under the uniform part number
// `counter`. BH_ERR_ENCODING if a coefficient is out of range.
bh_status bh_upload_load(bh_upload *upload, bh_workspace *w, const uint8_t *c0,
                         const bh_uniform *uniform, uint64_t counter) BH_MUST_CHECK;

// CT for what follows: leaks sizes, places and parameters, never weights, biases or
// randomness.

// What the randomness of answers is expanded from, one key for each purpose.
typedef struct bh_answer_keys {
    uint8_t zero[32], flood[32], mask[32];
} bh_answer_keys;
// From a seed of 32 bytes that was drawn for this. Errors: BH_ERR_CRYPTO, BH_ERR_RNG.
bh_status bh_answer_keys_init(bh_answer_keys *out,
                              const uint8_t seed[32]) BH_MUST_CHECK;

// Which randomness under the keys; for one answer only. layer, sample < 2^16.
typedef struct bh_answer_number {
    uint32_t layer, sample, index;
} bh_answer_number;

// The transform of a polynomial of n integer weights: bh_he_factor_words words, whose
// memory is aligned to 64 bytes.
size_t bh_he_factor_words(const bh_he *he);
void bh_factor_make(const bh_he *he, uint64_t *factor, const int32_t *weights);

// The randomness of an encryption of zero under any public key.
typedef struct bh_zero bh_zero;
bh_status bh_zero_new(bh_zero **out, const bh_he *he) BH_MUST_CHECK;
void bh_zero_free(bh_zero *z);         // wipes
void bh_zero_wipe(bh_zero *z);         // leaves it to be made anew
size_t bh_zero_bytes(const bh_he *he); // of memory
// For an answer that keeps n_places coefficients of c0.
bh_status bh_zero_make(bh_zero *z, bh_workspace *w, const bh_answer_keys *keys,
                       bh_answer_number number, size_t n_places) BH_MUST_CHECK;

void bh_answer_begin(bh_workspace *w);
// Adds upload times the polynomial of the n integer weights, or of a factor. At most
// 4095 products per answer (BH_ERR_STATE). Upload and factor stay borrowed until the
// answer is finished.
bh_status bh_answer_add_product(bh_workspace *w, const bh_upload *upload,
                                const int32_t *weights) BH_MUST_CHECK;
// Where the weights of the next product may be written, so that they need not be
// copied.
int32_t *bh_answer_weights(bh_workspace *w);
bh_status bh_answer_add_factor(bh_workspace *w, const bh_upload *upload,
                               const uint64_t *factor) BH_MUST_CHECK;

// What becomes of an answer, and the randomness that sanitises it.
typedef struct bh_answer_options {
    const uint32_t *places; // coefficients to keep: ascending, below n
    // Flooded sets: added to them, n_places, each in [-t/2, t/2]. Masked sets: NULL; a
    // server adds its bias to its share.
    const int32_t *bias;
    // Masked sets: receives the server's share of each place, round(t R / q) mod t for
    // the mask R: n_places numbers in [0, t), a secret. Flooded sets: NULL.
    uint32_t *share;
    size_t n_places;
    unsigned t_bits;
    const bh_answer_keys *keys;
    bh_answer_number number;
    const bh_zero *zero; // made of these keys, number and n_places; NULL: is made here
} bh_answer_options;

// Adds the bias and a fresh encryption of zero (R2), floods every kept coefficient or
// subtracts from it a mask R that is uniform modulo q (R1), switches to powers of two
// (R4) and writes c1 and the kept coefficients of c0 (R3): bh_he_answer_bytes.
// BH_ERR_ARG if bias and share are not those of the set. Afterwards, also after an
// error other than BH_ERR_ARG, the answer has to begin anew (BH_ERR_STATE).
bh_status bh_answer_finish(bh_workspace *w, uint8_t *out, const bh_public_key *pk,
                           const bh_answer_options *f) BH_MUST_CHECK;

// ---- bounds ----

// A bound on noise, in units where the plaintext step Delta is q / t, as a fraction of
// it.
typedef struct bh_noise {
    double bound_log2;       // log2 B: |v| <= B but for probability 2^-64 (R1)
    unsigned flood_log2;     // log2 F: f is uniform in [-F, F); 0 for masked sets
    double statistical_bits; // log2 (2F / B): distance of a coefficient from pure
                             // flood; INFINITY for masked sets, whose mask is uniform
    double used;             // (F + B + switching) t / q: decrypts if below 1/2
    double margin_bits;      // log2 (1/2 / used)
    double off_by_one;       // masked sets: how often the sum of a coefficient's two
                             // shares misses by one, if all weights are +-w_max
} bh_noise;

// Computed in doubles, rounding to nearest, the mode that a process starts in.
//
// The bound for answers whose products have n_weights non-zero weight coefficients in
// all, over every input block and every output row, each of size at most w_max. B holds
// for any messages under a flooded set. Under a masked set it holds for messages that
// are uniform modulo t, as shares are, and for those whose results do not wrap.
//
// BH_ERR_NOISE if they need not decrypt, or shares may be off by more than one, or if
// F < 2^40 B; *out is filled all the same.
bh_status bh_noise_of_answer(const bh_he *he, bh_noise *out, uint64_t n_weights,
                             uint32_t w_max, unsigned t_bits) BH_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
