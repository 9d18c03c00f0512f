// SPDX-License-Identifier: Apache-2.0
// The kernels of training over windows and matrices, of every level, against the
// plainest way to compute them in double precision. Inputs are whole numbers, so sums
// have to be equal.
#include <string.h>

#include "support/close.h"
#include "support/guarded.h"
#include "support/levels.h"
#include "support/windows.h"

#define ROUNDS 200
#define SIZE   7 // of the inputs: 20 * 7 * 7 products, or 54 * 16, stay below 2^24

// ---- convolution ----

static void check_correlate_at(const bh_window *w, const bh_real *out,
                               const bh_real *in, const bh_real *weights,
                               const bh_real *bias, size_t o, size_t y, size_t x)
{
    for (size_t l = 0; l < BH_LANES; l++) {
        double sum = bias != NULL ? (double)bias[o] : 0;
        for (size_t c = 0; c < w->channels; c++) {
            for (size_t a = 0; a < w->kernel_h; a++) {
                for (size_t b = 0; b < w->kernel_w; b++) {
                    sum += (double)weights[window_weight_at(w, o, c, a, b)] *
                           (double)in[window_in_at(w, c, y, x, a, b) + l];
                }
            }
        }
        assert_close(out[window_out_at(w, o, y, x) + l], sum, 0);
    }
}

static void check_correlate(const bh_train_kernels *k, const bh_window *w,
                            test_rng *rng, bool with_bias)
{
    // Weights stand anywhere, tensors at multiples of the alignment.
    const size_t skip = window_pick(rng, 0, 15), n = window_weights_len(w) + skip;
    bh_real *in = guarded_random(rng, window_planes_len(w), SIZE);
    bh_real *weights = guarded_random(rng, n, SIZE);
    bh_real *bias = guarded_random(rng, w->outputs, SIZE);
    bh_real *out = guarded_new(window_out_len(w, w->outputs));
    const bh_real *used = with_bias ? bias : NULL;
    k->correlate(w, out, in, weights + skip, used);
    for (size_t o = 0; o < w->outputs; o++) {
        for (size_t i = 0; i < w->out_height * w->out_width; i++) {
            check_correlate_at(w, out, in, weights + skip, used, o, i / w->out_width,
                               i % w->out_width);
        }
    }
    guarded_free(in, window_planes_len(w));
    guarded_free(weights, n);
    guarded_free(bias, w->outputs);
    guarded_free(out, window_out_len(w, w->outputs));
}

static void correlate_of(bh_cpu level)
{
    test_rng rng = test_rng_new("correlate");
    for (int i = 0; i < ROUNDS; i++) {
        const bh_window w = window_random(&rng);
        check_correlate(bh_train_kernels_of(level), &w, &rng, i % 2 == 0);
    }
}

static double weight_gradient(const bh_window *w, const bh_real *d_out,
                              const bh_real *in, const size_t at[4])
{
    double sum = 0;
    for (size_t i = 0; i < w->out_height * w->out_width; i++) {
        const size_t y = i / w->out_width, x = i % w->out_width;
        for (size_t l = 0; l < BH_LANES; l++) {
            sum += (double)d_out[window_out_at(w, at[0], y, x) + l] *
                   (double)in[window_in_at(w, at[1], y, x, at[2], at[3]) + l];
        }
    }
    return sum;
}

// Gradients are added to what is there.
static void check_weights(const bh_train_kernels *k, const bh_window *w, test_rng *rng)
{
    const size_t skip = window_pick(rng, 0, 15), n = window_weights_len(w) + skip;
    const size_t kernel = w->kernel_h * w->kernel_w;
    bh_real *in = guarded_random(rng, window_planes_len(w), SIZE);
    bh_real *d_out = guarded_random(rng, window_out_len(w, w->outputs), SIZE);
    bh_real *before = guarded_random(rng, n, SIZE), *d_weights = guarded_new(n);
    memcpy(d_weights, before, n * sizeof *before);
    k->correlate_weights(w, d_weights + skip, d_out, in);
    for (size_t i = 0; i < n; i++) {
        const size_t j = i - skip;
        const size_t at[4] = {j / kernel / w->channels, j / kernel % w->channels,
                              j % kernel / w->kernel_w, j % w->kernel_w};
        const double sum = i < skip ? 0 : weight_gradient(w, d_out, in, at);
        assert_close(d_weights[i], (double)before[i] + sum, 0);
    }
    guarded_free(in, window_planes_len(w));
    guarded_free(d_out, window_out_len(w, w->outputs));
    guarded_free(before, n);
    guarded_free(d_weights, n);
}

static void check_bias(const bh_train_kernels *k, const bh_window *w, test_rng *rng)
{
    const size_t plane = w->out_height * w->out_width;
    bh_real *d_out = guarded_random(rng, window_out_len(w, w->outputs), SIZE);
    bh_real *before = guarded_random(rng, w->outputs, SIZE);
    bh_real *d_bias = guarded_new(w->outputs);
    memcpy(d_bias, before, w->outputs * sizeof *before);
    k->bias_gradient(w->outputs, plane, d_bias, d_out);
    for (size_t o = 0; o < w->outputs; o++) {
        double sum = (double)before[o];
        for (size_t i = 0; i < plane * BH_LANES; i++) {
            sum += (double)d_out[o * plane * BH_LANES + i];
        }
        assert_close(d_bias[o], sum, 0);
    }
    guarded_free(d_out, window_out_len(w, w->outputs));
    guarded_free(before, w->outputs);
    guarded_free(d_bias, w->outputs);
}

static void correlate_gradients_of(bh_cpu level)
{
    test_rng rng = test_rng_new("correlate's gradients");
    for (int i = 0; i < ROUNDS; i++) {
        const bh_window w = window_random(&rng);
        check_weights(bh_train_kernels_of(level), &w, &rng);
        check_bias(bh_train_kernels_of(level), &w, &rng);
    }
}

// ---- fully connected ----

typedef struct matrix {
    size_t outputs, inputs, skip, len;
    bh_real *weights, *bias, *in, *out; // weights begin at `skip`
} matrix;

static matrix matrix_new(test_rng *rng)
{
    matrix m = {.outputs = window_pick(rng, 1, 40),
                .inputs = window_pick(rng, 1, 80),
                .skip = window_pick(rng, 0, 15)};
    m.len = m.skip + m.outputs * m.inputs;
    m.weights = guarded_random(rng, m.len, SIZE);
    m.bias = guarded_random(rng, m.outputs, SIZE);
    m.in = guarded_random(rng, m.inputs * BH_LANES, SIZE);
    m.out = guarded_random(rng, m.outputs * BH_LANES, SIZE);
    return m;
}

static void matrix_free(matrix *m)
{
    guarded_free(m->weights, m->len);
    guarded_free(m->bias, m->outputs);
    guarded_free(m->in, m->inputs * BH_LANES);
    guarded_free(m->out, m->outputs * BH_LANES);
}

static void check_dense(const bh_train_kernels *k, matrix *m, bool with_bias)
{
    const bh_real *weights = m->weights + m->skip;
    k->dense(m->outputs, m->inputs, m->out, m->in, weights, with_bias ? m->bias : NULL);
    for (size_t i = 0; i < m->outputs * BH_LANES; i++) {
        const size_t o = i / BH_LANES, l = i % BH_LANES;
        double sum = with_bias ? (double)m->bias[o] : 0;
        for (size_t j = 0; j < m->inputs; j++) {
            sum += (double)weights[o * m->inputs + j] * (double)m->in[j * BH_LANES + l];
        }
        assert_close(m->out[i], sum, 0);
    }
}

static void check_dense_inputs(const bh_train_kernels *k, matrix *m)
{
    const bh_real *weights = m->weights + m->skip;
    k->dense_inputs(m->outputs, m->inputs, m->in, m->out, weights);
    for (size_t i = 0; i < m->inputs * BH_LANES; i++) {
        const size_t j = i / BH_LANES, l = i % BH_LANES;
        double sum = 0;
        for (size_t o = 0; o < m->outputs; o++) {
            sum +=
                (double)weights[o * m->inputs + j] * (double)m->out[o * BH_LANES + l];
        }
        assert_close(m->in[i], sum, 0);
    }
}

static void check_dense_weights(const bh_train_kernels *k, matrix *m)
{
    bh_real *before = guarded_new(m->len);
    bh_real *scratch = guarded_new(m->inputs * BH_LANES);
    memcpy(before, m->weights, m->len * sizeof *before);
    k->dense_weights(m->outputs, m->inputs, m->weights + m->skip, m->out, m->in,
                     scratch);
    for (size_t i = 0; i < m->len; i++) {
        double sum = (double)before[i];
        const size_t o = (i - m->skip) / m->inputs, j = (i - m->skip) % m->inputs;
        for (size_t l = 0; l < BH_LANES && i >= m->skip; l++) {
            sum += (double)m->out[o * BH_LANES + l] * (double)m->in[j * BH_LANES + l];
        }
        assert_close(m->weights[i], sum, 0);
    }
    guarded_free(before, m->len);
    guarded_free(scratch, m->inputs * BH_LANES);
}

static void dense_of(bh_cpu level)
{
    test_rng rng = test_rng_new("dense");
    const bh_train_kernels *k = bh_train_kernels_of(level);
    for (int i = 0; i < 4 * ROUNDS; i++) {
        matrix m = matrix_new(&rng);
        check_dense(k, &m, i % 2 == 0);
        guarded_fill(&rng, m.out, m.outputs * BH_LANES, SIZE);
        check_dense_inputs(k, &m);
        guarded_fill(&rng, m.in, m.inputs * BH_LANES, SIZE);
        check_dense_weights(k, &m);
        matrix_free(&m);
    }
}

// ---- the tests ----

static void test_correlate(void **state)
{
    (void)state;
    levels_each(correlate_of);
    levels_each(correlate_gradients_of);
}

static void test_dense(void **state)
{
    (void)state;
    levels_each(dense_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlate),
        cmocka_unit_test(test_dense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
