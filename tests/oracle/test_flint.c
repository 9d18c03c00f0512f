// SPDX-License-Identifier: Apache-2.0
// Ring products against FLINT, which shares no line with src/ring: modulo each prime by
// nmod_poly, modulo the composite q by fmpz_mod_poly. And the shares of a masked answer
// against the product modulo t.
#include <flint/fmpz_mod_poly.h>
#include <flint/nmod_poly.h>

#include <string.h>

#include "base/memory.h"
#include "support/he_pair.h"
#include "support/variants.h"

static const uint64_t primes[] = {70367133564929, 70362301726721, 140729166856193,
                                  140727556243457, 1125872257990657};

typedef struct product {
    bh_ring ring;
    uint64_t *a, *b, *out;
} product;

static void random_rows(product *p, test_rng *rng)
{
    for (size_t k = 0; k < p->ring.n_primes; k++) {
        for (size_t i = 0; i < p->ring.n; i++) {
            uint64_t q = p->ring.ntt[k].mod.q;
            p->a[k * p->ring.stride + i] = test_rng_below(rng, q);
            p->b[k * p->ring.stride + i] = test_rng_below(rng, q);
        }
    }
}

// out = a b by the kernels: a's transform is canonical, b's lazy.
static void multiply(product *p)
{
    uint64_t *x = bh_poly_new(&p->ring), *w = bh_poly_new(&p->ring);
    size_t bytes = p->ring.poly_words * sizeof *x;
    memcpy(x, p->a, bytes);
    memcpy(w, p->b, bytes);
    bh_poly_forward(&p->ring, x);
    bh_poly_reduce(&p->ring, x);
    bh_poly_forward(&p->ring, w);
    bh_poly_clear(&p->ring, p->out);
    bh_poly_mul_acc(&p->ring, p->out, x, w);
    bh_poly_inverse(&p->ring, p->out);
    bh_free(w);
    bh_free(x);
}

static void set_up(product *p, size_t n, const uint64_t *q, size_t n_primes,
                   const bh_kernels *kernels, test_rng *rng)
{
    assert_ok(bh_ring_init(&p->ring, n, q, n_primes, kernels));
    p->a = bh_poly_new(&p->ring);
    p->b = bh_poly_new(&p->ring);
    p->out = bh_poly_new(&p->ring);
    random_rows(p, rng);
    multiply(p);
}

static void tear_down(product *p)
{
    bh_free(p->a);
    bh_free(p->b);
    bh_free(p->out);
    bh_ring_clear(&p->ring);
}

static void compare_nmod(const product *p)
{
    uint64_t q = p->ring.ntt[0].mod.q;
    nmod_poly_t a, b, f;
    nmod_poly_init(a, q);
    nmod_poly_init(b, q);
    nmod_poly_init(f, q);
    for (size_t i = 0; i < p->ring.n; i++) {
        nmod_poly_set_coeff_ui(a, (slong)i, p->a[i]);
        nmod_poly_set_coeff_ui(b, (slong)i, p->b[i]);
    }
    nmod_poly_set_coeff_ui(f, (slong)p->ring.n, 1);
    nmod_poly_set_coeff_ui(f, 0, 1);
    nmod_poly_mulmod(a, a, b, f);
    for (size_t i = 0; i < p->ring.n; i++) {
        assert_int_equal(p->out[i], nmod_poly_get_coeff_ui(a, (slong)i));
    }
    nmod_poly_clear(a);
    nmod_poly_clear(b);
    nmod_poly_clear(f);
}

static void test_one_prime(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("products modulo one prime");
    const bh_kernels *kernels;
    for (size_t at = 0; (kernels = variants_next(&at)) != NULL;) {
        for (size_t i = 0; i < sizeof primes / sizeof primes[0]; i++) {
            for (size_t n = 16; n <= 8192; n *= 2) {
                if (!variants_fits(kernels, n, primes[i])) {
                    continue;
                }
                product p;
                set_up(&p, n, &primes[i], 1, kernels, &rng);
                compare_nmod(&p);
                tear_down(&p);
            }
        }
    }
}

// Sets coefficient i of a polynomial modulo q_0 q_1 from its residues, by FLINT's CRT.
static void set_crt(fmpz_mod_poly_t out, const product *p, const uint64_t *rows,
                    size_t i, const fmpz_mod_ctx_t ctx)
{
    fmpz_t r, q0;
    fmpz_init_set_ui(r, rows[i]);
    fmpz_init_set_ui(q0, p->ring.ntt[0].mod.q);
    fmpz_CRT_ui(r, r, q0, rows[p->ring.stride + i], p->ring.ntt[1].mod.q, 0);
    fmpz_mod_poly_set_coeff_fmpz(out, (slong)i, r, ctx);
    fmpz_clear(r);
    fmpz_clear(q0);
}

static void compare_composite(const product *p)
{
    fmpz_t q, c;
    fmpz_mod_ctx_t ctx;
    fmpz_mod_poly_t a, b, f;
    fmpz_init(c);
    fmpz_init_set_ui(q, p->ring.ntt[0].mod.q);
    fmpz_mul_ui(q, q, p->ring.ntt[1].mod.q);
    fmpz_mod_ctx_init(ctx, q);
    fmpz_mod_poly_init(a, ctx);
    fmpz_mod_poly_init(b, ctx);
    fmpz_mod_poly_init(f, ctx);
    for (size_t i = 0; i < p->ring.n; i++) {
        set_crt(a, p, p->a, i, ctx);
        set_crt(b, p, p->b, i, ctx);
    }
    fmpz_mod_poly_set_coeff_ui(f, (slong)p->ring.n, 1, ctx);
    fmpz_mod_poly_set_coeff_ui(f, 0, 1, ctx);
    fmpz_mod_poly_mulmod(a, a, b, f, ctx);
    for (size_t i = 0; i < p->ring.n; i++) {
        fmpz_mod_poly_get_coeff_fmpz(c, a, (slong)i, ctx);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(p->out[k * p->ring.stride + i],
                             fmpz_fdiv_ui(c, p->ring.ntt[k].mod.q));
        }
    }
    fmpz_mod_poly_clear(a, ctx);
    fmpz_mod_poly_clear(b, ctx);
    fmpz_mod_poly_clear(f, ctx);
    fmpz_mod_ctx_clear(ctx);
    fmpz_clear(c);
    fmpz_clear(q);
}

static void test_two_primes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("products modulo two primes");
    for (size_t n = 16; n <= 8192; n *= 2) {
        product p;
        set_up(&p, n, primes, 2, NULL, &rng);
        compare_composite(&p);
        tear_down(&p);
    }
    flint_cleanup();
}

// want = m w modulo t and X^n + 1.
static void plain_product(uint64_t *want, const int64_t *m, const int32_t *w, size_t n,
                          uint64_t t)
{
    nmod_poly_t a, b, f;
    nmod_poly_init(a, t);
    nmod_poly_init(b, t);
    nmod_poly_init(f, t);
    for (size_t i = 0; i < n; i++) {
        nmod_poly_set_coeff_ui(a, (slong)i, (uint64_t)m[i] & (t - 1));
        nmod_poly_set_coeff_ui(b, (slong)i, (uint64_t)w[i] & (t - 1));
    }
    nmod_poly_set_coeff_ui(f, (slong)n, 1);
    nmod_poly_set_coeff_ui(f, 0, 1);
    nmod_poly_mulmod(a, a, b, f);
    for (size_t i = 0; i < n; i++) {
        want[i] = nmod_poly_get_coeff_ui(a, (slong)i);
    }
    nmod_poly_clear(a);
    nmod_poly_clear(b);
    nmod_poly_clear(f);
}

static void check_shares(he_pair *c, unsigned t_bits)
{
    enum { N = 2048 };
    static int64_t m[N], value[N];
    static int32_t w[N];
    static uint64_t want[N];
    int64_t half = INT64_C(1) << (t_bits - 1);
    for (size_t i = 0; i < N; i++) {
        m[i] = test_rng_range(&c->rng, -half, half - 1);
        w[i] = (int32_t)test_rng_range(&c->rng, -127, 127);
    }
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    he_pair_ask(c, upload, w, t_bits);
    bh_upload_free(upload);
    assert_ok(bh_decrypt(c->sk, value, c->work, c->bytes, c->places, N, t_bits));
    plain_product(want, m, w, N, (uint64_t)(2 * half));
    for (size_t i = 0; i < N; i++) {
        uint64_t sum = (uint64_t)value[i] + c->share[i] - want[i] + 1;
        assert_in_range(sum & (uint64_t)(2 * half - 1), 0, 2);
    }
}

static void test_shares(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "n2048", test_rng_new("shares"));
    for (unsigned t_bits = 4; t_bits <= BH_T_BITS_MAX; t_bits++) {
        check_shares(&c, t_bits);
    }
    he_pair_tear_down(&c);
    flint_cleanup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_prime),
        cmocka_unit_test(test_two_primes),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
