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
//             overlap; n is a power of two, 4 <= n <= 2^BH_LOG2_N_MAX.
// CT          every kernel leaks n, q and its own name, never the data.
#ifndef BH_RING_KERNELS_H
#define BH_RING_KERNELS_H

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
    // Place i: psi^brv(i) and its inverse, each followed by its quotient
    // floor(w 2^quotient_bits / q).
    uint64_t *roots, *root_quotients;
    uint64_t *inverse_roots, *inverse_root_quotients;
    // 2^quotient_bits / n: undoes the transform and the factor of mul_acc together.
    uint64_t scale, scale_quotient;
} bh_ntt;

typedef struct bh_kernels {
    const char *name;
    // Precision of the quotients in bh_ntt, and log2 of the factor R of mul_acc.
    unsigned quotient_bits;

    // Negacyclic transform in place. In: canonical. Out: lazy.
    void (*ntt_forward)(const bh_ntt *t, uint64_t *a);

    // The inverse of a sum of products, in place: divides by n and multiplies by R.
    // In: products, at most BH_MAC_TERMS_MAX of them. Out: canonical coefficients.
    void (*ntt_inverse)(const bh_ntt *t, uint64_t *a);

    // In: any 64-bit words. Out: canonical.
    void (*reduce)(const bh_modulus *m, uint64_t *a, size_t n);

    // acc += x * w / R, R = 2^quotient_bits. In: x canonical, w lazy, acc a sum of
    // products. Each product is below 2q, so k of them leave acc < 2qk.
    void (*mul_acc)(const bh_modulus *m, uint64_t *acc, const uint64_t *x,
                    const uint64_t *w, size_t n);

    // mul_acc of one w into two accumulators: the hot loop of a linear layer.
    void (*mul_acc2)(const bh_modulus *m, uint64_t *acc0, uint64_t *acc1,
                     const uint64_t *x0, const uint64_t *x1, const uint64_t *w,
                     size_t n);

    // Small signed integers to canonical residues. In: |in| < q.
    void (*widen)(const bh_modulus *m, uint64_t *out, const int32_t *in, size_t n);

    // n values of `bits` bits, 1 <= bits <= 57, back to back, low bits first, into
    // (n bits + 7) / 8 bytes; and back. unpack reads only those bytes.
    void (*pack)(uint8_t *out, const uint64_t *in, size_t n, unsigned bits);
    void (*unpack)(uint64_t *out, const uint8_t *in, size_t n, unsigned bits);
} bh_kernels;

// 64x64->128 bit arithmetic; every machine, every prime.
extern const bh_kernels bh_kernels_portable;

// The fastest variant for this CPU and these primes. BH_CPU=portable in the environment
// forces one; BH_ERR_PARAMS if it names none that this machine and these primes allow.
bh_status bh_kernels_pick(const bh_kernels **out, const uint64_t *primes,
                          size_t n_primes) BH_MUST_CHECK;

// Every variant that exists, for tests: NULL past the last. *usable says whether this
// CPU can run it.
const bh_kernels *bh_kernels_get(size_t index, int *usable);

#endif
