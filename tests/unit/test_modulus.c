// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo one prime against 128-bit remainders, with extremes; built twice,
// the second time with the portable wide multiply.
#include "ring/modulus.h"
#include "support/reference.h"
#include "support/test.h"

static const uint64_t primes[] = {3,
                                  5,
                                  17,
                                  97,
                                  193,
                                  7681,
                                  12289,
                                  70367133564929,
                                  70362301726721,
                                  140729166856193,
                                  140727556243457,
                                  1125872257990657,
                                  1125899906842597}; // the largest below 2^50
enum { N_PRIMES = sizeof primes / sizeof primes[0], N_EDGES = 16, N_RANDOM = 20000 };

// Words at which carries, borrows and roundings turn; then random ones of every width.
static uint64_t any_word(test_rng *rng, uint64_t q, size_t i)
{
    const uint64_t edges[N_EDGES] = {0,
                                     1,
                                     2,
                                     q - 1,
                                     q,
                                     q + 1,
                                     2 * q - 1,
                                     2 * q,
                                     UINT32_MAX,
                                     (uint64_t)UINT32_MAX + 1,
                                     (UINT64_C(1) << 52) - 1,
                                     (UINT64_C(1) << 63) - 1,
                                     UINT64_C(1) << 63,
                                     UINT64_MAX / q * q,
                                     UINT64_MAX / q * q - 1,
                                     UINT64_MAX};
    return i < N_EDGES ? edges[i] : test_rng_next(rng) >> (test_rng_next(rng) % 64);
}

static void check_wide(uint64_t a, uint64_t b)
{
    ref_u128 want = (ref_u128)a * b, sum;
    bh_u128 got = bh_wide_mul(a, b);
    assert_int_equal(got.hi, (uint64_t)(want >> 64));
    assert_int_equal(got.lo, (uint64_t)want);
    assert_int_equal(bh_wide_mul_hi(a, b), got.hi);
    if (got.hi != UINT64_MAX) {
        sum = want + a;
        got = bh_wide_add(got, a);
        assert_int_equal(got.hi, (uint64_t)(sum >> 64));
        assert_int_equal(got.lo, (uint64_t)sum);
    }
    for (unsigned shift = 1; shift < 64; shift++) {
        assert_int_equal(bh_wide_shift_right((bh_u128){a, b}, shift),
                         (uint64_t)((((ref_u128)a << 64) | b) >> shift));
    }
}

static void test_wide(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("wide multiply");
    for (size_t i = 0; i < N_EDGES; i++) {
        for (size_t j = 0; j < N_EDGES; j++) {
            check_wide(any_word(&rng, primes[N_PRIMES - 1], i),
                       any_word(&rng, primes[N_PRIMES - 1], j));
        }
    }
    for (size_t i = 0; i < N_RANDOM; i++) {
        check_wide(any_word(&rng, 17, N_EDGES), any_word(&rng, 17, N_EDGES));
    }
}

// Functions of any words.
static void check_any(const bh_modulus *m, uint64_t a, uint64_t b)
{
    uint64_t q = m->q, w = b % q;
    assert_int_equal(bh_mod_reduce(m, a), a % q);
    uint64_t quotient = bh_mod_shoup_quotient(m, w);
    assert_int_equal(quotient, (uint64_t)(((ref_u128)w << 64) / q));
    uint64_t lazy = bh_mod_shoup_mul_lazy(a, w, quotient, q);
    assert_true(lazy < 2 * q);
    assert_int_equal(lazy % q, ref_mul(a % q, w, q));
    // a b < 2^64 q, as Montgomery's product asks
    uint64_t mont = bh_mod_mont_mul_lazy(m, a, w);
    assert_true(mont < 2 * q);
    assert_int_equal(ref_mul(mont % q, m->mont_one, q), ref_mul(a % q, w, q));
}

// Functions of canonical words.
static void check_canonical(const bh_modulus *m, uint64_t a, uint64_t b)
{
    uint64_t q = m->q;
    assert_int_equal(bh_mod_add(m, a, b), (a + b) % q);
    assert_int_equal(bh_mod_neg(m, a), (q - a) % q);
    assert_int_equal(bh_mod_mul(m, a, b), ref_mul(a, b, q));
    assert_int_equal(bh_mod_reduce_once(m, a + b), (a + b) % q);
    assert_int_equal(bh_mod_from_signed(m, (int64_t)a), a);
    assert_int_equal(bh_mod_from_signed(m, -(int64_t)a), (q - a) % q);
    if (a != 0) {
        assert_int_equal(ref_mul(bh_mod_inverse_vartime(m, a), a, q), 1);
    }
}

static void test_functions(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("modulus");
    for (size_t p = 0; p < N_PRIMES; p++) {
        bh_modulus m;
        uint64_t q = primes[p];
        assert_ok(bh_modulus_init(&m, q));
        assert_true(q >> m.bits == 0 && q >> (m.bits - 1) == 1);
        assert_int_equal(m.q * m.q_inv_neg, UINT64_MAX);
        assert_int_equal(m.barrett, UINT64_MAX / q); // q is odd: no difference
        assert_true(m.fraction == ((ref_u128)1 << (51 + m.bits)) / q);
        for (size_t i = 0; i < N_EDGES + 400; i++) {
            uint64_t a = any_word(&rng, q, i);
            for (size_t j = 0; j < N_EDGES + 10; j++) {
                uint64_t b = any_word(&rng, q, j);
                check_any(&m, a, b);
                check_canonical(&m, a % q, b % q);
            }
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const uint64_t bad[] = {
        0,
        1,
        2,
        4,
        9,
        15,
        561,
        25326001,
        3215031751, // Carmichael; strong pseudoprimes to 2, 3, 5, 7
        97 * 193u,
        UINT64_MAX,
        UINT64_C(1) << 50,
        1125899906842679, // a prime above 2^50
        70367133564931,
        UINT64_C(8388593) * 8388587};
    bh_modulus m;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(bh_modulus_init(&m, bad[i]), BH_ERR_PARAMS);
    }
    // primality against trial division
    for (uint64_t x = 0; x < 20000; x++) {
        int prime = x >= 2;
        for (uint64_t d = 2; d * d <= x && prime; d++) {
            prime = x % d != 0;
        }
        assert_int_equal(bh_is_prime_vartime(x) != 0, prime);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
