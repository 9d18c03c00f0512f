// SPDX-License-Identifier: Apache-2.0
// The kernels of training that go element by element, of every level and at every
// length, against double precision.
#include <math.h>
#include <string.h>

#include "bayes/kernels/kernels.h"
#include "support/close.h"
#include "support/guarded.h"
#include "support/levels.h"

#define LONGEST 130

// Operands of one length, and room for two results.
typedef struct vectors {
    size_t len;
    bh_real *a, *b, *c, *out, *second;
} vectors;

static vectors vectors_new(test_rng *rng, size_t len)
{
    return (vectors){len,
                     guarded_random(rng, len, 50),
                     guarded_random(rng, len, 50),
                     guarded_random(rng, len, 50),
                     guarded_random(rng, len, 50),
                     guarded_new(len)};
}

static void vectors_free(vectors *v)
{
    guarded_free(v->a, v->len);
    guarded_free(v->b, v->len);
    guarded_free(v->c, v->len);
    guarded_free(v->out, v->len);
    guarded_free(v->second, v->len);
}

// Whole numbers: nothing rounds.
static void exact_of(bh_cpu level)
{
    const bh_train_kernels *k = bh_train_kernels_of(level);
    test_rng rng = test_rng_new("exact");
    for (size_t len = 0; len <= LONGEST; len++) {
        vectors v = vectors_new(&rng, len);
        k->relu(v.second, v.a, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.second[i], v.a[i] > 0 ? v.a[i] : 0, 0);
        }
        k->relu_back(v.second, v.b, v.a, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.second[i], v.a[i] > 0 ? v.b[i] : 0, 0);
        }
        k->square(v.second, v.a, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.second[i], (double)v.a[i] * (double)v.a[i], 0);
        }
        k->square_back(v.second, v.b, v.a, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.second[i], 2 * (double)v.a[i] * (double)v.b[i], 0);
        }
        k->multiply(v.second, v.a, v.b, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.second[i], (double)v.a[i] * (double)v.b[i], 0);
        }
        memcpy(v.second, v.c, len * sizeof *v.c);
        k->multiply_add(v.second, -3, v.a, v.b, len);
        for (size_t i = 0; i < len; i++) {
            const double product = (double)v.a[i] * (double)v.b[i];
            assert_close(v.second[i], (double)v.c[i] - 3 * product, 0);
        }
        vectors_free(&v);
    }
}

// Variances of zero among them: the deviation is 1e-6 then, so that it can divide.
static void add_noise_of(bh_cpu level)
{
    const bh_train_kernels *k = bh_train_kernels_of(level);
    test_rng rng = test_rng_new("add noise");
    for (size_t len = 0; len <= LONGEST; len++) {
        vectors v = vectors_new(&rng, len);
        for (size_t i = 0; i < len; i++) {
            v.a[i] = i % 5 == 0 ? 0 : v.a[i] * v.a[i] / 1000;
            v.b[i] /= 10;
        }
        memcpy(v.c, v.out, len * sizeof *v.c);
        k->add_noise(v.out, v.second, v.a, v.b, len);
        for (size_t i = 0; i < len; i++) {
            const double e = (double)v.b[i], root = sqrt((double)v.a[i] + 1e-12);
            assert_close(v.out[i], (double)v.c[i] + root * e, 1e-5);
            assert_close(v.second[i], e / (2 * root), 1e-6 * fabs(e / root));
        }
        vectors_free(&v);
    }
}

static void exponentials_of(bh_cpu level)
{
    enum { N = 100003 };
    const bh_train_kernels *k = bh_train_kernels_of(level);
    test_rng rng = test_rng_new("exponentials");
    bh_real *in = guarded_new(N), *out = guarded_new(N);
    for (size_t i = 0; i < N; i++) {
        in[i] = (bh_real)((double)test_rng_range(&rng, -80000000, 80000000) * 1e-6);
    }
    in[0] = 0;
    in[1] = 80;
    in[2] = -80;
    k->exponentials(out, in, N);
    for (size_t i = 0; i < N; i++) {
        const double expected = exp((double)in[i]);
        assert_close(out[i], expected, 1e-6 * expected);
    }
    for (size_t i = 0; i < N; i++) { // as small and as large as it gets
        const bh_real far = 80 + in[i] * in[i] * in[i] * in[i] * 1e10f;
        in[i] = i % 2 == 0 ? far : -far;
    }
    in[0] = INFINITY;
    k->exponentials(out, in, N);
    for (size_t i = 0; i < N; i++) {
        const double expected = exp(i % 2 == 0 ? 80 : -80);
        assert_close(out[i], expected, 1e-6 * expected);
    }
    guarded_free(in, N);
    guarded_free(out, N);
    for (size_t len = 0; len <= LONGEST; len++) {
        vectors v = vectors_new(&rng, len);
        k->exponentials(v.out, v.a, len);
        for (size_t i = 0; i < len; i++) {
            assert_close(v.out[i], exp((double)v.a[i]), 1e-6 * exp((double)v.a[i]));
        }
        vectors_free(&v);
    }
}

static void adam_of(bh_cpu level)
{
    const bh_train_kernels *k = bh_train_kernels_of(level);
    const bh_adam_constants c = {0.9f, 0.999f, 0.25f, 1e-3f, 0.125f};
    test_rng rng = test_rng_new("adam");
    for (size_t len = 0; len <= LONGEST; len++) {
        vectors v = vectors_new(&rng, len); // a: gradient, b and c: moments, out: x
        for (size_t i = 0; i < len; i++) {
            v.c[i] = v.c[i] * v.c[i];
        }
        vectors old = vectors_new(&rng, len);
        memcpy(old.b, v.b, len * sizeof *v.b);
        memcpy(old.c, v.c, len * sizeof *v.c);
        memcpy(old.out, v.out, len * sizeof *v.out);
        k->adam(&c, v.out, v.b, v.c, v.a, len);
        for (size_t i = 0; i < len; i++) {
            const double g = (double)v.a[i], x = (double)old.out[i];
            const double first = 0.9 * (double)old.b[i] + 0.1 * g;
            const double second = 0.999 * (double)old.c[i] + 0.001 * g * g;
            assert_close(v.b[i], first, 1e-5);
            assert_close(v.c[i], second, 1e-3); // 1 - 0.999f is off by 2e-5 relative
            assert_close(v.out[i], x - 0.25 * first / (sqrt(second) + 1e-3) - 0.125 * x,
                         1e-4 * (1 + fabs(first) / (sqrt(second) + 1e-3)));
        }
        vectors_free(&v);
        vectors_free(&old);
    }
}

static void test_exact(void **state)
{
    (void)state;
    levels_each(exact_of);
}

static void test_add_noise(void **state)
{
    (void)state;
    levels_each(add_noise_of);
}

static void test_exponentials(void **state)
{
    (void)state;
    levels_each(exponentials_of);
}

static void test_adam(void **state)
{
    (void)state;
    levels_each(adam_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_add_noise),
        cmocka_unit_test(test_exponentials),
        cmocka_unit_test(test_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
