// SPDX-License-Identifier: Apache-2.0
// Bounds against measured noise: before flooding, after it, after switching; with the
// weights, messages and floods that make each of them largest. Masked sets: with
// messages as shares are.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "support/he_pair.h"

enum { N = 4096 }; // also the most: masked sets have fewer

static double log2_of(ref_i128 x)
{
    return log2((double)(x < 0 ? -x : x));
}

static ref_i128 size_of(ref_i128 x)
{
    return x < 0 ? -x : x;
}

// Largest |v| of the last answer, v = phase - Delta (W m mod t, centred).
static ref_i128 largest_noise(const he_pair *c, unsigned t_bits)
{
    static ref_i128 phase[N];
    ref_i128 v, largest = 0;
    he_pair_phase(c, phase, c->c0, c->c1);
    for (size_t i = 0; i < c->he->ring.n; i++) {
        he_pair_decode(c, phase[i], t_bits, &v);
        largest = size_of(v) > largest ? size_of(v) : largest;
    }
    return largest;
}

typedef enum kind { ZERO, RANDOM, EXTREME, ALIGNED } kind;

static const char *const kind_names[] = {"zero", "random", "extreme", "aligned"};

// ALIGNED: all products of one sign at the last coefficient, so that what wraps modulo
// t is as large as it can be.
static void draw(he_pair *c, kind k, int64_t *m, int32_t *w, unsigned t_bits)
{
    int64_t half = INT64_C(1) << (t_bits - 1);
    for (size_t i = 0; i < c->he->ring.n; i++) {
        int32_t sign = test_rng_next(&c->rng) & 1 ? 1 : -1;
        m[i] = k == ALIGNED ? half - 1 : test_rng_range(&c->rng, -half, half - 1);
        w[i] = k == ZERO      ? 0
               : k == RANDOM  ? (int32_t)test_rng_range(&c->rng, -127, 127)
               : k == EXTREME ? 127 * sign
                              : 127;
    }
}

static void check_kind(he_pair *c, kind k, unsigned t_bits)
{
    static int64_t m[N];
    static int32_t w[N];
    bh_noise bound;
    bh_hooks *hooks = bh_hooks_get();
    draw(c, k, m, w, t_bits);
    assert_ok(bh_noise_of_answer(c->he, &bound, k == ZERO ? 0 : N, k == ZERO ? 0 : 127,
                                 t_bits));
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    hooks->no_flooding = true;
    he_pair_ask(c, upload, w, t_bits);
    double before = log2_of(largest_noise(c, t_bits));
    hooks->no_flooding = false;
    he_pair_ask(c, upload, w, t_bits);
    double after = log2_of(largest_noise(c, t_bits));
    double flooded = log2(exp2(bound.flood_log2) + exp2(bound.bound_log2));
    printf("l = %2u, %-7s noise 2^%.2f, bound 2^%.2f; flooded 2^%.4f, F + B = 2^%.4f\n",
           t_bits, kind_names[k], before, bound.bound_log2, after, flooded);
    assert_true(before <= bound.bound_log2);
    // not vacuous: the aligned one is 1 below, 2 with an error of 5 deviations against
    // it
    assert_true(before >= bound.bound_log2 - (k == ALIGNED ? 2 : 6));
    assert_true(after <= flooded);
    assert_true(after >= flooded - 0.01); // the largest of 4096 uniform ones
    bh_upload_free(upload);
}

static void test_bounds(void **state)
{
    (void)state;
    static const unsigned t_bits[] = {8, 21, 26, 28};
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("bounds"));
    for (size_t i = 0; i < sizeof t_bits / sizeof t_bits[0]; i++) {
        for (kind k = ZERO; k <= ALIGNED; k++) {
            check_kind(&c, k, t_bits[i]);
        }
    }
    he_pair_tear_down(&c);
}

// A message t - 1 is encrypted as -1: its products do not wrap, and the noise keeps
// below the bound's first term. Without centring k alone would be 127 N.
static void test_messages_are_centred(void **state)
{
    (void)state;
    enum { T_BITS = 26 };
    static int64_t m[N];
    static int32_t w[N];
    bh_noise bound;
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("messages are centred"));
    for (size_t i = 0; i < N; i++) {
        m[i] = (1 << T_BITS) - 1;
        w[i] = 127;
    }
    assert_ok(bh_noise_of_answer(c.he, &bound, N, 127, T_BITS));
    bh_hooks_get()->no_flooding = true;
    bh_upload *upload = he_pair_upload(&c, m, T_BITS);
    he_pair_ask(&c, upload, w, T_BITS);
    double noise = exp2(log2_of(largest_noise(&c, T_BITS)));
    assert_true(noise <= exp2(bound.bound_log2) - 127.0 * N / 2);
    bh_upload_free(upload);
    he_pair_tear_down(&c);
}

// sum of integer parts: (c0' 2^5 + c1' s) mod 2^bits of the switched answer, exactly.
static void switched_phase(const he_pair *c, uint64_t *out, unsigned t_bits)
{
    size_t n = c->he->ring.n;
    const bh_kernels *k = c->he->ring.kernels;
    unsigned c1_bits = bh_he_c1_bits(c->he, t_bits);
    unsigned c0_bits = bh_he_c0_bits(c->he, t_bits);
    static int64_t c1[N], product[N];
    k->unpack((uint64_t *)c1, c->bytes, n, c1_bits);
    k->unpack(out, c->bytes + (n * c1_bits + 7) / 8, n, c0_bits);
    he_pair_integer_product(product, c1, c->sk->s, n); // below 2^(38 + 12)
    for (size_t i = 0; i < n; i++) {
        out[i] = ((out[i] << (c1_bits - c0_bits)) + (uint64_t)product[i]) &
                 ((UINT64_C(1) << c1_bits) - 1);
    }
}

// What switching adds, as a fraction of the plaintext step.
static double switching_error(const he_pair *c, unsigned t_bits)
{
    static uint64_t switched[N];
    static ref_i128 phase[N];
    double largest = 0, c1_units = ldexp(1, (int)bh_he_c1_bits(c->he, t_bits));
    switched_phase(c, switched, t_bits);
    he_pair_phase(c, phase, c->c0, c->c1);
    for (size_t i = 0; i < c->he->ring.n; i++) {
        double exact = (double)phase[i] / (double)he_pair_q(c); // in (-1/2, 1/2)
        double d = (double)switched[i] / c1_units - exact;
        d -= round(d);
        largest = fmax(largest, fabs(d) * ldexp(1, (int)t_bits));
    }
    return largest;
}

// Floods of F - 1 and -F on every coefficient, every t: all decrypt, and `used` is
// honest: F + B + switching is never above it.
static void check_extreme_flood(he_pair *c, unsigned t_bits, bool positive)
{
    static int64_t m[N], product[N], got[N];
    static int32_t w[N];
    bh_noise bound;
    ref_i128 f = (ref_i128)1 << bh_he_flood_log2(c->he, t_bits);
    c->flood_value = positive ? f - 1 : -f;
    draw(c, EXTREME, m, w, t_bits);
    assert_ok(bh_noise_of_answer(c->he, &bound, N, 127, t_bits));
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    he_pair_ask(c, upload, w, t_bits);
    assert_ok(bh_decrypt(c->sk, got, c->work, c->bytes, c->places, N, t_bits));
    he_pair_integer_product(product, m, w, N);
    for (size_t i = 0; i < N; i++) {
        uint64_t wrong = (uint64_t)(got[i] - product[i]);
        assert_int_equal(wrong & ((UINT64_C(1) << t_bits) - 1), 0);
    }
    double step_log2 = bh_he_log2_q(c->he) - t_bits;
    double flooded = exp2(log2_of(largest_noise(c, t_bits)) - step_log2);
    double switching = switching_error(c, t_bits);
    double limit = bound.used - exp2(bound.flood_log2 - step_log2) -
                   exp2(bound.bound_log2 - step_log2);
    if (t_bits == 26) {
        printf("l = %u, f = %s: flooded noise %.4f, switching %.4f (bound %.4f), used "
               "%.4f of 0.5\n",
               t_bits, positive ? "F - 1" : "-F", flooded, switching, limit,
               bound.used);
    }
    assert_true(switching <= limit);
    assert_true(switching >= limit / 8);
    assert_true(flooded + switching <= bound.used && bound.used < 0.5);
    bh_upload_free(upload);
}

static void test_extreme_floods(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("extreme floods"));
    bh_hooks_get()->no_flooding = true; // the hook floods instead
    c.flood_fixed = true;
    for (unsigned t_bits = BH_T_BITS_MIN; t_bits <= BH_T_BITS_MAX; t_bits += 2) {
        check_extreme_flood(&c, t_bits, true);
        check_extreme_flood(&c, t_bits, false);
    }
    he_pair_tear_down(&c);
}

// A flood beyond what `used` allows does fail: the test above could have.
static void test_too_large_a_flood(void **state)
{
    (void)state;
    enum { T_BITS = 26 };
    static int64_t m[N], got[N];
    static int32_t one[N] = {1};
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("too large a flood"));
    bh_hooks_get()->no_flooding = true;
    c.flood_fixed = true;
    c.flood_value = he_pair_q(&c) >> (T_BITS + 1);
    bh_upload *upload = he_pair_upload(&c, m, T_BITS);
    he_pair_ask(&c, upload, one, T_BITS);
    assert_ok(bh_decrypt(c.sk, got, c.work, c.bytes, c.places, N, T_BITS));
    size_t wrong = 0;
    for (size_t i = 0; i < N; i++) {
        wrong += got[i] != 0;
    }
    assert_in_range(wrong, N / 4, N - N / 4); // on the edge: half of them
    bh_upload_free(upload);
    he_pair_tear_down(&c);
}

// What wraps modulo t, exactly: the largest |k|, Delta (W m mod t) = Delta W m + k.
static double largest_wrap(const he_pair *c, const int64_t *m, const int32_t *w,
                           unsigned t_bits)
{
    static int64_t product[N];
    double largest = 0;
    he_pair_integer_product(product, m, w, c->he->ring.n);
    for (size_t i = 0; i < c->he->ring.n; i++) {
        int64_t half = INT64_C(1) << (t_bits - 1), k = (product[i] + half) >> t_bits;
        largest = fmax(largest, fabs((double)k));
    }
    return largest;
}

// B against the noise and its last term against what wraps, both with the mask off;
// with it on, what switching adds against its part of `used`.
static void check_masked(he_pair *c, kind k, unsigned t_bits)
{
    static int64_t m[N];
    static int32_t w[N];
    const double n = (double)c->he->ring.n, w_max = k == ZERO ? 0 : 127;
    const double n_weights = k == ZERO ? 0 : n;
    bh_noise bound;
    draw(c, k == ALIGNED ? EXTREME : k, m, w, t_bits);
    for (size_t i = 0; i < c->he->ring.n && k == ALIGNED; i++) {
        w[i] = 127; // uniform messages, all weights of one sign
    }
    bh_status status =
        bh_noise_of_answer(c->he, &bound, (uint64_t)n_weights, (uint32_t)w_max, t_bits);
    assert_true(status == (bound.used < 0.5 ? BH_OK : BH_ERR_NOISE));
    assert_true(isinf(bound.statistical_bits) && bound.flood_log2 == 0);
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    bh_hooks_get()->no_flooding = true;
    he_pair_ask(c, upload, w, t_bits);
    double before = log2_of(largest_noise(c, t_bits));
    bh_hooks_get()->no_flooding = false;
    he_pair_ask(c, upload, w, t_bits);
    bh_upload_free(upload);
    double wrap = largest_wrap(c, m, w, t_bits);
    double errors = 9.5 * sqrt(10.5) * (w_max * sqrt(n_weights) + 2 * sqrt(n));
    double wrap_bound = exp2(bound.bound_log2) - errors;
    double switching = switching_error(c, t_bits);
    double limit = bound.used - exp2(bound.bound_log2 - bh_he_log2_q(c->he) + t_bits);
    printf("l = %2u, %-7s noise 2^%.2f, bound 2^%.2f; wraps %.0f, bound %.0f; "
           "switching %.4f, bound %.4f; used %.3f\n",
           t_bits, kind_names[k], before, bound.bound_log2, wrap, wrap_bound, switching,
           limit, bound.used);
    assert_true(before <= bound.bound_log2 && before >= bound.bound_log2 - 6);
    assert_true(wrap <= wrap_bound + 1e-6);
    // not vacuous: the largest of 2048 sums of deviation 127 sqrt(n / 12) = 1659; for
    // small t the mean of sums of one sign, 127 n / 2t
    assert_true(k != EXTREME || t_bits < 8 || wrap >= wrap_bound / 8);
    assert_true(k != ALIGNED || t_bits > 3 || wrap >= wrap_bound / 4);
    assert_true(switching <= limit && switching >= limit / 8);
}

static void test_masked(void **state)
{
    (void)state;
    static const unsigned t_bits[] = {2, 3, 8, 21, 24, 26, 27, 28};
    he_pair c;
    he_pair_set_up(&c, "n2048", test_rng_new("masked"));
    for (size_t i = 0; i < sizeof t_bits / sizeof t_bits[0]; i++) {
        for (kind k = ZERO; k <= ALIGNED; k++) {
            check_masked(&c, k, t_bits[i]);
        }
    }
    he_pair_tear_down(&c);
}

// Small weights wrap as little under a masked set as under a flooded one, and what does
// not fit is refused.
static void test_masked_refusals(void **state)
{
    (void)state;
    bh_he *he;
    bh_noise noise;
    assert_ok(bh_he_new(&he, "n2048", NULL));
    assert_status(bh_noise_of_answer(he, &noise, 1, 1, BH_T_BITS_MIN - 1), BH_ERR_ARG);
    assert_status(bh_noise_of_answer(he, &noise, 1, 1, BH_T_BITS_MAX + 1), BH_ERR_ARG);
    assert_ok(bh_noise_of_answer(he, &noise, 4, 1, 28));
    double errors = 9.5 * sqrt(10.5) * (2 + 2 * sqrt(2048));
    assert_true(fabs(exp2(noise.bound_log2) - errors - 3) < 1e-6); // 4 / 2 + 1
    assert_ok(bh_noise_of_answer(he, &noise, 2048, 127, 26));
    assert_true(noise.margin_bits > 0);
    assert_status(bh_noise_of_answer(he, &noise, 2048, 127, 28), BH_ERR_NOISE);
    assert_true(noise.margin_bits < 0 && noise.off_by_one > 0.05);
    bh_he_free(he);
}

static void test_refusals(void **state)
{
    (void)state;
    bh_he *he;
    bh_noise noise;
    assert_ok(bh_he_new(&he, "n4096", NULL));
    assert_status(bh_noise_of_answer(he, &noise, 1, 1, BH_T_BITS_MIN - 1), BH_ERR_ARG);
    assert_status(bh_noise_of_answer(he, &noise, 1, 1, BH_T_BITS_MAX + 1), BH_ERR_ARG);
    // F = 2^61 at l = 28: B may reach 2^21
    assert_ok(bh_noise_of_answer(he, &noise, 20000, 127, 28));
    assert_int_equal(noise.flood_log2, 61);
    assert_status(bh_noise_of_answer(he, &noise, 30000, 127, 28), BH_ERR_NOISE);
    assert_true(noise.statistical_bits < 41);
    bh_he_free(he);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_messages_are_centred),
        cmocka_unit_test(test_extreme_floods),
        cmocka_unit_test(test_too_large_a_flood),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_masked),
        cmocka_unit_test(test_masked_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
