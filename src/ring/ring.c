// SPDX-License-Identifier: Apache-2.0
#include "ring/ring.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "ring/ntt.h"

static void init_crt(bh_ring *ring)
{
    const bh_modulus *m1 = &ring->ntt[1].mod;
    uint64_t q0 = bh_mod_reduce(m1, ring->ntt[0].mod.q);
    ring->q0_inverse = bh_mod_inverse_vartime(m1, q0);
    ring->q0_inverse_quotient = bh_mod_shoup_quotient(m1, ring->q0_inverse);
    ring->q1_reciprocal = m1->barrett;
}

bh_status bh_ring_init(bh_ring *ring, size_t n, const uint64_t *primes, size_t n_primes,
                       const bh_kernels *kernels)
{
    *ring =
        (bh_ring){.n = n, .n_primes = n_primes, .stride = n + 8, .kernels = kernels};
    if (n_primes < 1 || n_primes > BH_RING_PRIMES_MAX ||
        (n_primes == 2 && primes[0] == primes[1])) {
        return BH_ERR_PARAMS;
    }
    bh_status status = BH_OK;
    if (kernels == NULL) {
        status = bh_kernels_pick(&ring->kernels, primes, n_primes);
    }
    for (size_t i = 0; i < n_primes && status == BH_OK; i++) {
        status = bh_ntt_init(&ring->ntt[i], primes[i], n, ring->kernels);
        ring->log2_q += log2((double)primes[i]);
    }
    if (status != BH_OK) {
        bh_ring_clear(ring);
        return status;
    }
    ring->log2_n = ring->ntt[0].log2_n;
    ring->poly_words = n_primes * ring->stride;
    if (n_primes == 2) {
        init_crt(ring);
    }
    return BH_OK;
}

void bh_ring_clear(bh_ring *ring)
{
    for (size_t i = 0; i < BH_RING_PRIMES_MAX; i++) {
        bh_ntt_clear(&ring->ntt[i]);
    }
    *ring = (bh_ring){0};
}

uint64_t *bh_poly_new(const bh_ring *ring)
{
    return bh_alloc(ring->poly_words, sizeof(uint64_t));
}

void bh_poly_clear(const bh_ring *ring, uint64_t *a)
{
    memset(a, 0, ring->poly_words * sizeof *a);
}

void bh_poly_forward(const bh_ring *ring, uint64_t *a)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->ntt_forward(&ring->ntt[p], bh_poly_row(ring, a, p));
    }
}

void bh_poly_forward_canonical(const bh_ring *ring, uint64_t *a)
{
    bh_poly_forward(ring, a);
    bh_poly_reduce(ring, a);
}

void bh_poly_reduce(const bh_ring *ring, uint64_t *a)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->reduce(&ring->ntt[p].mod, bh_poly_row(ring, a, p), ring->n);
    }
}

void bh_poly_inverse(const bh_ring *ring, uint64_t *a)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->ntt_inverse(&ring->ntt[p], bh_poly_row(ring, a, p));
    }
}

void bh_poly_mul_acc(const bh_ring *ring, uint64_t *acc, const uint64_t *x,
                     const uint64_t *w)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        size_t at = p * ring->stride;
        ring->kernels->mul_acc(&ring->ntt[p].mod, acc + at, x + at, w + at, ring->n);
    }
}

void bh_poly_mul_acc2(const bh_ring *ring, uint64_t *acc0, uint64_t *acc1,
                      const uint64_t *x0, const uint64_t *x1, const uint64_t *w)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        size_t at = p * ring->stride;
        ring->kernels->mul_acc2(&ring->ntt[p].mod, acc0 + at, acc1 + at, x0 + at,
                                x1 + at, w + at, ring->n);
    }
}

void bh_poly_widen(const bh_ring *ring, uint64_t *out, const int32_t *in)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->widen(&ring->ntt[p].mod, bh_poly_row(ring, out, p), in, ring->n);
    }
}

void bh_poly_add_small(const bh_ring *ring, uint64_t *a, const int32_t *e)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        uint64_t *row = bh_poly_row(ring, a, p);
        for (size_t i = 0; i < ring->n; i++) {
            row[i] = bh_mod_add(m, row[i], bh_mod_from_signed(m, e[i]));
        }
    }
}

void bh_poly_fractions(const bh_ring *ring, uint64_t *out, const uint64_t *a)
{
    const bh_modulus *m0 = &ring->ntt[0].mod;
    if (ring->n_primes == 1) {
        for (size_t i = 0; i < ring->n; i++) {
            out[i] = bh_mod_fraction(m0, a[i]);
        }
        return;
    }
    const bh_modulus *m1 = &ring->ntt[1].mod;
    const uint64_t *row1 = bh_poly_row_const(ring, a, 1);
    for (size_t i = 0; i < ring->n; i++) {
        uint64_t difference = bh_mod_sub(m1, row1[i], bh_mod_reduce(m1, a[i]));
        uint64_t h = bh_mod_reduce_once(
            m1, bh_mod_shoup_mul_lazy(difference, ring->q0_inverse,
                                      ring->q0_inverse_quotient, m1->q));
        // h / q_1 misses at most 2; c_0 / q_0 misses 2, which the division by q_1 makes
        // negligible, but the product with floor(2^64 / q_1) misses less than 2 more.
        out[i] = bh_mod_fraction(m1, h) +
                 bh_wide_mul_hi(bh_mod_fraction(m0, a[i]), ring->q1_reciprocal);
    }
}
