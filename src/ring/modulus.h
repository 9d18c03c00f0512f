// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo one odd prime q < 2^50.
//
// "Canonical" means in [0, q). CT: no function leaks its operands, except those whose
// names end in _vartime, which are for public constants.
#ifndef BH_RING_MODULUS_H
#define BH_RING_MODULUS_H

#include "base/ct.h"
#include "bayhenn/bayhenn.h"
#include "ring/wide.h"

#define BH_MODULUS_BITS_MAX 50

typedef struct bh_modulus {
    uint64_t q;
    unsigned bits;        // 2^(bits-1) < q < 2^bits
    uint64_t q_inv_neg;   // -1/q mod 2^64, for Montgomery products
    uint64_t mont_one;    // 2^64 mod q
    uint64_t mont_square; // 2^128 mod q
    uint64_t fraction;    // floor(2^(51+bits) / q), below 2^52: a / q as a fraction
    uint64_t barrett;     // floor(2^64 / q)
} bh_modulus;

// BH_ERR_PARAMS unless q is an odd prime below 2^BH_MODULUS_BITS_MAX and above 2.
bh_status bh_modulus_init(bh_modulus *m, uint64_t q) BH_MUST_CHECK;

// Deterministic for every 64-bit number (Miller-Rabin with the first twelve primes).
int bh_is_prime_vartime(uint64_t x);
uint64_t bh_mod_pow_vartime(const bh_modulus *m, uint64_t base, uint64_t exponent);
uint64_t bh_mod_inverse_vartime(const bh_modulus *m, uint64_t a); // a canonical, not 0

// In: a < 2q. Out: canonical.
static inline uint64_t bh_mod_reduce_once(const bh_modulus *m, uint64_t a)
{
    uint64_t r = a - m->q;
    return r + (m->q & bh_ct_mask_negative(r));
}

// In: any a. Out: < 2q. floor(a / q) is missed by at most 1: with
// b = floor(2^64 / q), a/q - a b / 2^64 = a (2^64 mod q) / (q 2^64) < 1.
static inline uint64_t bh_mod_reduce_lazy(const bh_modulus *m, uint64_t a)
{
    return a - bh_wide_mul_hi(a, m->barrett) * m->q;
}

// In: any a. Out: canonical.
static inline uint64_t bh_mod_reduce(const bh_modulus *m, uint64_t a)
{
    return bh_mod_reduce_once(m, bh_mod_reduce_lazy(m, a));
}

// In: canonical. Out: canonical.
static inline uint64_t bh_mod_add(const bh_modulus *m, uint64_t a, uint64_t b)
{
    return bh_mod_reduce_once(m, a + b);
}

static inline uint64_t bh_mod_neg(const bh_modulus *m, uint64_t a)
{
    return bh_mod_reduce_once(m, m->q - a);
}

// a b 2^-64 mod q. In: a b < 2^64 q. Out: < 2q:
// (a b + k q) / 2^64 with k < 2^64 is below (2^64 q + 2^64 q) / 2^64.
static inline uint64_t bh_mod_mont_mul_lazy(const bh_modulus *m, uint64_t a, uint64_t b)
{
    bh_u128 p = bh_wide_mul(a, b);
    uint64_t k = p.lo * m->q_inv_neg;
    // p.lo + low half of k q is 0 mod 2^64; it carries unless both are 0.
    return p.hi + bh_wide_mul_hi(k, m->q) + (uint64_t)(p.lo != 0);
}

// a b mod q. In: canonical. Out: canonical.
static inline uint64_t bh_mod_mul(const bh_modulus *m, uint64_t a, uint64_t b)
{
    uint64_t ab = bh_mod_mont_mul_lazy(m, a, b); // a b / 2^64, < 2q
    uint64_t r = bh_mod_mont_mul_lazy(m, ab, m->mont_square);
    return bh_mod_reduce_once(m, r);
}

// A constant factor w with its quotient floor(w 2^64 / q) (Shoup).
// In: w canonical, any y. Out: w y mod q, < 2q.
static inline uint64_t bh_mod_shoup_mul_lazy(uint64_t y, uint64_t w,
                                             uint64_t w_quotient, uint64_t q)
{
    return w * y - bh_wide_mul_hi(w_quotient, y) * q;
}

// floor(w 2^64 / q), w canonical.
static inline uint64_t bh_mod_shoup_quotient(const bh_modulus *m, uint64_t w)
{
    // 2^64 w = a q + r with r = 2^64 w mod q, so a = -r / q mod 2^64.
    uint64_t r = bh_mod_mul(m, w, m->mont_one);
    return r * m->q_inv_neg;
}

// A small signed number as a residue. In: |a| < q. Out: canonical.
static inline uint64_t bh_mod_from_signed(const bh_modulus *m, int64_t a)
{
    return (uint64_t)a + (m->q & bh_ct_mask_negative((uint64_t)a));
}

#endif
