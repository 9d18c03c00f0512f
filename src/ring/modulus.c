// SPDX-License-Identifier: Apache-2.0
#include "ring/modulus.h"

// 2^k / q without 128-bit division, for public constants: long division bit by bit.
// Returns the low 64 bits of the quotient and the remainder.
static uint64_t divide_power_vartime(uint64_t q, unsigned k, uint64_t *remainder)
{
    uint64_t quotient = 0, r = 1; // 2^0
    for (unsigned i = 0; i < k; i++) {
        r <<= 1; // < 2q < 2^51
        quotient <<= 1;
        if (r >= q) {
            r -= q;
            quotient |= 1;
        }
    }
    *remainder = r;
    return quotient;
}

// -1/q mod 2^64 by Newton's iteration: an inverse modulo 2^k becomes one modulo 2^2k,
// and q is its own inverse modulo 8.
static uint64_t negated_inverse(uint64_t q)
{
    uint64_t x = q;
    for (int i = 0; i < 5; i++) {
        x *= 2 - q * x;
    }
    return 0 - x;
}

static uint64_t mul_mod_vartime(uint64_t a, uint64_t b, uint64_t x)
{
    uint64_t r = 0;
    for (int i = 63; i >= 0; i--) { // double and add, without overflow
        r = r >= x - r ? r - (x - r) : r + r;
        if ((b >> i) & 1) {
            r = r >= x - a ? r - (x - a) : r + a;
        }
    }
    return r;
}

static int is_composite_witness(uint64_t x, uint64_t base)
{
    uint64_t d = x - 1, y = 1, power = base % x;
    unsigned twos = 0;
    while ((d & 1) == 0) {
        d >>= 1;
        twos++;
    }
    for (; d > 0; d >>= 1) {
        if (d & 1) {
            y = mul_mod_vartime(y, power, x);
        }
        power = mul_mod_vartime(power, power, x);
    }
    if (y == 1 || y == x - 1) {
        return 0;
    }
    for (unsigned i = 1; i < twos; i++) {
        y = mul_mod_vartime(y, y, x);
        if (y == x - 1) {
            return 0;
        }
    }
    return 1;
}

int bh_is_prime_vartime(uint64_t x)
{
    static const uint64_t bases[12] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
    if (x < 2) {
        return 0;
    }
    for (int i = 0; i < 12; i++) {
        if (x == bases[i]) {
            return 1;
        }
        if (x % bases[i] == 0 || is_composite_witness(x, bases[i])) {
            return 0;
        }
    }
    return 1;
}

bh_status bh_modulus_init(bh_modulus *m, uint64_t q)
{
    if (q < 3 || (q & 1) == 0 || q >> BH_MODULUS_BITS_MAX != 0 ||
        !bh_is_prime_vartime(q)) {
        return BH_ERR_PARAMS;
    }
    *m = (bh_modulus){.q = q, .q_inv_neg = negated_inverse(q)};
    while (q >> m->bits != 0) {
        m->bits++;
    }
    uint64_t r;
    m->barrett = divide_power_vartime(q, 64, &m->mont_one);
    m->fraction = divide_power_vartime(q, 51 + m->bits, &r);
    divide_power_vartime(q, 128, &m->mont_square);
    return BH_OK;
}

uint64_t bh_mod_pow_vartime(const bh_modulus *m, uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) {
            result = bh_mod_mul(m, result, base);
        }
        base = bh_mod_mul(m, base, base);
    }
    return result;
}

uint64_t bh_mod_inverse_vartime(const bh_modulus *m, uint64_t a)
{
    return bh_mod_pow_vartime(m, a, m->q - 2);
}
