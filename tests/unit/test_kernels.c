// SPDX-License-Identifier: Apache-2.0
// The transforms of every kernel variant against naive references: zeroes, a spike at
// every place, all q - 1, the largest accumulators, random ones. Built twice, the
// second time with the portable wide multiply.
#include <string.h>

#include "base/memory.h"
#include "support/setting.h"

enum { FULL_NAIVE = 128 }; // longer transforms are looked at in so many places

// Place i of the transform in lazy form against Horner's value.
static void expect_root_value(const setting *s, const uint64_t *a, const uint64_t *hat,
                              size_t i)
{
    assert_true(hat[i] >> BH_LAZY_BITS == 0);
    setting_expect(s, "forward", i, hat[i] % s->q,
                   ref_evaluate(a, s->n, s->powers[setting_root(s, i)], s->q));
}

static void check_forward_of(setting *s, const uint64_t *a)
{
    uint64_t *hat = setting_words(s), *back = setting_words(s);
    memcpy(hat, a, s->n * sizeof *a);
    s->k->ntt_forward(&s->t, hat);
    for (size_t j = 0; j < s->n && j < FULL_NAIVE; j++) {
        expect_root_value(s, a, hat,
                          s->n <= FULL_NAIVE ? j : test_rng_below(&s->rng, s->n));
    }
    // inverse of forward: R times the input
    for (size_t i = 0; i < s->n; i++) {
        assert_true(hat[i] >> BH_LAZY_BITS == 0);
        back[i] = hat[i] % s->q;
    }
    s->k->ntt_inverse(&s->t, back);
    for (size_t i = 0; i < s->n; i++) {
        setting_expect(s, "inverse of forward", i, back[i], ref_mul(a[i], s->r, s->q));
    }
    bh_free(back);
    bh_free(hat);
}

// Place 0 meets a[h], h = n/2, n/4, .., 1, once each, multiplied by psi^h. Products
// that are always near q/2, or near -q/2, drive it steadily up or down: 7/16 q a stage,
// so that a quotient that is slightly off does not turn the sign.
static void fill_steep(const setting *s, uint64_t *a, int up)
{
    uint64_t most = s->q - s->q * 9 / 16, product = up ? most : s->q - most;
    setting_fill(s, a, 0);
    a[0] = up ? s->q - 1 : 0;
    for (size_t h = s->n / 2; h > 0; h /= 2) {
        a[h] = ref_mul(product, s->powers[2 * s->n - h], s->q);
    }
}

static void check_forward(setting *s)
{
    uint64_t *a = setting_words(s);
    check_forward_of(s, a);
    fill_steep(s, a, 1);
    check_forward_of(s, a);
    fill_steep(s, a, 0);
    check_forward_of(s, a);
    setting_fill(s, a, s->q - 1);
    check_forward_of(s, a);
    for (size_t i = 0; i < s->n; i++) { // extremes of both signs
        a[i] = test_rng_next(&s->rng) & 1 ? s->q - 1 : 0;
    }
    check_forward_of(s, a);
    for (size_t k = 0; k < 1 + 2000 / s->n; k++) {
        setting_fill_random(s, a, s->q);
        check_forward_of(s, a);
    }
    bh_free(a);
}

// The transform of small numbers is that of their residues.
static void check_forward_small(setting *s)
{
    int64_t most = s->q - 1 < INT32_MAX ? (int64_t)s->q - 1 : INT32_MAX;
    int64_t least = s->q > INT32_MAX ? INT32_MIN : -most;
    int32_t *in = bh_alloc(s->n, sizeof *in);
    uint64_t *out = setting_words(s), *a = setting_words(s);
    for (size_t k = 0; k < 5; k++) {
        int64_t range = k == 0 ? 0 : k == 1 ? 1 : k == 2 ? 127 : most;
        for (size_t i = 0; i < s->n; i++) {
            int64_t v = test_rng_range(&s->rng, -range, range);
            v = k < 4 ? v : test_rng_next(&s->rng) & 1 ? most : least;
            in[i] = (int32_t)(v % (int64_t)s->q);
            a[i] = (uint64_t)((in[i] + (ref_i128)s->q) % s->q);
        }
        s->k->ntt_forward_small(&s->t, out, in);
        s->k->ntt_forward(&s->t, a);
        for (size_t i = 0; i < s->n; i++) {
            assert_true(out[i] >> BH_LAZY_BITS == 0);
            setting_expect(s, "forward_small", i, out[i] % s->q, a[i] % s->q);
        }
    }
    bh_free(a);
    bh_free(out);
    bh_free(in);
}

// psi^(j root) for a spike at every place j: with them, and linearity modulo q, the
// whole transform is determined.
static void check_spikes(setting *s)
{
    if (s->n > 1024 && s->q != 70367133564929 && s->q != 1125872257990657) {
        return; // minutes; the long transforms of 46 and 50 bits stand for the others
    }
    uint64_t *a = setting_words(s);
    for (size_t j = 0; j < s->n; j++) {
        memset(a, 0, s->n * sizeof *a);
        a[j] = 1;
        s->k->ntt_forward(&s->t, a);
        for (size_t i = 0; i < s->n; i++) {
            uint64_t want = s->powers[setting_root(s, i) * j % (2 * s->n)];
            // lazy below 2^52: for short primes many representatives
            if (a[i] != want && a[i] % s->q != want) {
                setting_expect(s, "forward of a spike", i, a[i], want);
            }
        }
    }
    bh_free(a);
}

// Inverse of any accumulators below BH_MAC_TERMS_MAX 2q; its transform gives them back,
// times R. check_forward has tied the forward transform to the naive one.
static void check_inverse_of(const setting *s, uint64_t *acc)
{
    uint64_t *a = setting_words(s);
    memcpy(a, acc, s->n * sizeof *a);
    s->k->ntt_inverse(&s->t, a);
    for (size_t i = 0; i < s->n; i++) {
        assert_true(a[i] < s->q);
    }
    s->k->ntt_forward(&s->t, a);
    for (size_t i = 0; i < s->n; i++) {
        setting_expect(s, "forward of inverse", i, a[i] % s->q,
                       ref_mul(acc[i] % s->q, s->r, s->q));
    }
    bh_free(a);
}

static void check_inverse(setting *s)
{
    const uint64_t bound = 2 * s->q * BH_MAC_TERMS_MAX;
    uint64_t *acc = setting_words(s);
    check_inverse_of(s, acc);
    setting_fill(s, acc, bound - 1);
    check_inverse_of(s, acc);
    for (size_t i = 0; i < s->n; i++) {
        acc[i] = test_rng_next(&s->rng) & 1 ? bound - 1 : 0;
    }
    check_inverse_of(s, acc);
    setting_fill(s, acc, (s->q - 1) / 2); // the extremes of both signs
    check_inverse_of(s, acc);
    setting_fill(s, acc, (s->q + 1) / 2);
    check_inverse_of(s, acc);
    for (size_t i = 0; i < s->n; i++) {
        acc[i] = (s->q - 1) / 2 + (test_rng_next(&s->rng) & 1);
    }
    check_inverse_of(s, acc);
    for (size_t k = 0; k < 1 + 2000 / s->n; k++) {
        setting_fill_random(s, acc, bound);
        check_inverse_of(s, acc);
    }
    bh_free(acc);
}

static void test_forward(void **state)
{
    (void)state;
    setting_for_each("forward", check_forward);
}

static void test_forward_small(void **state)
{
    (void)state;
    setting_for_each("forward_small", check_forward_small);
}

static void test_spikes(void **state)
{
    (void)state;
    setting_for_each("spikes", check_spikes);
}

static void test_inverse(void **state)
{
    (void)state;
    setting_for_each("inverse", check_inverse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_forward_small),
        cmocka_unit_test(test_spikes),
        cmocka_unit_test(test_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
