// SPDX-License-Identifier: Apache-2.0
// The law of drawn weights: exactly, by scripted streams, and statistically.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/clear.h"
#include "model/draw.h"
#include "model/integer.h"
#include "support/faults.h"
#include "support/levels.h"
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

static void random_seed(uint8_t *seed, test_rng *rng)
{
    for (int i = 0; i < 32; i++) {
        seed[i] = (uint8_t)test_rng_next(rng);
    }
}

// The deviate with 19 fraction bits, from the number of set bits and the two uniform
// words' sum.
static int64_t law_e(int64_t count, int64_t sum)
{
    int64_t n = (count - 20) * 4096 + sum - 4095;
    int64_t factor = 1338485727 + n * n * 1161142459 / (INT64_C(1) << 36);
    int64_t e = ref_floor_div(n * factor + (1 << 24), 1 << 25);
    int64_t most = 6 << 19;
    return e > most ? most : e < -most ? -most : e;
}

// Calls visit with every count and sum and their probability.
static void each_outcome(void (*visit)(void *user, int64_t e, double p), void *user)
{
    double choose = ldexp(1, -40); // C(40, count) / 2^40
    for (int count = 0; count <= 40; count++) {
        for (int sum = 0; sum <= 2 * 4095; sum++) {
            double ways = sum <= 4095 ? sum + 1 : 8191 - sum;
            visit(user, law_e(count, sum), choose * ways * ldexp(1, -24));
        }
        choose *= (double)(40 - count) / (count + 1);
    }
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
    assert_int_equal(weights[1499], 118);
    assert_true(digest == UINT64_C(0xafb9f17fd9ddafa0));
    assert_int_equal(bias[0], 315639424);
    assert_int_equal(bias[1], 250362752);
    assert_int_equal(bias[2], 249744640);
    bh_integer_free(p, 1);
}

// A word with `count` bits set at random places among the 40 in its middle.
static uint64_t scripted_word(int count, uint64_t u, uint64_t v, test_rng *rng)
{
    uint64_t coins = 0;
    for (int set = 0; set < count;) {
        uint64_t coin = UINT64_C(1) << (12 + test_rng_below(rng, 40));
        set += (coins & coin) == 0;
        coins |= coin;
    }
    return v << 52 | coins | u;
}

// 0, 4095 or anything between.
static uint64_t some_uniform(int i, test_rng *rng)
{
    return i == 0 ? 0 : i == 1 ? 4095 : test_rng_below(rng, 4096);
}

// Every number of set bits, with means, deviations and uniform words up to their
// limits.
static void check_exact(bh_cpu level)
{
    (void)level;
    enum { N = 41 * 1000 + 7 };
    test_rng rng = test_rng_new("exact draws");
    bh_int_posterior *p = new_posterior(N, N);
    uint64_t *words = bh_alloc(2 * N, sizeof *words);
    int64_t *e = bh_alloc(2 * N, sizeof *e);
    int32_t *weights = bh_alloc(N, sizeof *weights), *bias = bh_alloc(N, sizeof *bias);
    uint8_t seed[32] = {0};
    for (int i = 0; i < 2 * N; i++) {
        uint64_t u = some_uniform(i % 7, &rng), v = some_uniform(i % 5, &rng);
        words[i] = scripted_word(i % 41, u, v, &rng);
        e[i] = law_e(i % 41, (int64_t)(u + v));
    }
    for (int i = 0; i < N; i++) {
        int scale = (int)test_rng_below(&rng, 24);
        int64_t most = INT64_C(1) << scale;
        p->weight_mean[i] =
            (int32_t)(i % 11 == 0   ? most
                      : i % 11 == 1 ? -most
                                    : test_rng_range(&rng, -most, most));
        p->weight_dev[i] = (int32_t)(i % 3 == 0 ? most : test_rng_range(&rng, 0, most));
        p->bias_mean[i] = i % 3 == 0   ? -BH_BIAS_MEAN_MAX
                          : i % 3 == 1 ? BH_BIAS_MEAN_MAX
                                       : test_rng_range(&rng, -1000000, 1000000);
        p->bias_dev[i] = i % 2 == 0 ? BH_BIAS_DEV_MAX
                                    : (int64_t)test_rng_below(&rng, BH_BIAS_DEV_MAX);
    }
    for (uint32_t w_max = 1; w_max <= 127; w_max += 63) {
        p->w_max = w_max;
        script = (const uint8_t *)words;
        script_left = (size_t)2 * N * sizeof *words;
        assert_ok(bh_draw_layer(p, weights, bias, seed, 0, 0));
        assert_int_equal(script_left, 0);
        script = NULL;
        for (int i = 0; i < N; i++) {
            assert_int_equal(
                weights[i], law_draw(p->weight_mean[i], p->weight_dev[i], e[i], w_max));
            assert_int_equal(bias[i], law_draw(p->bias_mean[i], p->bias_dev[i],
                                               e[N + i], INT32_MAX));
        }
    }
    bh_free(words);
    bh_free(e);
    bh_free(weights);
    bh_free(bias);
    bh_integer_free(p, 1);
}

static void test_exact(void **state)
{
    (void)state;
    levels_each(check_exact);
}

// Exact probabilities of the weights of one posterior, by all outcomes.
typedef struct exact_law {
    int64_t mean, dev;
    double p[255];
} exact_law;

static void add_outcome(void *user, int64_t e, double p)
{
    exact_law *law = user;
    law->p[law_draw(law->mean, law->dev, e, 127) + 127] += p;
}

static exact_law exact_law_of(int64_t mean, int64_t dev)
{
    exact_law law = {.mean = mean, .dev = dev};
    each_outcome(add_outcome, &law);
    return law;
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

static void test_chi_square(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    static const int64_t cases[][2] = {
        {0, 4096}, {1500, 30000}, {-90 * 4096, 100000}, {300, 700}, {2048, 409600}};
    test_rng rng = test_rng_new("chi-square");
    bh_int_posterior *p = new_posterior(N, 1);
    int32_t *weights = bh_alloc(N, sizeof *weights), bias;
    uint8_t seed[32];
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (size_t i = 0; i < N; i++) {
            p->weight_mean[i] = (int32_t)cases[c][0];
            p->weight_dev[i] = (int32_t)cases[c][1];
        }
        random_seed(seed, &rng);
        assert_ok(bh_draw_layer(p, weights, &bias, seed, 0, 0));
        exact_law law = exact_law_of(cases[c][0], cases[c][1]);
        check_chi_square(weights, N, law.p);
    }
    bh_free(weights);
    bh_integer_free(p, 1);
}

// Biases with a deviation of 2^40 show a deviate with 28 fraction bits. Limits are six
// standard errors of N = 2^20 draws; the law's own values are 0, 1, 0 and 0.
static void test_moments(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    test_rng rng = test_rng_new("moments");
    bh_int_posterior *p = new_posterior(1, N);
    int32_t weight, *bias = bh_alloc(N, sizeof *bias);
    uint8_t seed[32];
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, largest = 0;
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
        largest = fmax(largest, fabs(e));
    }
    printf("mean %.5f variance %.5f skewness %.5f kurtosis %.5f largest %.3f\n", m1, m2,
           m3, m4 - 3, largest);
    assert_true(fabs(m1) < 6 * 0.00098);
    assert_true(fabs(m2 - 1) < 6 * 0.00138);
    assert_true(fabs(m3) < 6 * 0.0038);
    assert_true(fabs(m4 - 3) < 6 * 0.0096);
    assert_true(largest <= BH_DRAW_CLIP);
    bh_free(bias);
    bh_integer_free(p, 1);
}

typedef struct law_sums {
    double p, m2, m4,
        beyond[7]; // P(|e| > i deviations), half of it where they are equal
} law_sums;

static void add_sums(void *user, int64_t e, double p)
{
    law_sums *sums = user;
    double x = ldexp((double)e, -19);
    sums->p += p;
    sums->m2 += p * x * x;
    sums->m4 += p * x * x * x * x;
    for (int i = 0; i < 7; i++) {
        sums->beyond[i] += fabs(x) > i ? p : fabs(x) < i ? 0 : p / 2;
    }
}

// What draw.h says of the law, exactly.
static void test_law(void **state)
{
    (void)state;
    law_sums s = {0};
    each_outcome(add_sums, &s);
    printf("variance - 1: %.2e, excess kurtosis %.2e; tails over normal ones:",
           s.m2 - 1, s.m4 / (s.m2 * s.m2) - 3);
    assert_true(fabs(s.p - 1) < 1e-12);
    assert_true(fabs(s.m2 - 1) < 1e-7);
    assert_true(fabs(s.m4 - 3) < 1.5e-7);
    for (int i = 1; i <= 5; i++) {
        double ratio = s.beyond[i] / erfc(i / sqrt(2));
        printf(" %.4f", ratio);
        assert_true(fabs(ratio - 1) < (i < 4 ? 0.005 : i == 4 ? 0.025 : 0.16));
    }
    printf("\n");
    for (int count = 0; count <= 40; count++) {
        for (int sum = 0; sum <= 2 * 4095; sum++) { // symmetric, and monotone in N
            assert_int_equal(law_e(count, sum), -law_e(40 - count, 8190 - sum));
            assert_true(sum == 0 || law_e(count, sum) >= law_e(count, sum - 1));
        }
    }
    assert_int_equal(law_e(40, 8190), 6 << 19); // clipped, not short of it
}

// How many weights lie 3, 3.5, ... 5 deviations out, against the exact law.
static void test_tails(void **state)
{
    (void)state;
    enum { N = 1 << 20, SAMPLES = 32, DEV = 25 };
    test_rng rng = test_rng_new("tails");
    bh_int_posterior *p = new_posterior(N, 1);
    int32_t *weights = bh_alloc(N, sizeof *weights), bias;
    uint64_t seen[128] = {0}; // by absolute value
    uint8_t seed[32];
    for (size_t i = 0; i < N; i++) {
        p->weight_dev[i] = DEV * 4096;
    }
    random_seed(seed, &rng);
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        assert_ok(bh_draw_layer(p, weights, &bias, seed, 0, sample));
        for (size_t i = 0; i < N; i++) {
            seen[abs(weights[i])]++;
        }
    }
    exact_law law = exact_law_of(0, DEV * 4096);
    double expected = 0, counted = 0;
    for (int w = 127; w >= 3 * DEV; w--) {
        expected += (law.p[127 + w] + law.p[127 - w]) * N * SAMPLES;
        counted += (double)seen[w];
        if (w % DEV == 0 || w % DEV == DEV / 2) {
            printf("beyond %.2f: %.0f, expected %.1f\n", (w - 0.5) / DEV, counted,
                   expected);
            assert_true(fabs(counted - expected) < 6 * sqrt(expected));
        }
    }
    bh_free(weights);
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
    p->n_weights = N;
    seed[31] ^= 1;
    assert_ok(bh_draw_layer(p, again, &bias, seed, 1, 0));
    assert_memory_not_equal(again, w[2], 1000 * sizeof *again);
    for (int s = 0; s < 4; s++) {
        bh_free(w[s]);
    }
    bh_free(again);
    bh_integer_free(p, 1);
}

// Pieces in any order, by streams of every level, are the whole.
static void check_pieces(bh_cpu level)
{
    enum { N = 5000, N_BIAS = 131 };
    test_rng rng = test_rng_new("pieces");
    bh_int_posterior *p = new_posterior(N, N_BIAS);
    int32_t whole[N], bias[N_BIAS], got[N] = {0}, got_bias[N_BIAS];
    uint8_t seed[32];
    bh_stream_key key;
    bh_stream *stream;
    random_posterior(p, &rng);
    random_seed(seed, &rng);
    setenv("BH_CPU", "portable", 1);
    assert_ok(bh_draw_layer(p, whole, bias, seed, 5, 6));
    setenv("BH_CPU", bh_cpu_name(level), 1);
    assert_ok(bh_draw_key(&key, seed));
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_stream_start(stream, &key, bh_stream_number(5, 6, 0)));
    assert_ok(bh_draw_bias(p, got_bias, stream));
    assert_memory_equal(got_bias, bias, sizeof bias);
    for (int trial = 0; trial < 2000; trial++) {
        size_t first = test_rng_below(&rng, N + 1);
        size_t count = test_rng_below(&rng, trial % 10 == 0 ? N + 1 : 40);
        count = count < N - first ? count : N - first;
        memset(got, 0x55, sizeof got);
        assert_ok(bh_draw_weights(p, got + first, first, count, stream));
        assert_memory_equal(got + first, whole + first, count * sizeof got[0]);
        assert_true(first == 0 || got[first - 1] == 0x55555555);
        assert_true(first + count == N || got[first + count] == 0x55555555);
    }
    bh_stream_free(stream);
    bh_integer_free(p, 1);
}

static void test_pieces(void **state)
{
    (void)state;
    levels_each(check_pieces);
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
    static bh_graph g = {.n_layers = 1};
    bh_layer *layer = &g.layers[0];
    *layer = (bh_layer){.kind = BH_LAYER_FC,
                        .out_channels = OUT,
                        .kernel_h = 1,
                        .kernel_w = 1,
                        .in = {IN, 1, 1},
                        .out = {OUT, 1, 1}};
    static uint8_t ones[(N + OUT) * 8], zeroes[(N + OUT) * 8];
    int32_t up[N], down[N], bias_up[OUT], bias_down[OUT], row[N] = {0};
    const uint8_t seed[32] = {0};
    memset(ones, 0xff, sizeof ones);
    for (int trial = 0; trial < 300; trial++) {
        random_posterior(p, &rng);
        int32_t lo = (int32_t)test_rng_range(&rng, -255, 0);
        int32_t hi = (int32_t)test_rng_range(&rng, 1, 255);
        layer->quant = (bh_quant){.x_lo = trial % 2 ? 0 : lo, .x_hi = hi};
        lo = layer->quant.x_lo;
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
                bh_clear_linear(layer, out, x, row, sign > 0 ? bias_up : bias_down);
                worst = llabs(out[o]) > worst ? llabs(out[o]) : worst;
            }
        }
        assert_int_equal(worst, bh_integer_bound(p, 1, &g, 0));
    }
    bh_integer_free(p, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_law),
        cmocka_unit_test(test_exact),    cmocka_unit_test(test_chi_square),
        cmocka_unit_test(test_moments),  cmocka_unit_test(test_tails),
        cmocka_unit_test(test_streams),  cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
