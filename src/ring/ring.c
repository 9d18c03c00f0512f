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
        status = bh_kernels_pick(&ring->kernels, n, primes, n_primes);
    }
    for (size_t i = 0; i < n_primes && status == BH_OK; i++) {
        status = bh_ntt_init(&ring->ntt[i], primes[i], n, ring->kernels);
        ring->log2_q += log2((double)primes[i]);
    }
    if (status != BH_OK) {
        bh_ring_clear(ring);
        return status;
    }
    if (n_primes == 2 && ring->ntt[0].mod.bits != ring->ntt[1].mod.bits) {
        bh_ring_clear(ring);
        return BH_ERR_PARAMS;
    }
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

void bh_poly_forward_small(const bh_ring *ring, uint64_t *out, const int32_t *in)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->ntt_forward_small(&ring->ntt[p], bh_poly_row(ring, out, p), in);
    }
}

void bh_poly_add_small(const bh_ring *ring, uint64_t *a, const int32_t *small, size_t n)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        ring->kernels->add_small(&ring->ntt[p].mod, bh_poly_row(ring, a, p), small, n);
    }
}

uint64_t *bh_poly_round(const bh_ring *ring, uint64_t *a, size_t n, unsigned bits)
{
    size_t last = ring->n_primes - 1;
    const bh_modulus *m = &ring->ntt[last].mod;
    uint64_t *row = bh_poly_row(ring, a, last);
    if (ring->n_primes == 2) { // q_0 < 2 q_1, as the contract asks
        ring->kernels->divide(m, row, a, ring->q0_inverse, n);
    }
    ring->kernels->round(m, row, n, bits);
    return row;
}
