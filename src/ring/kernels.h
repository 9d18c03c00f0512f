// SPDX-License-Identifier: Apache-2.0
// The kernel contract: the inner loops over one prime, with one semantics for every
// variant (portable, AVX2, AVX-512). A variant may choose how, never what.
//
// Ranges
//   canonical  [0, q)
//   lazy       [0, 2^BH_LAZY_BITS): any representative
//   products   the output of mul_acc: see there
// Order       a transform is in bit-reversed order for every variant: place i holds
//             the value at psi^(2 brv(i) + 1).
// Memory      arrays of n words, aligned to BH_ALIGNMENT; distinct arguments do not
//             overlap; a transform's n is a power of two, 4 <= n <= 2^BH_LOG2_N_MAX.
// CT          every kernel leaks n, q and its own name, never the data.
#ifndef BH_RING_KERNELS_H
#define BH_RING_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/modulus.h"

#define BH_LOG2_N_MAX 13
#define BH_LAZY_BITS  52
// At most so many products may be added into one accumulator between a clear and an
// inverse transform: BH_MAC_TERMS_MAX * 2q <= 2^12 * 2^51 = 2^63.
#define BH_MAC_TERMS_MAX 4096

// Constants of the transform of one prime (ring/ntt.h builds and owns them).
typedef struct bh_ntt {
    bh_modulus mod;
    size_t n;
    unsigned log2_n;
    uint64_t psi; // the smallest primitive 2n-th root of unity modulo q
    // What fill_forward, fill_inverse made: up to 4n words each, read by the same
    // variant only.
    uint64_t *forward, *inverse;
} bh_ntt;

// A factor w and what it is multiplied with: both parts of a ciphertext.
typedef struct bh_term {
    const uint64_t *x0, *x1; // canonical
    const uint64_t *w;       // lazy
} bh_term;

#define BH_TERMS_MAX 4

typedef struct bh_kernels {
    const char *name;
    unsigned factor_log2; // log2 of the factor R of mul_acc

    // ---- the transform: n = t->n ----

    // The variant's own form of n canonical factors, in at most 4n words. Forward:
    // place i > 0 holds psi^brv(i). Inverse: psi^-brv(i), and in place 0 the scale R /
    // n.
    void (*fill_forward)(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                         size_t n);
    void (*fill_inverse)(const bh_modulus *m, uint64_t *table, const uint64_t *factors,
                         size_t n);

    // Negacyclic transform in place. In: canonical. Out: lazy.
    void (*ntt_forward)(const bh_ntt *t, uint64_t *a);

    // The transform of small signed integers. In: |in| < q. Out: lazy.
    void (*ntt_forward_small)(const bh_ntt *t, uint64_t *out, const int32_t *in);

    // The inverse of a sum of products, in place: divides by n and multiplies by R.
    // In: products, at most BH_MAC_TERMS_MAX of them. Out: canonical coefficients.
    void (*ntt_inverse)(const bh_ntt *t, uint64_t *a);

    // ---- coefficient by coefficient, of either form: any n ----

    // In: any 64-bit words. Out: canonical.
    void (*reduce)(const bh_modulus *m, uint64_t *a, size_t n);

    // acc += x * w / R. In: x canonical, w lazy, acc a sum of products. Each product is
    // below 2q, so k of them leave acc < 2qk.
    void (*mul_acc)(const bh_modulus *m, uint64_t *acc, const uint64_t *x,
                    const uint64_t *w, size_t n);

    // mul_acc of n_terms products into each of two accumulators, 1 <= n_terms <=
    // BH_TERMS_MAX: the hot loop of a linear layer. Several terms at once, because the
    // accumulators' way through the cache costs more than the arithmetic. `first`: the
    // accumulators count as zero, whatever they hold.
    void (*mul_acc2)(const bh_modulus *m, uint64_t *acc0, uint64_t *acc1,
                     const bh_term *terms, size_t n_terms, bool first, size_t n);

    // a += small. In: a canonical, |small| < q. Out: canonical.
    void (*add_small)(const bh_modulus *m, uint64_t *a, const int32_t *small, size_t n);

    // a += factor * small. In: a, factor canonical, |small| < q, 2^40. Out: canonical.
    void (*add_scaled)(const bh_modulus *m, uint64_t *a, const int64_t *small,
                       uint64_t factor, size_t n);

    // a += x - minus, x = (hi[i] mod 2^hi_bits) 2^46 + lo[i] mod 2^46. In: a, minus
    // canonical, hi_bits <= 46, q > 2^45. Out: canonical.
    void (*add_wide)(const bh_modulus *m, uint64_t *a, const uint64_t *lo,
                     const uint64_t *hi, unsigned hi_bits, uint64_t minus, size_t n);

    // The upper part of a number c < q_0 q from its residues a0 = c mod q_0, a = c mod
    // q, in place: (c - a0) / q_0. In: a0 < 2q, a canonical, inverse = 1 / q_0 mod q.
    // Out: canonical.
    void (*divide)(const bh_modulus *m, uint64_t *a, const uint64_t *a0,
                   uint64_t inverse, size_t n);

    // a / q as a fraction of 2^bits, in place. In: canonical, bits <= 50. Out: the sum
    // floor(a floor(2^(51+m->bits) / q) / 2^m->bits) + 2^(50-bits), shifted right by
    // 51 - bits and cut to `bits` bits: it misses 2^bits a / q by at most
    // 1/2 + 2^(bits-50), modulo 2^bits.
    void (*round)(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits);

    // The way back, in place: round(a q / 2^bits), half upwards, q counting as 0.
    // In: below 2^bits, 1 <= bits <= 50. Out: canonical.
    void (*lift)(const bh_modulus *m, uint64_t *a, size_t n, unsigned bits);

    // ---- bytes ----

    // n values of `bits` bits, 1 <= bits <= 57, back to back, low bits first, into
    // (n bits + 7) / 8 bytes; and back. Neither touches other bytes.
    void (*pack)(uint8_t *out, const uint64_t *in, size_t n, unsigned bits);
    void (*unpack)(uint64_t *out, const uint8_t *in, size_t n, unsigned bits);

    // ---- random words (ring/sample.h has the laws) ----

    // Cuts each word to m->bits bits and keeps those below q, in their order; returns
    // how many. out may be in. CT: leaks everything: for public words.
    size_t (*accept_vartime)(const bh_modulus *m, uint64_t *out, const uint64_t *in,
                             size_t n);

    // 64 digits of {-1, 0, 1} from 8 words: out[8 d + j] is digit d of the fraction
    // words[j] / 2^64 in base 3, less 1.
    void (*ternary)(int32_t out[64], const uint64_t words[8]);

    // n numbers from 6 bytes each: the bits set among the first 42, less 21.
    void (*binomial)(int32_t *out, const uint8_t *bytes, size_t n);
} bh_kernels;

// 64x64->128 bit arithmetic; every machine, every prime.
extern const bh_kernels bh_kernels_portable;
// Double-precision arithmetic, four lanes; 2^15 < q < 2^50, n >= 16. x86-64 only.
extern const bh_kernels bh_kernels_avx2;
// 52-bit products (IFMA); primes above 2^45, n >= 64. x86-64 only.
extern const bh_kernels bh_kernels_avx512;

// The fastest variant for these transforms at the level of this CPU (base/cpu.h; BH_CPU
// in the environment sets another). BH_ERR_PARAMS if that level is no good.
bh_status bh_kernels_pick(const bh_kernels **out, size_t n, const uint64_t *primes,
                          size_t n_primes) BH_MUST_CHECK;

// Every variant that exists, for tests: NULL past the last. *usable says whether this
// CPU can run it.
const bh_kernels *bh_kernels_get(size_t index, int *usable);

#endif
