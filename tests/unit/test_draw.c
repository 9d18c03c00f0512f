// SPDX-License-Identifier: Apache-2.0
// The law of drawn weights: exactly, by scripted streams, and statistically.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/clear.h"
#include "model/draw.h"
#include "model/integer.h"
#include "support/faults.h"
#include "support/reference.h"
#include "support/stats.h"
#include "support/test.h"

// The linker sends the library's reads here (--wrap), so that a test can choose the
// stream's bytes.
static const uint8_t *script;
static size_t script_left;

bh_status __real_bh_stream_read(bh_stream *s, void *out, size_t len);
bh_status __wrap_bh_stream_read(bh_stream *s, void *out, size_t len);

bh_status __wrap_bh_stream_read(bh_stream *s, void *out, size_t len)
{
    if (script == NULL) {
        return __real_bh_stream_read(s, out, len);
    }
    assert_true(len <= script_left);
    memcpy(out, script, len);
    script += len;
    script_left -= len;
    return BH_OK;
}

static bh_int_posterior *new_posterior(size_t n_weights, size_t n_bias)
{
    bh_int_posterior *p = bh_alloc(1, sizeof *p);
    p->n_weights = n_weights;
    p->n_bias = n_bias;
    p->w_max = 127;
    p->weight_mean = bh_alloc(n_weights, sizeof *p->weight_mean);
    p->weight_dev = bh_alloc(n_weights, sizeof *p->weight_dev);
    p->bias_mean = bh_alloc(n_bias, sizeof *p->bias_mean);
    p->bias_dev = bh_alloc(n_bias, sizeof *p->bias_dev);
    return p;
}

static void random_posterior(bh_int_posterior *p, test_rng *rng)
{
    p->w_max = (uint32_t)test_rng_range(rng, 1, 127);
    for (size_t i = 0; i < p->n_weights; i++) {
        p->weight_mean[i] = (int32_t)test_rng_range(rng, -150 * 4096, 150 * 4096);
        p->weight_dev[i] = (int32_t)test_rng_below(rng, 40 * 4096);
    }
    for (size_t i = 0; i < p->n_bias; i++) {
        p->bias_mean[i] = test_rng_range(rng, -(1 << 30), 1 << 30);
        p->bias_dev[i] = (int64_t)test_rng_below(rng, 1 << 28);
    }
}

// The deviate with 19 fraction bits, from the number of set bits and the smoothing
// word.
static int64_t law_e(int64_t count, int64_t word)
{
    int64_t n = (count - 64) * 65536 + word - 32768;
    int64_t e = ref_floor_div(n * 6066107558 + (INT64_C(1) << 31), INT64_C(1) << 32);
    int64_t most = 6 << 19;
    return e > most ? most : e < -most ? -most : e;
}

static int64_t law_draw(int64_t mean, int64_t dev, int64_t e, int64_t max)
{
    int64_t step = ref_floor_div(dev * e + (1 << 18), 1 << 19);
    int64_t w = ref_floor_div(mean + step + 2048, 4096);
    return w > max ? max : w < -max ? -max : w;
}

// Known answers of tests/oracle/draw.py.
static void test_vectors(void **state)
{
    (void)state;
    bh_int_posterior *p = new_posterior(1500, 3);
    int32_t weights[1500], bias[3];
    uint8_t seed[32];
    uint64_t digest = 0;
    for (int i = 0; i < 32; i++) {
        seed[i] = (uint8_t)i;
    }
    for (int i = 0; i < 1500; i++) {
        p->weight_mean[i] = (i - 750) * 500;
        p->weight_dev[i] = i * 40;
    }
    for (int i = 0; i < 3; i++) {
        p->bias_mean[i] = INT64_C(1) << 40;
        p->bias_dev[i] = INT64_C(1) << 38;
    }
    assert_ok(bh_draw_layer(p, weights, bias, seed, 7, 9));
    for (int i = 0; i < 1500; i++) {
        digest = digest * 1000003 + (uint64_t)weights[i];
    }
    assert_int_equal(weights[0], -92);
    assert_int_equal(weights[1499], 126);
    assert_true(digest == UINT64_C(0x5be076bcb0db7b2c));
    assert_int_equal(bias[0], 272399744);
    assert_int_equal(bias[1], 335162368);
    assert_int_equal(bias[2], 388356608);
    bh_integer_free(p, 1);
}

// 18 bytes with `count` bits set at random places among the first 128.
static void scripted_block(uint8_t *block, int count, uint32_t word, test_rng *rng)
{
    memset(block, 0, 16);
    for (int set = 0; set < count;) {
        uint64_t at = test_rng_below(rng, 128);
        set += !(block[at / 8] >> at % 8 & 1);
        block[at / 8] |= (uint8_t)(1 << at % 8);
    }
    block[16] = (uint8_t)word;
    block[17] = (uint8_t)(word >> 8);
}

// Every number of set bits, with means, deviations and words up to their limits.
static void test_exact(void **state)
{
    (void)state;
    enum { N = 129 * 400 };
    test_rng rng = test_rng_new("exact draws");
    bh_int_posterior *p = new_posterior(N, N);
    uint8_t *bytes = bh_alloc(2 * N, 18);
    int32_t *weights = bh_alloc(N, sizeof *weights), *bias = bh_alloc(N, sizeof *bias);
    uint32_t *words = bh_alloc(2 * N, sizeof *words);
    uint8_t seed[32] = {0};
    for (int i = 0; i < 2 * N; i++) {
        words[i] = i % 7 == 0 ? 0 : i % 7 == 1 ? 65535 : test_rng_next(&rng) & 0xffff;
        scripted_block(bytes + 18 * i, i % 129, words[i], &rng);
    }
    for (int i = 0; i < N; i++) {
        int scale = (int)test_rng_below(&rng, 24);
        p->weight_mean[i] = (int32_t)test_rng_range(&rng, -(1 << scale), 1 << scale);
        p->weight_dev[i] = (int32_t)test_rng_range(&rng, 0, 1 << scale);
        p->bias_mean[i] = i % 3 == 0   ? -BH_BIAS_MEAN_MAX
                          : i % 3 == 1 ? BH_BIAS_MEAN_MAX
                                       : test_rng_range(&rng, -1000000, 1000000);
        p->bias_dev[i] = i % 2 == 0 ? BH_BIAS_DEV_MAX
                                    : (int64_t)test_rng_below(&rng, BH_BIAS_DEV_MAX);
    }
    script = bytes;
    script_left = (size_t)2 * N * 18;
    assert_ok(bh_draw_layer(p, weights, bias, seed, 0, 0));
    assert_int_equal(script_left, 0);
    script = NULL;
    for (int i = 0; i < N; i++) {
        assert_int_equal(weights[i], law_draw(p->weight_mean[i], p->weight_dev[i],
                                              law_e(i % 129, words[i]), 127));
        assert_int_equal(bias[i],
                         law_draw(p->bias_mean[i], p->bias_dev[i],
                                  law_e((N + i) % 129, words[N + i]), INT32_MAX));
    }
    bh_free(bytes);
    bh_free(words);
    bh_free(weights);
    bh_free(bias);
    bh_integer_free(p, 1);
}

// Exact probabilities of the weights of one posterior, by all 129 * 2^16 outcomes.
static void exact_law(double *law, int64_t mean, int64_t dev)
{
    double choose = ldexp(1, -128); // C(128, count) / 2^128
    memset(law, 0, 255 * sizeof *law);
    for (int count = 0; count <= 128; count++) {
        for (int word = 0; word < 65536; word++) {
            int64_t w = law_draw(mean, dev, law_e(count, word), 127);
            law[w + 127] += choose / 65536;
        }
        choose *= (double)(128 - count) / (count + 1);
    }
}

// Chi-square against the exact law, cells of fewer than 10 expected draws merged.
static void check_chi_square(const int32_t *w, size_t count, const double *law)
{
    uint64_t seen[255] = {0}, counts[256] = {0};
    double expected[256] = {0};
    size_t cells = 0;
    for (size_t i = 0; i < count; i++) {
        seen[w[i] + 127]++;
    }
    for (size_t v = 0; v < 255; v++) {
        counts[cells] += seen[v];
        expected[cells] += law[v] * (double)count;
        cells += expected[cells] >= 10;
    }
    assert_true(cells > 1);
    counts[cells - 1] += counts[cells]; // what is left
    expected[cells - 1] += expected[cells];
    double chi = stats_chi_square(counts, expected, cells);
    printf("chi-square %.1f with %zu cells\n", chi, cells);
    assert_true(chi < stats_chi_square_limit(cells - 1));
}

static void random_seed(uint8_t *seed, test_rng *rng)
{
    for (int i = 0; i < 32; i++) {
        seed[i] = (uint8_t)test_rng_next(rng);
    }
}

static void test_chi_square(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    static const int64_t cases[][2] = {
        {0, 4096}, {1500, 30000}, {-90 * 4096, 100000}, {300, 700}, {2048, 409600}};
    test_rng rng = test_rng_new("chi-square");
    bh_int_posterior *p = new_posterior(N, 1);
    int32_t *weights = bh_alloc(N, sizeof *weights), bias;
    double *law = bh_alloc(255, sizeof *law);
    uint8_t seed[32];
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (size_t i = 0; i < N; i++) {
            p->weight_mean[i] = (int32_t)cases[c][0];
            p->weight_dev[i] = (int32_t)cases[c][1];
        }
        random_seed(seed, &rng);
        assert_ok(bh_draw_layer(p, weights, &bias, seed, 0, 0));
        exact_law(law, cases[c][0], cases[c][1]);
        check_chi_square(weights, N, law);
    }
    bh_free(weights);
    bh_free(law);
    bh_integer_free(p, 1);
}

// Biases with a deviation of 2^40 show a deviate with 28 fraction bits. Limits are six
// standard errors of N = 2^20 draws; the law's own values are 0, 1, 0 and -0.0156.
static void test_moments(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    test_rng rng = test_rng_new("moments");
    bh_int_posterior *p = new_posterior(1, N);
    int32_t weight, *bias = bh_alloc(N, sizeof *bias);
    uint8_t seed[32];
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, tail = 0, largest = 0;
    for (size_t i = 0; i < N; i++) {
        p->bias_dev[i] = INT64_C(1) << 40;
    }
    random_seed(seed, &rng);
    assert_ok(bh_draw_layer(p, &weight, bias, seed, 0, 0));
    for (size_t i = 0; i < N; i++) {
        double e = ldexp(bias[i], -28);
        m1 += e / N;
        m2 += e * e / N;
        m3 += e * e * e / N;
        m4 += e * e * e * e / N;
        tail += fabs(e) > 3;
        largest = fmax(largest, fabs(e));
    }
    printf("mean %.5f variance %.5f skewness %.5f kurtosis %.5f largest %.3f\n", m1, m2,
           m3, m4 - 3, largest);
    assert_true(fabs(m1) < 6 * 0.00098);
    assert_true(fabs(m2 - 1) < 6 * 0.00138);
    assert_true(fabs(m3) < 6 * 0.0038);
    assert_true(fabs(m4 - 3 + 0.0156) < 6 * 0.0096);
    assert_true(largest <= BH_DRAW_CLIP);
    // P(|e| > 3) by summing the law.
    double expected = 0, choose = ldexp(1, -128);
    for (int count = 0; count <= 128; count++) {
        for (int word = 0; word < 65536; word++) {
            int64_t e = law_e(count, word);
            expected += e > 3 << 19 || e < -(3 << 19) ? choose / 65536 : 0;
        }
        choose *= (double)(128 - count) / (count + 1);
    }
    printf("tail beyond 3: %.5f of the law, %.5f drawn\n", expected, tail / N);
    assert_true(fabs(tail - expected * N) < 6 * sqrt(expected * N));
    bh_free(bias);
    bh_integer_free(p, 1);
}

static void test_streams(void **state)
{
    (void)state;
    enum { N = 1 << 16 };
    test_rng rng = test_rng_new("independence");
    bh_int_posterior *p = new_posterior(N, 1);
    int32_t *w[4], bias;
    uint8_t seed[32];
    const uint32_t domains[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    random_seed(seed, &rng);
    for (size_t i = 0; i < N; i++) {
        p->weight_dev[i] = 20 * 4096;
    }
    for (int s = 0; s < 4; s++) {
        w[s] = bh_alloc(N, sizeof *w[s]);
        assert_ok(bh_draw_layer(p, w[s], &bias, seed, domains[s][0], domains[s][1]));
    }
    for (int s = 0; s < 4; s++) {
        for (int t = 0; t <= s; t++) {
            double correlation = 0; // of deviates of variance 20^2 + 1/12
            for (size_t i = 0; i < N; i++) {
                correlation += (double)w[s][i] * w[t][i] / (400.083 * N);
            }
            assert_true(fabs(correlation - (s == t)) < 6 * sqrt(2.0 / N));
        }
    }
    int32_t *again = bh_alloc(N, sizeof *again);
    assert_ok(bh_draw_layer(p, again, &bias, seed, 1, 0));
    assert_memory_equal(again, w[2], N * sizeof *again);
    // The first weights do not depend on how many follow, nor on the chunks' borders.
    for (size_t len = 1022; len <= 1026; len++) {
        p->n_weights = len;
        memset(again, 0, N * sizeof *again);
        assert_ok(bh_draw_layer(p, again, &bias, seed, 1, 0));
        assert_memory_equal(again, w[2], len * sizeof *again);
        assert_int_equal(again[len], 0);
    }
    seed[31] ^= 1;
    assert_ok(bh_draw_layer(p, again, &bias, seed, 1, 0));
    assert_memory_not_equal(again, w[2], 1000 * sizeof *again);
    for (int s = 0; s < 4; s++) {
        bh_free(w[s]);
    }
    bh_free(again);
    bh_integer_free(p, 1);
}

// A failure leaves zeroes.
static bh_status draw_or_zeroes(void *posterior)
{
    static const int32_t zero[3000];
    int32_t weights[3000], bias[5];
    uint8_t seed[32] = {1};
    memset(weights, 1, sizeof weights);
    memset(bias, 1, sizeof bias);
    bh_status status = bh_draw_layer(posterior, weights, bias, seed, 0, 0);
    if (status != BH_OK) {
        assert_memory_equal(weights, zero, sizeof weights);
        assert_memory_equal(bias, zero, sizeof bias);
    }
    return status;
}

static void test_failures(void **state)
{
    (void)state;
    bh_int_posterior *p = new_posterior(3000, 5);
    bh_hooks *hooks = bh_hooks_get();
    size_t calls = hooks->random_count;
    assert_ok(draw_or_zeroes(p));
    calls = hooks->random_count - calls;
    assert_int_equal(fail_each(&hooks->fail_random_at, BH_ERR_RNG, draw_or_zeroes, p),
                     calls);
    bh_integer_free(p, 1);
}

// All bits set draws the largest weights, none the smallest; from both, the extreme
// accumulators of a fully connected layer are built by hand.
static void test_bound(void **state)
{
    (void)state;
    enum { IN = 37, OUT = 11, N = IN * OUT };
    test_rng rng = test_rng_new("accumulator bound");
    bh_int_posterior *p = new_posterior(N, OUT);
    bh_layer layer = {.kind = BH_LAYER_FC,
                      .out_channels = OUT,
                      .kernel_h = 1,
                      .kernel_w = 1,
                      .in = {IN, 1, 1},
                      .out = {OUT, 1, 1}};
    static uint8_t ones[(N + OUT) * 18], zeroes[(N + OUT) * 18];
    int32_t up[N], down[N], bias_up[OUT], bias_down[OUT], row[N] = {0};
    const uint8_t seed[32] = {0};
    memset(ones, 0xff, sizeof ones);
    for (int trial = 0; trial < 300; trial++) {
        random_posterior(p, &rng);
        int32_t lo = (int32_t)test_rng_range(&rng, -255, 0);
        int32_t hi = (int32_t)test_rng_range(&rng, 1, 255);
        layer.quant = (bh_quant){.x_lo = trial % 2 ? 0 : lo, .x_hi = hi};
        lo = layer.quant.x_lo;
        script = ones;
        script_left = sizeof ones;
        assert_ok(bh_draw_layer(p, up, bias_up, seed, 0, 0));
        script = zeroes;
        script_left = sizeof zeroes;
        assert_ok(bh_draw_layer(p, down, bias_down, seed, 0, 0));
        script = NULL;
        int64_t worst = 0, x[IN], out[OUT];
        for (int o = 0; o < OUT; o++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                for (int i = 0; i < IN; i++) { // the best of the four corners
                    int32_t u = up[o * IN + i], d = down[o * IN + i];
                    int64_t best = INT64_MIN;
                    for (int corner = 0; corner < 4; corner++) {
                        int32_t w = corner & 1 ? u : d;
                        int32_t v = corner & 2 ? hi : lo;
                        if ((int64_t)sign * w * v > best) {
                            best = (int64_t)sign * w * v;
                            row[o * IN + i] = w;
                            x[i] = v;
                        }
                    }
                }
                bh_clear_linear(&layer, out, x, row, sign > 0 ? bias_up : bias_down);
                worst = llabs(out[o]) > worst ? llabs(out[o]) : worst;
            }
        }
        assert_int_equal(worst, bh_integer_bound(p, &layer));
    }
    bh_integer_free(p, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_exact),
        cmocka_unit_test(test_chi_square), cmocka_unit_test(test_moments),
        cmocka_unit_test(test_streams),    cmocka_unit_test(test_failures),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
