// SPDX-License-Identifier: Apache-2.0
// Rules R1 and R2, each tried by the attack that it stops: on answers BEFORE R3 and R4,
// by a client that uses what it knows (m, e, s, the uniform part) and decrypts as
// usual. For a flooded and a masked set: the hook no_flooding turns off either's R1.
//
// "Beats guessing" is judged at 5 standard deviations of the correlation under
// independence, 5 / sqrt(n), and at 1e-6 for the test of Kolmogorov and Smirnov.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "ring/sample.h"
#include "support/deconvolve.h"
#include "support/he_pair.h"
#include "support/stats.h"

enum { N_MAX = 4096, T_BITS = 26, W_MAX = 127 };

typedef struct trial {
    he_pair c;
    size_t n;
    bh_upload *upload;
    int64_t message[N_MAX], error[N_MAX];
    int32_t weights[N_MAX];
    // noise: what is left of a phase once it was decoded; value: what it decoded to.
    double truth[N_MAX], known[N_MAX], noise[N_MAX], value[N_MAX], recovered[N_MAX];
} trial;

static trial *trial_new(const char *set, const char *name, bool no_flooding,
                        bool no_rerandomise)
{
    trial *t = bh_alloc(1, sizeof *t);
    he_pair_set_up(&t->c, set, test_rng_new(name));
    t->n = t->c.he->ring.n;
    bh_hooks_get()->no_flooding = no_flooding;
    bh_hooks_get()->no_rerandomise = no_rerandomise;
    for (size_t i = 0; i < t->n; i++) {
        t->weights[i] = (int32_t)test_rng_range(&t->c.rng, -W_MAX, W_MAX);
        t->truth[i] = t->weights[i];
    }
    return t;
}

static void trial_free(trial *t)
{
    bh_upload_free(t->upload);
    he_pair_tear_down(&t->c);
    bh_free(t);
}

// The client sends an image of bytes and works out the noise of the answer. Products
// stay below t / 2 (no layer's plan lets them wrap), so that noise is v + f, or v - R
// modulo Delta.
static void ask(trial *t)
{
    he_pair *c = &t->c;
    ref_i128 *phase = bh_alloc(t->n, sizeof *phase), noise;
    for (size_t i = 0; i < t->n; i++) {
        t->message[i] = test_rng_range(&c->rng, 0, 255);
    }
    bh_upload_free(t->upload);
    t->upload = he_pair_upload(c, t->message, T_BITS);
    he_pair_upload_error(c, t->error, t->upload, t->message, T_BITS);
    he_pair_ask(c, t->upload, t->weights, T_BITS);
    he_pair_phase(c, phase, c->c0, c->c1);
    for (size_t i = 0; i < t->n; i++) {
        t->value[i] = (double)he_pair_decode(c, phase[i], T_BITS, &noise);
        t->noise[i] = (double)noise;
        t->known[i] = (double)t->error[i];
    }
    bh_free(phase);
}

// Divides c1 by the uniform part that both sides expanded.
static void divide_c1(trial *t)
{
    uint64_t *a = bh_poly_new(&t->c.he->ring);
    he_pair_to_coefficients(&t->c, a, t->upload->c1);
    assert_true(deconvolve_exact(&t->c, t->recovered, t->c.c1, a));
    bh_free(a);
}

// Divides the noise, taken as a residue, by the error of the upload.
static void divide_noise(trial *t)
{
    const bh_ring *ring = &t->c.he->ring;
    uint64_t *v = bh_poly_new(ring), *e = bh_poly_new(ring), q = ring->ntt[0].mod.q;
    for (size_t i = 0; i < t->n; i++) {
        v[i] = (uint64_t)(((ref_i128)t->noise[i] % q + q) % q);
        e[i] = (uint64_t)(t->error[i] + (int64_t)q) % q;
    }
    assert_true(deconvolve_exact(&t->c, t->recovered, v, e));
    bh_free(e);
    bh_free(v);
}

// What is not W e, relative to the weights' power: e_pk u and e1 s, n sigma^2 2/3 each.
static double wiener_rest(const trial *t)
{
    double dev = BH_SAMPLE_ERROR_DEV, w_power = W_MAX * (W_MAX + 1) / 3.0;
    return 2 * (double)t->n * dev * dev * (2.0 / 3) / w_power;
}

static size_t n_exact(const trial *t)
{
    size_t exact = 0;
    for (size_t i = 0; i < t->n; i++) {
        exact += t->recovered[i] == t->truth[i];
    }
    return exact;
}

// Both off: one answer is n exact equations, twice.
static void test_both_off(void **state)
{
    trial *t = trial_new(*state, "R1 and R2 off", true, true);
    ask(t);
    divide_c1(t);
    printf("R1 and R2 off, from c1: %zu of %zu weights exact\n", n_exact(t), t->n);
    assert_int_equal(n_exact(t), t->n);
    divide_noise(t);
    printf("R1 and R2 off, from the noise: %zu of %zu weights exact\n", n_exact(t),
           t->n);
    assert_int_equal(n_exact(t), t->n);
    trial_free(t);
}

// Only R2 off: flooding c0 does not touch c1.
static void test_only_r2_off(void **state)
{
    trial *t = trial_new(*state, "R2 off", false, true);
    ask(t);
    divide_c1(t);
    printf("R2 off, from c1: %zu of %zu weights exact\n", n_exact(t), t->n);
    assert_int_equal(n_exact(t), t->n);
    trial_free(t);
}

// Only R1 off: least squares from the noise of one answer, then of eight.
static void test_only_r1_off(void **state)
{
    trial *t = trial_new(*state, "R1 off", true, false);
    wiener w = wiener_new(t->n);
    double error[2];
    for (size_t k = 0; k < 8; k++) {
        ask(t);
        wiener_add(&w, t->noise, t->known);
        if (k == 0 || k == 7) {
            wiener_estimate(&w, t->recovered, wiener_rest(t));
            error[k / 7] = stats_relative_error(t->recovered, t->truth, t->n);
            printf("R1 off, %zu answers: relative error %.4f\n", k + 1, error[k / 7]);
        }
    }
    assert_true(error[0] < 0.10);
    assert_true(error[1] < 0.02);
    divide_c1(t); // R2 is on: nothing there
    double r = stats_correlation(t->recovered, t->truth, t->n);
    printf("R1 off, from c1: correlation %+.4f\n", r);
    assert_true(fabs(r) < 5 / sqrt((double)t->n));
    wiener_free(&w);
    trial_free(t);
}

// Adds a flood of 2^log2_f of the attacker's own making: what a smaller F would do.
static void add_own_flood(trial *t, unsigned log2_f)
{
    for (size_t i = 0; i < t->n; i++) {
        double unit = (double)(test_rng_next(&t->c.rng) >> 11) * 0x1p-53;
        t->noise[i] += ldexp(2 * unit - 1, (int)log2_f);
    }
}

// Correlation of the least-squares estimate over n_answers with the weights.
static double attack_noise(trial *t, size_t n_answers, unsigned own_flood_log2)
{
    wiener w = wiener_new(t->n);
    for (size_t k = 0; k < n_answers; k++) {
        ask(t);
        if (own_flood_log2 > 0) {
            add_own_flood(t, own_flood_log2);
        }
        wiener_add(&w, t->noise, t->known);
    }
    wiener_estimate(&w, t->recovered, wiener_rest(t));
    wiener_free(&w);
    return stats_correlation(t->recovered, t->truth, t->n);
}

// Both on: the same attacks over 32 answers with the SAME weights (R5 forbids even
// that) find nothing; with F cut to 2^12 .. 2^18 they still find the weights.
static void test_both_on(void **state)
{
    enum { ANSWERS = 32 };
    trial *t = trial_new(*state, "R1 and R2 on", false, false);
    const double limit = 5 / sqrt((double)t->n);
    double r = attack_noise(t, ANSWERS, 0);
    printf("both on, noise of %d answers: correlation %+.4f, limit %.4f\n", ANSWERS, r,
           limit);
    assert_true(fabs(r) < limit);
    double mean[N_MAX] = {0};
    for (size_t k = 0; k < ANSWERS; k++) {
        ask(t);
        divide_c1(t);
        for (size_t i = 0; i < t->n; i++) {
            mean[i] += t->recovered[i];
        }
        assert_int_equal(n_exact(t), 0);
    }
    r = stats_correlation(mean, t->truth, t->n);
    printf("both on, c1 of %d answers: correlation %+.4f\n", ANSWERS, r);
    assert_true(fabs(r) < limit);
    bh_hooks_get()->no_flooding = true;
    for (unsigned log2_f = 12; log2_f <= 18; log2_f += 3) {
        r = attack_noise(t, ANSWERS, log2_f);
        printf("power: the same attack at F = 2^%u: correlation %+.4f\n", log2_f, r);
        assert_true(r > 2 * limit);
    }
    trial_free(t);
}

// The same from what was decrypted: W m, where no mask hides it.
static double attack_value(trial *t, size_t n_answers)
{
    wiener w = wiener_new(t->n);
    for (size_t k = 0; k < n_answers; k++) {
        ask(t);
        for (size_t i = 0; i < t->n; i++) {
            t->known[i] = (double)t->message[i];
        }
        wiener_add(&w, t->value, t->known);
    }
    wiener_estimate(&w, t->recovered, 0);
    wiener_free(&w);
    return stats_correlation(t->recovered, t->truth, t->n);
}

// The client's shares of 32 products with the same weights say nothing; without the
// mask a single one is W m.
static void test_values(void **state)
{
    trial *t = trial_new(*state, "values", false, false);
    const double limit = 5 / sqrt((double)t->n);
    double r = attack_value(t, 32);
    printf("both on, values of 32 answers: correlation %+.4f, limit %.4f\n", r, limit);
    assert_true(fabs(r) < limit);
    bh_hooks_get()->no_flooding = true;
    r = attack_value(t, 1);
    printf("power, R1 off, values of 1 answer: correlation %+.4f\n", r);
    assert_true(r > 0.99);
    trial_free(t);
}

typedef struct samples {
    double *noise, *value, *c1;
} samples;

// Answers with every weight zero, or every one +-127.
static samples gather(trial *t, size_t n_answers, bool extreme, unsigned own_flood_log2)
{
    samples s = {bh_alloc(n_answers * t->n, sizeof(double)),
                 bh_alloc(n_answers * t->n, sizeof(double)),
                 bh_alloc(n_answers * t->n, sizeof(double))};
    for (size_t k = 0; k < n_answers; k++) {
        for (size_t i = 0; i < t->n; i++) {
            int32_t sign = test_rng_next(&t->c.rng) & 1 ? 1 : -1;
            t->weights[i] = extreme ? sign * W_MAX : 0;
        }
        ask(t);
        if (own_flood_log2 > 0) {
            add_own_flood(t, own_flood_log2);
        }
        for (size_t i = 0; i < t->n; i++) {
            s.noise[k * t->n + i] = t->noise[i];
            s.value[k * t->n + i] = t->value[i];
            s.c1[k * t->n + i] = (double)t->c.c1[i];
        }
    }
    return s;
}

static void samples_free(samples *s)
{
    bh_free(s->noise);
    bh_free(s->value);
    bh_free(s->c1);
}

typedef struct distances {
    double noise, value, c1; // of Kolmogorov and Smirnov
} distances;

static distances distinguish(trial *t, size_t n_answers, unsigned own_flood_log2)
{
    samples zero = gather(t, n_answers, false, own_flood_log2);
    samples extreme = gather(t, n_answers, true, own_flood_log2);
    distances d = {stats_ks(zero.noise, extreme.noise, n_answers * t->n),
                   stats_ks(zero.value, extreme.value, n_answers * t->n),
                   stats_ks(zero.c1, extreme.c1, n_answers * t->n)};
    samples_free(&zero);
    samples_free(&extreme);
    return d;
}

// All-zero against extreme weights: the laws of the noise, of c1 and, where it is a
// share, of the value.
static void test_distinguisher(void **state)
{
    trial *t = trial_new(*state, "distinguisher", false, false);
    const size_t answers = 102400 / t->n; // 102,400 coefficients a side
    const double limit = stats_ks_limit(answers * t->n);
    const bool masked = bh_he_is_masked(t->c.he);
    distances d = distinguish(t, answers, 0);
    printf("both on: KS noise %.4f, value %.4f, c1 %.4f, limit %.4f\n", d.noise,
           d.value, d.c1, limit);
    assert_true(d.noise < limit);
    assert_true(masked ? d.value < limit : d.value > 10 * limit);
    assert_true(d.c1 < limit);
    bh_hooks_get()->no_flooding = true;
    d = distinguish(t, answers, 0);
    printf("power, R1 off: KS noise %.4f, value %.4f, c1 %.4f\n", d.noise, d.value,
           d.c1);
    assert_true(d.noise > 10 * limit);
    assert_true(d.value > 10 * limit);
    assert_true(d.c1 < limit);
    d = distinguish(t, answers, masked ? 14 : 15);
    printf("power, F = 2^%d: KS noise %.4f\n", masked ? 14 : 15, d.noise);
    assert_true(d.noise > 2 * limit);
    bh_hooks_get()->no_rerandomise = true;
    d = distinguish(t, answers, 0);
    printf("power, R1 and R2 off: KS noise %.4f, c1 %.4f\n", d.noise, d.c1);
    assert_true(d.c1 > 10 * limit);
    trial_free(t);
}

#define EACH_SET(test)                                                                 \
    cmocka_unit_test_prestate(test, flooded), cmocka_unit_test_prestate(test, masked)

int main(void)
{
    static char flooded[] = "n4096", masked[] = "n2048";
    const struct CMUnitTest tests[] = {
        EACH_SET(test_both_off),      EACH_SET(test_only_r2_off),
        EACH_SET(test_only_r1_off),   EACH_SET(test_both_on),
        EACH_SET(test_distinguisher), cmocka_unit_test_prestate(test_values, masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
