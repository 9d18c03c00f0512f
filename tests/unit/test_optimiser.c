// SPDX-License-Identifier: Apache-2.0
// The optimisers against the textbook, in double precision.
#include <math.h>

#include "base/hooks.h"
#include "bayes/optimiser.h"
#include "support/close.h"
#include "support/faults.h"

enum { LEN = 77, STEPS = 300 };

// What the textbook keeps for every parameter.
typedef struct twin {
    double x, first, second;
} twin;

// Kingma and Ba's algorithm 1, with Loshchilov and Hutter's decay.
static void twin_adam(twin *t, double g, double rate, double decay, int step)
{
    t->first = 0.9 * t->first + 0.1 * g;
    t->second = 0.999 * t->second + 0.001 * g * g;
    const double first = t->first / (1 - pow(0.9, step));
    const double second = t->second / (1 - pow(0.999, step));
    t->x -= rate * first / (sqrt(second) + 1e-8) + rate * decay * t->x;
}

static void twin_sgd(twin *t, double g, double rate, double decay, double momentum)
{
    t->first = momentum * t->first + g;
    t->x -= rate * t->first + rate * decay * t->x;
}

// Both at a noisy quadratic, whose gradients are zero now and then, and the parameters
// updated in parts.
static void check_twin(const bh_optimiser *settings, int steps, bh_optimiser *o,
                       bh_real *x, test_rng *rng)
{
    twin twins[LEN];
    for (size_t i = 0; i < LEN; i++) {
        twins[i] = (twin){.x = x[i]};
    }
    for (int step = 1; step <= steps; step++) {
        bh_real g[LEN];
        const double rate = 0.05 / step;
        for (size_t i = 0; i < LEN; i++) {
            const double noise = (double)test_rng_range(rng, -1000, 1000) / 1000;
            g[i] = step % 7 == (int)i % 7 ? 0 : (double)i * (x[i] - 1) + noise;
        }
        bh_optimiser_begin(o, rate);
        const size_t cut = 32;
        bh_optimiser_part(o, bh_train_kernels_pick(), x, g, cut, LEN - cut);
        bh_optimiser_part(o, bh_train_kernels_pick(), x, g, 0, cut);
        for (size_t i = 0; i < LEN; i++) {
            if (settings->is_sgd) {
                twin_sgd(&twins[i], g[i], rate, settings->decay, settings->momentum);
            } else {
                twin_adam(&twins[i], g[i], rate, settings->decay, step);
            }
            assert_close(x[i], twins[i].x, 1e-9 * (1 + fabs(twins[i].x)));
        }
    }
}

static void check_optimiser(bh_optimiser settings, const char *name)
{
    test_rng rng = test_rng_new(name);
    bh_optimiser o;
    bh_real x[LEN];
    for (size_t i = 0; i < LEN; i++) {
        x[i] = (double)test_rng_range(&rng, -3000, 3000) / 1000;
    }
    assert_ok(bh_optimiser_init(&o, &settings, LEN));
    check_twin(&settings, STEPS, &o, x, &rng);
    bh_optimiser_reset(&o);
    assert_true(o.steps == 0 && o.is_sgd == settings.is_sgd);
    check_twin(&settings, 10, &o, x, &rng); // as a new one
    bh_optimiser_clear(&o);
}

static void test_adam(void **state)
{
    (void)state;
    check_optimiser((bh_optimiser){0}, "adam");
    check_optimiser((bh_optimiser){.decay = 0.3}, "adam with decay");
}

static void test_sgd(void **state)
{
    (void)state;
    check_optimiser((bh_optimiser){.is_sgd = true}, "sgd");
    check_optimiser((bh_optimiser){.is_sgd = true, .momentum = 0.9, .decay = 0.1},
                    "sgd with momentum and decay");
}

// With both corrections Adam's first step is the rate itself, whatever the gradient.
static void test_first_step(void **state)
{
    (void)state;
    const bh_optimiser settings = {0};
    bh_optimiser o;
    bh_real x[3] = {5, 5, 5};
    const bh_real g[3] = {1e-3, 1, -1e6};
    assert_ok(bh_optimiser_init(&o, &settings, 3));
    bh_optimiser_begin(&o, 0.25);
    bh_optimiser_part(&o, bh_train_kernels_pick(), x, g, 0, 3);
    assert_close(x[0], 4.75, 1e-5);
    assert_close(x[1], 4.75, 1e-5);
    assert_close(x[2], 5.25, 1e-5);
    bh_optimiser_clear(&o);
}

static bh_status new_optimiser(void *settings)
{
    bh_optimiser o;
    bh_status status = bh_optimiser_init(&o, settings, 5);
    if (status == BH_OK) {
        bh_optimiser_clear(&o);
    }
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    size_t *at = &bh_hooks_get()->fail_alloc_at;
    bh_optimiser adam = {0}, sgd = {.is_sgd = true};
    assert_int_equal(fail_each(at, BH_ERR_NOMEM, new_optimiser, &adam), 2);
    assert_int_equal(fail_each(at, BH_ERR_NOMEM, new_optimiser, &sgd), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
