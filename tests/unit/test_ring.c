// SPDX-License-Identifier: Apache-2.0
// Polynomials over several primes, the constants of the transform, what is refused.
#include <math.h>

#include <string.h>

#include "base/memory.h"
#include "ring/ntt.h"
#include "ring/ring.h"
#include "support/reference.h"
#include "support/test.h"

static const uint64_t two[] = {70367133564929, 70362301726721};

static void fill(const bh_ring *ring, uint64_t *a, test_rng *rng)
{
    for (size_t p = 0; p < ring->n_primes; p++) {
        uint64_t q = ring->ntt[p].mod.q, *row = bh_poly_row(ring, a, p);
        for (size_t i = 0; i < ring->n; i++) {
            row[i] = i % 5 == 0 ? q - 1 : i % 7 == 0 ? 0 : test_rng_below(rng, q);
        }
    }
}

static void check_add_small(size_t n, size_t n_primes)
{
    test_rng rng = test_rng_new("add small");
    bh_ring ring;
    assert_ok(bh_ring_init(&ring, n, two, n_primes, NULL));
    uint64_t *a = bh_poly_new(&ring), *b = bh_poly_new(&ring);
    int32_t *small = bh_alloc(ring.n, sizeof *small);
    for (size_t i = 0; i < ring.n; i++) {
        small[i] = (int32_t)test_rng_range(&rng, INT32_MIN, INT32_MAX);
    }
    fill(&ring, a, &rng);
    memcpy(b, a, ring.poly_words * sizeof *b);
    bh_poly_add_small(&ring, b, small, ring.n);
    for (size_t p = 0; p < n_primes; p++) {
        uint64_t q = two[p];
        for (size_t i = p * ring.stride; i < p * ring.stride + ring.n; i++) {
            uint64_t s = (uint64_t)((int64_t)q + small[i - p * ring.stride]) % q;
            assert_int_equal(b[i], (a[i] + s) % q);
        }
        for (size_t i = p * ring.stride + ring.n; i < (p + 1) * ring.stride; i++) {
            assert_int_equal(b[i], 0); // the cache line between rows
        }
    }
    bh_free(small);
    bh_free(b);
    bh_free(a);
    bh_ring_clear(&ring);
}

static void test_add_small(void **state)
{
    (void)state;
    check_add_small(256, 2);
    check_add_small(2048, 1);
}

// floor(2^shift c / q) by long division of a number below 2^100, bit by bit.
static uint64_t exact_fraction(ref_u128 c, ref_u128 q, unsigned shift)
{
    uint64_t f = 0;
    for (unsigned i = 0; i < shift; i++) {
        c *= 2;
        f = 2 * f + (c >= q);
        c -= c >= q ? q : 0;
    }
    return f;
}

// How far a rounded fraction is from 2^bits c / q, in units of 2^-60 of the whole.
static double distance(uint64_t got, unsigned bits, uint64_t exact60)
{
    int64_t d = (int64_t)((got << (64 - bits)) - (exact60 << 4)); // modulo 1
    return ldexp(fabs((double)d), -64) * ldexp(1, (int)bits);     // in units
}

static void check_round(const uint64_t *primes, size_t n_primes, test_rng *rng)
{
    bh_ring ring;
    double worst = 0;
    assert_ok(bh_ring_init(&ring, 1024, primes, n_primes, NULL));
    uint64_t *a = bh_poly_new(&ring);
    ref_u128 q = 1, edges[] = {0, 1, 2, 3, 5, 7};
    for (size_t p = 0; p < n_primes; p++) {
        q *= primes[p];
    }
    for (unsigned bits = 1; bits <= 40; bits++) {
        ref_u128 c[1024];
        size_t n = bits % 2 == 0 ? ring.n : ring.n - bits;
        for (size_t i = 0; i < ring.n; i++) {
            c[i] = (((ref_u128)test_rng_next(rng) << 64) | test_rng_next(rng)) % q;
            if (i < 24) { // both ends, the middle, multiples of q_0
                ref_u128 base[] = {0, q - 8, q / 2, q / primes[0] * primes[0] % q};
                c[i] = (base[i / 6] + edges[i % 6]) % q;
            }
            for (size_t p = 0; p < n_primes; p++) {
                bh_poly_row(&ring, a, p)[i] = (uint64_t)(c[i] % primes[p]);
            }
        }
        const uint64_t *f = bh_poly_round(&ring, a, n, bits);
        for (size_t i = 0; i < n; i++) {
            double d = distance(f[i], bits, exact_fraction(c[i], q, 60));
            assert_true(f[i] >> bits == 0);
            assert_true(d <= 0.5 + ldexp(1, (int)bits - 44));
            worst = d > worst ? d : worst;
        }
    }
    printf("%zu primes: rounded fractions miss at most %.4f\n", n_primes, worst);
    bh_free(a);
    bh_ring_clear(&ring);
}

static void test_round(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("round");
    static const uint64_t others[] = {140729166856193, 140727556243457};
    check_round(two, 2, &rng);
    check_round(two, 1, &rng);
    check_round(others, 2, &rng);
    check_round(others, 1, &rng);
}

// The root is primitive and the smallest one: it is part of the wire format.
static void test_root(void **state)
{
    (void)state;
    for (size_t n = 4; n <= 8192; n *= 2) {
        bh_ntt t;
        assert_ok(bh_ntt_init(&t, two[0], n, &bh_kernels_portable));
        assert_int_equal(ref_pow(t.psi, n, two[0]), two[0] - 1);
        for (size_t i = 3; i < 2 * n; i += 2) {
            assert_true(ref_pow(t.psi, i, two[0]) > t.psi);
        }
        bh_ntt_clear(&t);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const uint64_t same[] = {70367133564929, 70367133564929};
    static const uint64_t composite[] = {70367133564929 + 2 * 8192};
    static const uint64_t three[] = {70367133564929, 70362301726721, 140729166856193};
    static const uint64_t no_root[] = {70367133564929, 97};
    static const uint64_t widths[] = {70367133564929, 140729166856193};
    bh_ring ring;
    assert_status(bh_ring_init(&ring, 256, two, 0, NULL), BH_ERR_PARAMS);
    assert_status(bh_ring_init(&ring, 256, three, 3, NULL), BH_ERR_PARAMS);
    assert_status(bh_ring_init(&ring, 256, same, 2, NULL), BH_ERR_PARAMS);
    assert_status(bh_ring_init(&ring, 256, composite, 1, NULL), BH_ERR_PARAMS);
    assert_status(bh_ring_init(&ring, 256, no_root, 2, NULL), BH_ERR_PARAMS);
    assert_status(bh_ring_init(&ring, 256, widths, 2, NULL), BH_ERR_PARAMS);
    static const size_t bad_n[] = {0, 1, 2, 3, 6, 100, 16384};
    for (size_t i = 0; i < sizeof bad_n / sizeof bad_n[0]; i++) {
        assert_status(bh_ring_init(&ring, bad_n[i], two, 1, NULL), BH_ERR_PARAMS);
    }
    setenv("BH_CPU", "abacus", 1);
    assert_status(bh_ring_init(&ring, 256, two, 2, NULL), BH_ERR_PARAMS);
    setenv("BH_CPU", "portable", 1);
    assert_ok(bh_ring_init(&ring, 256, two, 2, NULL));
    assert_ptr_equal(ring.kernels, &bh_kernels_portable);
    unsetenv("BH_CPU");
    bh_ring_clear(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_small),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
