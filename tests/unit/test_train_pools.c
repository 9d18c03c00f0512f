// SPDX-License-Identifier: Apache-2.0
// The pools of training, of every level, against the plainest way to compute them in
// double precision: windows that overlap and that do not, with ties in nearly all.
#include "support/close.h"
#include "support/guarded.h"
#include "support/levels.h"
#include "support/windows.h"

#define ROUNDS 400
#define SIZE   7

// The first largest number of a window, as a place in `in`.
static size_t first_largest(const bh_window *w, const bh_real *in, size_t c, size_t y,
                            size_t x, size_t lane)
{
    size_t best = window_in_at(w, c, y, x, 0, 0) + lane;
    for (size_t a = 0; a < w->kernel_h; a++) {
        for (size_t b = 0; b < w->kernel_w; b++) {
            const size_t at = window_in_at(w, c, y, x, a, b) + lane;
            best = in[at] > in[best] ? at : best;
        }
    }
    return best;
}

// The mean of a window; adds its share of d_out to all of the window in d_in.
static double mean_at(const bh_window *w, double *d_in, const bh_real *d_out,
                      const bh_real *in, size_t c, size_t y, size_t x, size_t lane)
{
    const double share = 1 / (double)(w->kernel_h * w->kernel_w);
    double sum = 0;
    for (size_t a = 0; a < w->kernel_h; a++) {
        for (size_t b = 0; b < w->kernel_w; b++) {
            const size_t at = window_in_at(w, c, y, x, a, b) + lane;
            sum += (double)in[at] * share;
            d_in[at] += (double)d_out[window_out_at(w, c, y, x) + lane] * share;
        }
    }
    return sum;
}

typedef struct pool_case {
    bh_window w;
    size_t in_len, out_len;
    bh_real *in, *out, *d_in, *d_out;
    double *expected; // d_in
} pool_case;

static pool_case pool_new(test_rng *rng)
{
    pool_case p = {.w = window_random(rng)};
    p.w.outputs = p.w.channels;
    p.in_len = window_planes_len(&p.w);
    p.out_len = window_out_len(&p.w, p.w.channels);
    p.in = guarded_random(rng, p.in_len, 2); // ties in nearly every window
    p.out = guarded_new(p.out_len);
    p.d_in = guarded_random(rng, p.in_len, 0);
    p.d_out = guarded_random(rng, p.out_len, SIZE);
    p.expected = bh_alloc(p.in_len, sizeof *p.expected);
    assert_non_null(p.expected);
    return p;
}

static void pool_free(pool_case *p)
{
    guarded_free(p->in, p->in_len);
    guarded_free(p->out, p->out_len);
    guarded_free(p->d_in, p->in_len);
    guarded_free(p->d_out, p->out_len);
    bh_free(p->expected);
}

static void max_pool_of(bh_cpu level)
{
    const bh_train_kernels *k = bh_train_kernels_of(level);
    test_rng rng = test_rng_new("max pool");
    for (int i = 0; i < ROUNDS; i++) {
        pool_case p = pool_new(&rng);
        k->max_pool(&p.w, p.out, p.in);
        k->max_pool_back(&p.w, p.d_in, p.d_out, p.out, p.in);
        for (size_t j = 0; j < p.out_len; j++) {
            const size_t at = j / BH_LANES, plane = p.w.out_height * p.w.out_width;
            const size_t best =
                first_largest(&p.w, p.in, at / plane, at % plane / p.w.out_width,
                              at % p.w.out_width, j % BH_LANES);
            assert_close(p.out[j], p.in[best], 0);
            p.expected[best] += (double)p.d_out[j];
        }
        for (size_t j = 0; j < p.in_len; j++) {
            assert_close(p.d_in[j], p.expected[j], 0);
        }
        pool_free(&p);
    }
}

static void mean_pool_of(bh_cpu level)
{
    const bh_train_kernels *k = bh_train_kernels_of(level);
    test_rng rng = test_rng_new("mean pool");
    for (int i = 0; i < ROUNDS; i++) {
        pool_case p = pool_new(&rng);
        k->mean_pool(&p.w, p.out, p.in);
        k->mean_pool_back(&p.w, p.d_in, p.d_out);
        for (size_t j = 0; j < p.out_len; j++) {
            const size_t at = j / BH_LANES, plane = p.w.out_height * p.w.out_width;
            const double mean =
                mean_at(&p.w, p.expected, p.d_out, p.in, at / plane,
                        at % plane / p.w.out_width, at % p.w.out_width, j % BH_LANES);
            assert_close(p.out[j], mean, 1e-5 * (1 + fabs((double)mean)));
        }
        for (size_t j = 0; j < p.in_len; j++) {
            assert_close(p.d_in[j], p.expected[j],
                         1e-5 * (1 + fabs((double)p.expected[j])));
        }
        pool_free(&p);
    }
}

static void test_pools(void **state)
{
    (void)state;
    levels_each(max_pool_of);
    levels_each(mean_pool_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
