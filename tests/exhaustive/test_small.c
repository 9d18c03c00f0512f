// SPDX-License-Identifier: Apache-2.0
// Every input of small instances: all pairs modulo small primes, all polynomials of
// Z_17[X] / (X^4 + 1).
#include <string.h>

#include "base/memory.h"
#include "ring/kernels.h"
#include "ring/ntt.h"
#include "support/reference.h"
#include "support/test.h"
#include "support/variants.h"

static void check_pair(const bh_modulus *m, uint64_t a, uint64_t b)
{
    uint64_t q = m->q, quotient = bh_mod_shoup_quotient(m, b);
    assert_int_equal(bh_mod_add(m, a, b), (a + b) % q);
    assert_int_equal(bh_mod_mul(m, a, b), a * b % q);
    assert_int_equal(quotient, (uint64_t)(((ref_u128)b << 64) / q));
    uint64_t shoup = bh_mod_shoup_mul_lazy(a, b, quotient, q);
    assert_true(shoup < 2 * q && shoup % q == a * b % q);
    uint64_t mont = bh_mod_mont_mul_lazy(m, a, b);
    assert_true(mont < 2 * q);
    assert_int_equal(ref_mul(mont, m->mont_one, q), a * b % q);
}

static void test_pairs(void **state)
{
    (void)state;
    static const uint64_t primes[] = {17, 97, 193};
    for (size_t p = 0; p < 3; p++) {
        bh_modulus m;
        assert_ok(bh_modulus_init(&m, primes[p]));
        for (uint64_t a = 0; a < m.q; a++) {
            for (uint64_t b = 0; b < m.q; b++) {
                check_pair(&m, a, b);
            }
            assert_int_equal(bh_mod_neg(&m, a), (m.q - a) % m.q);
            assert_int_equal(bh_mod_from_signed(&m, -(int64_t)a), (m.q - a) % m.q);
        }
        for (uint64_t a = 0; a < 65536; a++) {
            assert_int_equal(bh_mod_reduce(&m, a), a % m.q);
            assert_int_equal(bh_mod_reduce(&m, UINT64_MAX - a), (UINT64_MAX - a) % m.q);
        }
    }
}

enum { N = 4, Q = 17, ALL = Q * Q * Q * Q };

static void polynomial(uint64_t a[N], size_t number)
{
    for (size_t i = 0; i < N; i++) {
        a[i] = number % Q;
        number /= Q;
    }
}

// Aligned as the kernels ask.
typedef struct poly {
    _Alignas(BH_ALIGNMENT) uint64_t c[N];
} poly;

// The transform of polynomial `number` against naive values, and its way back.
static void check_transform(const bh_kernels *k, const bh_ntt *t, uint64_t r,
                            size_t number)
{
    poly a, hat;
    polynomial(a.c, number);
    hat = a;
    k->ntt_forward(t, hat.c);
    for (size_t i = 0; i < N; i++) {
        uint64_t root = ref_pow(t->psi, 2 * ref_reverse_bits(i, N) + 1, Q);
        assert_int_equal(hat.c[i] % Q, ref_evaluate(a.c, N, root, Q));
    }
    k->reduce(&t->mod, hat.c, N);
    k->ntt_inverse(t, hat.c);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(hat.c[i], a.c[i] * r % Q);
    }
}

// Times X^j: the product is bilinear, so these decide all of them.
static void check_basis_product(const bh_kernels *k, const bh_ntt *t, size_t number,
                                size_t j)
{
    poly a, b = {{0}}, sum = {{0}};
    uint64_t want[N];
    polynomial(a.c, number);
    b.c[j] = 1;
    ref_negacyclic(want, a.c, b.c, N, Q);
    k->ntt_forward(t, a.c);
    k->reduce(&t->mod, a.c, N);
    k->ntt_forward(t, b.c);
    k->mul_acc(&t->mod, sum.c, a.c, b.c, N);
    k->ntt_inverse(t, sum.c);
    assert_memory_equal(sum.c, want, sizeof want);
}

static void test_polynomials(void **state)
{
    (void)state;
    const bh_kernels *k;
    for (size_t at = 0; (k = variants_next(&at)) != NULL;) {
        bh_ntt t;
        if (!variants_fits(k, N, Q)) {
            printf("skipped: %s has no transforms as short as these\n", k->name);
            continue;
        }
        assert_ok(bh_ntt_init(&t, Q, N, k));
        uint64_t r = ref_pow(2, k->factor_log2, Q);
        for (size_t number = 0; number < ALL; number++) {
            check_transform(k, &t, r, number);
            for (size_t j = 0; j < N; j++) {
                check_basis_product(k, &t, number, j);
            }
        }
        printf("%s: %d polynomials\n", k->name, ALL);
        bh_ntt_clear(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_polynomials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
