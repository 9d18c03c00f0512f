// SPDX-License-Identifier: Apache-2.0
// The ring R_q = Z_q[X] / (X^n + 1), q a product of one or two primes.
//
// A polynomial is an array of ring->poly_words words: the residues modulo prime p start
// at place p * ring->stride. The stride is n plus one cache line, because rows at exact
// multiples of 32 KiB fall into the same cache sets.
#ifndef BH_RING_RING_H
#define BH_RING_RING_H

#include "base/random.h"
#include "ring/kernels.h"

#define BH_RING_PRIMES_MAX 2

typedef struct bh_ring {
    size_t n, n_primes, stride, poly_words;
    const bh_kernels *kernels; // borrowed: a constant
    bh_ntt ntt[BH_RING_PRIMES_MAX];
    double log2_q;
    uint64_t q0_inverse; // 1 / q_0 mod q_1; two primes only
} bh_ring;

// Checks that each q is a prime = 1 mod 2n, and that two differ and have equally many
// bits. kernels NULL picks.
bh_status bh_ring_init(bh_ring *ring, size_t n, const uint64_t *primes, size_t n_primes,
                       const bh_kernels *kernels) BH_MUST_CHECK;
void bh_ring_clear(bh_ring *ring);

// A zeroed polynomial, to be freed with bh_free; NULL if there is no memory.
uint64_t *bh_poly_new(const bh_ring *ring);
static inline uint64_t *bh_poly_row(const bh_ring *ring, uint64_t *a, size_t prime)
{
    return a + prime * ring->stride;
}
static inline const uint64_t *bh_poly_row_const(const bh_ring *ring, const uint64_t *a,
                                                size_t prime)
{
    return a + prime * ring->stride;
}

// The kernels over all primes; ranges as in ring/kernels.h. CT: leaks the ring.
void bh_poly_clear(const bh_ring *ring, uint64_t *a);
void bh_poly_forward(const bh_ring *ring, uint64_t *a); // canonical -> lazy
void bh_poly_reduce(const bh_ring *ring, uint64_t *a);  // any words -> canonical
void bh_poly_inverse(const bh_ring *ring, uint64_t *a); // products -> canonical
void bh_poly_mul_acc(const bh_ring *ring, uint64_t *acc, const uint64_t *x,
                     const uint64_t *w);
void bh_poly_forward_small(const bh_ring *ring, uint64_t *out, const int32_t *in);
void bh_poly_add_small(const bh_ring *ring, uint64_t *a, const int32_t *small,
                       size_t n);

// c as a fraction of q in units of 2^-bits, bits <= 40: row 0 or, of two primes, row 1
// of a is overwritten with round(2^bits c / q) mod 2^bits for its first n coefficients
// c, canonical; returns that row. With c = c_0 + q_0 h, h / q_1 misses c / q by less
// than 1 / q_1, so the result misses at most 1/2 + 2^(bits-44) for primes of 46 bits.
uint64_t *bh_poly_round(const bh_ring *ring, uint64_t *a, size_t n, unsigned bits);

#endif
