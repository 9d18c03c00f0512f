// SPDX-License-Identifier: Apache-2.0
// The kernels that go coefficient by coefficient, of every variant and for lengths that
// are no multiple of a vector, against naive references. Built twice, as test_kernels.c
// is.
#include <string.h>

#include "base/memory.h"
#include "support/setting.h"

// Lengths around those of vectors; the last one is n.
static size_t length(const setting *s, size_t k)
{
    return k < 20 ? k : s->n;
}

enum { LENGTHS = 21 };

// Canonical words, both ends of the range among them.
static void fill(setting *s, uint64_t *a, uint64_t bound)
{
    setting_fill_random(s, a, bound);
    a[0] = 0;
    a[1] = a[s->n - 1] = bound - 1;
}

// Words behind the length stay as they are.
static void expect_rest(const setting *s, const char *what, const uint64_t *got,
                        const uint64_t *before, size_t len)
{
    for (size_t i = len; i < s->n; i++) {
        setting_expect(s, what, i, got[i], before[i]);
    }
}

typedef struct words {
    uint64_t *a, *before, *x, *y;
    int32_t *small;
    int64_t *scaled;
} words;

static words take(const setting *s)
{
    return (words){setting_words(s),
                   setting_words(s),
                   setting_words(s),
                   setting_words(s),
                   bh_alloc(s->n, sizeof(int32_t)),
                   bh_alloc(s->n, sizeof(int64_t))};
}

static void give_back(words *w)
{
    bh_free(w->a);
    bh_free(w->before);
    bh_free(w->x);
    bh_free(w->y);
    bh_free(w->small);
    bh_free(w->scaled);
}

static uint64_t residue(ref_i128 x, uint64_t q)
{
    return (uint64_t)((x % (ref_i128)q + (ref_i128)q) % (ref_i128)q);
}

// The kernels of test_kernels_products.c, which has their largest operands.
static void check_lengths(setting *s)
{
    words w = take(s);
    uint64_t *one = setting_words(s), *sum = setting_words(s);
    setting_fill_random(s, w.x, s->q);
    setting_fill_random(s, w.y, UINT64_C(1) << BH_LAZY_BITS);
    const bh_term term = {w.x, w.x, w.y};
    s->k->mul_acc(&s->t.mod, one, w.x, w.y, s->n);
    for (size_t k = 0; k < LENGTHS; k++) {
        size_t len = length(s, k) < s->n ? length(s, k) : s->n;
        setting_fill_random(s, w.before, UINT64_C(1) << 62);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->reduce(&s->t.mod, w.a, len);
        for (size_t i = 0; i < len; i++) {
            setting_expect(s, "reduce", i, w.a[i], w.before[i] % s->q);
        }
        expect_rest(s, "reduce", w.a, w.before, len);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->mul_acc(&s->t.mod, w.a, w.x, w.y, len);
        for (size_t i = 0; i < len; i++) {
            setting_expect(s, "mul_acc", i, w.a[i], w.before[i] + one[i]);
        }
        expect_rest(s, "mul_acc", w.a, w.before, len);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        memcpy(sum, w.before, s->n * sizeof *sum);
        s->k->mul_acc2(&s->t.mod, w.a, sum, &term, 1, false, len);
        for (size_t i = 0; i < len; i++) {
            setting_expect(s, "mul_acc2, first", i, w.a[i], w.before[i] + one[i]);
            setting_expect(s, "mul_acc2, second", i, sum[i], w.before[i] + one[i]);
        }
        expect_rest(s, "mul_acc2, first", w.a, w.before, len);
        expect_rest(s, "mul_acc2, second", sum, w.before, len);
    }
    bh_free(one);
    bh_free(sum);
    give_back(&w);
}

static void check_add(setting *s)
{
    words w = take(s);
    int64_t most = s->q - 1 < INT32_MAX ? (int64_t)s->q - 1 : INT32_MAX;
    int64_t scaled = s->q >> 40 != 0 ? (INT64_C(1) << 40) - 1 : (int64_t)s->q - 1;
    for (size_t k = 0; k < LENGTHS; k++) {
        size_t len = length(s, k) < s->n ? length(s, k) : s->n;
        uint64_t factor = k % 3 == 0 ? s->q - 1 : test_rng_below(&s->rng, s->q);
        fill(s, w.before, s->q);
        for (size_t i = 0; i < s->n; i++) {
            w.small[i] = (int32_t)test_rng_range(&s->rng, -most, most);
            w.scaled[i] = test_rng_range(&s->rng, -scaled, scaled);
        }
        w.scaled[0] = scaled;
        w.scaled[s->n - 1] = -scaled;
        w.small[0] = (int32_t)most;
        w.small[s->n - 1] = (int32_t)-most;
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->add_small(&s->t.mod, w.a, w.small, len);
        for (size_t i = 0; i < len; i++) {
            setting_expect(s, "add_small", i, w.a[i],
                           residue((ref_i128)w.before[i] + w.small[i], s->q));
        }
        expect_rest(s, "add_small", w.a, w.before, len);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->add_scaled(&s->t.mod, w.a, w.scaled, factor, len);
        for (size_t i = 0; i < len; i++) {
            ref_i128 want =
                (ref_i128)w.before[i] + (ref_i128)factor * (ref_i128)w.scaled[i];
            setting_expect(s, "add_scaled", i, w.a[i], residue(want, s->q));
        }
        expect_rest(s, "add_scaled", w.a, w.before, len);
    }
    give_back(&w);
}

static void check_add_wide(setting *s)
{
    if (s->t.mod.bits < 46) {
        return; // outside the contract
    }
    words w = take(s);
    const uint64_t low = (UINT64_C(1) << 46) - 1;
    for (size_t k = 0; k < LENGTHS; k++) {
        size_t len = length(s, k) < s->n ? length(s, k) : s->n;
        unsigned hi_bits = k == 0   ? 0
                           : k == 1 ? 46
                                    : (unsigned)test_rng_below(&s->rng, 47);
        uint64_t minus = k == 2 ? s->q - 1 : test_rng_below(&s->rng, s->q);
        fill(s, w.before, s->q);
        setting_fill_random(s, w.x, 0);
        setting_fill_random(s, w.y, 0);
        w.x[0] = w.y[0] = UINT64_MAX;
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->add_wide(&s->t.mod, w.a, w.x, w.y, hi_bits, minus, len);
        for (size_t i = 0; i < len; i++) {
            uint64_t hi = w.y[i] & ((UINT64_C(1) << hi_bits) - 1);
            ref_i128 x = ((ref_i128)hi << 46) + (ref_i128)(w.x[i] & low);
            ref_i128 want = (ref_i128)w.before[i] + x - (ref_i128)minus;
            setting_expect(s, "add_wide", i, w.a[i], residue(want, s->q));
        }
        expect_rest(s, "add_wide", w.a, w.before, len);
    }
    give_back(&w);
}

static void check_divide(setting *s)
{
    words w = take(s);
    for (size_t k = 0; k < LENGTHS; k++) {
        size_t len = length(s, k) < s->n ? length(s, k) : s->n;
        uint64_t inverse = k % 3 == 0 ? s->q - 1 : test_rng_below(&s->rng, s->q);
        fill(s, w.before, s->q);
        fill(s, w.x, 2 * s->q);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->divide(&s->t.mod, w.a, w.x, inverse, len);
        for (size_t i = 0; i < len; i++) {
            ref_i128 d = (ref_i128)w.before[i] - (ref_i128)w.x[i];
            uint64_t want = ref_mul(residue(d, s->q), inverse, s->q);
            setting_expect(s, "divide", i, w.a[i], want);
        }
        expect_rest(s, "divide", w.a, w.before, len);
    }
    give_back(&w);
}

// Both ways between [0, q) and fractions, by their formulas.
static void check_fractions(setting *s)
{
    words w = take(s);
    const unsigned b = s->t.mod.bits;
    const uint64_t fraction = (uint64_t)(((ref_u128)1 << (51 + b)) / s->q);
    for (unsigned bits = 1; bits <= 50; bits++) {
        size_t len = bits % 4 == 0 ? s->n : s->n - 1 - bits % s->n;
        fill(s, w.before, s->q);
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->round(&s->t.mod, w.a, len, bits);
        for (size_t i = 0; i < len; i++) {
            uint64_t f = (uint64_t)((ref_u128)w.before[i] * fraction >> b);
            uint64_t want = ((f + (UINT64_C(1) << (50 - bits))) >> (51 - bits)) &
                            ((UINT64_C(1) << bits) - 1);
            setting_expect(s, "round", i, w.a[i], want);
        }
        expect_rest(s, "round", w.a, w.before, len);
        fill(s, w.before, UINT64_C(1) << bits);
        w.before[2] = UINT64_C(1) << (bits - 1); // the only one that is half way
        memcpy(w.a, w.before, s->n * sizeof *w.a);
        s->k->lift(&s->t.mod, w.a, len, bits);
        for (size_t i = 0; i < len; i++) {
            ref_u128 x = (ref_u128)w.before[i] * s->q + ((ref_u128)1 << (bits - 1));
            setting_expect(s, "lift", i, w.a[i], (uint64_t)(x >> bits) % s->q);
        }
        expect_rest(s, "lift", w.a, w.before, len);
    }
    give_back(&w);
}

static void check_accept(setting *s)
{
    words w = take(s);
    const uint64_t mask = (UINT64_C(1) << s->t.mod.bits) - 1;
    for (size_t k = 0; k < LENGTHS; k++) {
        size_t len = length(s, k) < s->n ? length(s, k) : s->n, kept = 0;
        setting_fill_random(s, w.x, 0);
        for (size_t i = 0; i < len; i++) { // rejections in every lane, and at the limit
            uint64_t pick = test_rng_below(&s->rng, 8);
            w.x[i] = pick == 0 ? ~UINT64_C(0) : pick == 1 ? s->q : w.x[i];
            w.x[i] = pick == 2 ? s->q - 1 : w.x[i];
            w.y[kept] = w.x[i] & mask;
            kept += w.y[kept] < s->q;
        }
        assert_int_equal(s->k->accept_vartime(&s->t.mod, w.x, w.x, len), kept);
        for (size_t i = 0; i < kept; i++) {
            setting_expect(s, "accept", i, w.x[i], w.y[i]);
        }
    }
    give_back(&w);
}

static void test_lengths(void **state)
{
    (void)state;
    setting_for_each("lengths", check_lengths);
}

static void test_add(void **state)
{
    (void)state;
    setting_for_each("add", check_add);
}

static void test_add_wide(void **state)
{
    (void)state;
    setting_for_each("add_wide", check_add_wide);
}

static void test_divide(void **state)
{
    (void)state;
    setting_for_each("divide", check_divide);
}

static void test_fractions(void **state)
{
    (void)state;
    setting_for_each("fractions", check_fractions);
}

static void test_accept(void **state)
{
    (void)state;
    setting_for_each("accept", check_accept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),   cmocka_unit_test(test_add),
        cmocka_unit_test(test_add_wide),  cmocka_unit_test(test_divide),
        cmocka_unit_test(test_fractions), cmocka_unit_test(test_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
