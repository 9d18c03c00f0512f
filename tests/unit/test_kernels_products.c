// SPDX-License-Identifier: Apache-2.0
// The kernels around the transforms, and products as the scheme computes them, against
// naive references; largest operands included. Built twice, as test_kernels.c is.
#include <string.h>

#include "base/memory.h"
#include "support/setting.h"

static void check_reduce(setting *s)
{
    uint64_t *a = setting_words(s), *b = setting_words(s);
    for (size_t k = 0; k < 4; k++) {
        setting_fill_random(s, a, k == 0 ? 2 * s->q : 0);
        if (k == 1) {
            setting_fill(s, a, UINT64_MAX);
        } else if (k == 2) {
            setting_fill(s, a, UINT64_MAX / s->q * s->q);
        }
        memcpy(b, a, s->n * sizeof *a);
        s->k->reduce(&s->t.mod, b, s->n);
        for (size_t i = 0; i < s->n; i++) {
            setting_expect(s, "reduce", i, b[i], a[i] % s->q);
        }
    }
    bh_free(b);
    bh_free(a);
}

// acc after `terms` times x w: below 2 q terms, and R acc = terms x w.
static void expect_sum(const setting *s, const char *what, const uint64_t *acc,
                       const uint64_t *x, const uint64_t *w, uint64_t terms)
{
    for (size_t i = 0; i < s->n; i++) {
        assert_true(acc[i] < 2 * s->q * terms);
        uint64_t xw = ref_mul(x[i], w[i] % s->q, s->q);
        setting_expect(s, what, i, ref_mul(acc[i] % s->q, s->r, s->q),
                       ref_mul(xw, terms % s->q, s->q));
    }
}

// `terms` equal products, one by one and in groups of every size.
static void check_mul_acc_of(setting *s, const uint64_t *x0, const uint64_t *x1,
                             const uint64_t *w, uint64_t terms)
{
    uint64_t *acc0 = setting_words(s), *acc1 = setting_words(s),
             *acc2 = setting_words(s);
    const bh_term term = {x0, x1, w}, group[] = {term, term, term, term};
    for (uint64_t k = 0; k < terms; k++) {
        s->k->mul_acc(&s->t.mod, acc0, x0, w, s->n);
    }
    setting_fill_random(s, acc1, 0); // what was there before the first group is gone
    setting_fill_random(s, acc2, 0);
    for (uint64_t left = terms, size = 1; left > 0; size = size % BH_TERMS_MAX + 1) {
        uint64_t now = left < size ? left : size;
        s->k->mul_acc2(&s->t.mod, acc1, acc2, group, now, left == terms, s->n);
        left -= now;
    }
    expect_sum(s, "mul_acc", acc0, x0, w, terms);
    expect_sum(s, "mul_acc2, first", acc1, x0, w, terms);
    expect_sum(s, "mul_acc2, second", acc2, x1, w, terms);
    bh_free(acc2);
    bh_free(acc1);
    bh_free(acc0);
}

// Different terms in one group.
static void check_mul_acc_group(setting *s)
{
    uint64_t *acc0 = setting_words(s), *acc1 = setting_words(s), *words[12];
    bh_term group[BH_TERMS_MAX];
    for (size_t k = 0; k < 12; k++) {
        words[k] = setting_words(s);
        setting_fill_random(s, words[k],
                            k % 3 < 2 ? s->q : UINT64_C(1) << BH_LAZY_BITS);
    }
    for (size_t k = 0; k < BH_TERMS_MAX; k++) {
        group[k] = (bh_term){words[3 * k], words[3 * k + 1], words[3 * k + 2]};
    }
    s->k->mul_acc2(&s->t.mod, acc0, acc1, group, BH_TERMS_MAX, false, s->n);
    for (size_t i = 0; i < s->n; i++) {
        ref_u128 want0 = 0, want1 = 0;
        for (size_t k = 0; k < BH_TERMS_MAX; k++) {
            want0 += ref_mul(group[k].x0[i], group[k].w[i] % s->q, s->q);
            want1 += ref_mul(group[k].x1[i], group[k].w[i] % s->q, s->q);
        }
        setting_expect(s, "mul_acc2 of a group, first", i,
                       ref_mul(acc0[i] % s->q, s->r, s->q), (uint64_t)(want0 % s->q));
        setting_expect(s, "mul_acc2 of a group, second", i,
                       ref_mul(acc1[i] % s->q, s->r, s->q), (uint64_t)(want1 % s->q));
    }
    for (size_t k = 0; k < 12; k++) {
        bh_free(words[k]);
    }
    bh_free(acc1);
    bh_free(acc0);
}

static void check_mul_acc(setting *s)
{
    const uint64_t lazy = UINT64_C(1) << BH_LAZY_BITS;
    uint64_t *x0 = setting_words(s), *x1 = setting_words(s), *w = setting_words(s);
    setting_fill(s, w, lazy - 1);
    check_mul_acc_of(s, x0, x1, w, 3);
    setting_fill(s, x0, s->q - 1);
    setting_fill_random(s, x1, s->q);
    check_mul_acc_of(s, x0, x1, w, s->n <= 256 ? BH_MAC_TERMS_MAX : 16);
    for (uint64_t k = 1; k <= 4; k++) {
        setting_fill_random(s, x0, s->q);
        setting_fill_random(s, x1, s->q);
        setting_fill_random(s, w, lazy);
        check_mul_acc_of(s, x0, x1, w, k);
        check_mul_acc_group(s);
    }
    bh_free(w);
    bh_free(x1);
    bh_free(x0);
}

// A product as the scheme computes it, against the sum over all pairs.
static void check_product(setting *s)
{
    uint64_t *a = setting_words(s), *b = setting_words(s), *want = setting_words(s);
    uint64_t *sum = setting_words(s);
    size_t rounds = s->n <= 64 ? 50 : s->n <= 512 ? 5 : 1;
    for (size_t k = 0; k <= rounds; k++) {
        setting_fill_random(s, a, s->q);
        setting_fill_random(s, b, s->q);
        if (k == rounds) {
            setting_fill(s, a, s->q - 1);
            setting_fill(s, b, s->q - 1);
        }
        ref_negacyclic(want, a, b, s->n, s->q);
        memset(sum, 0, s->n * sizeof *sum);
        s->k->ntt_forward(&s->t, a);
        s->k->reduce(&s->t.mod, a, s->n);
        s->k->ntt_forward(&s->t, b);
        s->k->mul_acc(&s->t.mod, sum, a, b, s->n);
        s->k->ntt_inverse(&s->t, sum);
        for (size_t i = 0; i < s->n; i++) {
            setting_expect(s, "product", i, sum[i], want[i]);
        }
    }
    bh_free(sum);
    bh_free(want);
    bh_free(b);
    bh_free(a);
}

static void test_reduce(void **state)
{
    (void)state;
    setting_for_each("reduce", check_reduce);
}

static void test_mul_acc(void **state)
{
    (void)state;
    setting_for_each("mul_acc", check_mul_acc);
}

static void test_product(void **state)
{
    (void)state;
    setting_for_each("product", check_product);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_mul_acc),
        cmocka_unit_test(test_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
