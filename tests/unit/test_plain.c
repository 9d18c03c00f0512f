// SPDX-License-Identifier: Apache-2.0
// Linear layers modulo 2^32 at every level of this machine, against the clear oracle.
#include <string.h>

#include "base/memory.h"
#include "linear/plain.h"
#include "model/clear.h"
#include "support/test.h"

#define GUARD 0x5a5a5a5au // stands behind the outputs

static bh_layer layer_of(const bh_linear_shape *s)
{
    return (bh_layer){
        .kind = BH_LAYER_CONV2D,
        .out_channels = s->out_channels,
        .kernel_h = s->kernel_h,
        .kernel_w = s->kernel_w,
        .stride = s->stride,
        .pad = s->pad,
        .in = {s->in_channels, s->in_height, s->in_width},
        .out = {s->out_channels,
                bh_linear_outputs(s->in_height, s->kernel_h, s->stride, s->pad),
                bh_linear_outputs(s->in_width, s->kernel_w, s->stride, s->pad)}};
}

// Adds the oracle's outputs, times `factor`, for weights that are 16 bits of the real
// ones: no sum leaves 64 bits.
static void add_oracle(const bh_layer *l, uint32_t *y, const uint32_t *x,
                       const int32_t *weights, uint32_t factor)
{
    size_t in = bh_shape_len(l->in), out = bh_shape_len(l->out);
    int64_t *wide = bh_alloc(in, sizeof *wide), *sums = bh_alloc(out, sizeof *sums);
    int32_t *bias = bh_alloc(l->out_channels, sizeof *bias);
    for (size_t i = 0; i < in; i++) {
        wide[i] = x[i];
    }
    bh_clear_linear(l, sums, wide, weights, bias);
    for (size_t i = 0; i < out; i++) {
        y[i] += (uint32_t)sums[i] * factor;
    }
    bh_free(wide);
    bh_free(sums);
    bh_free(bias);
}

static void oracle(const bh_layer *l, uint32_t *y, const uint32_t *x,
                   const int32_t *weights)
{
    size_t count = bh_layer_weights_len(l);
    int32_t *part = bh_alloc(count, sizeof *part);
    memset(y, 0, bh_shape_len(l->out) * sizeof *y);
    for (unsigned shift = 0; shift <= 16; shift += 16) {
        for (size_t i = 0; i < count; i++) {
            part[i] = (int32_t)((uint32_t)weights[i] >> shift & 0xffff);
        }
        add_oracle(l, y, x, part, UINT32_C(1) << shift);
    }
    bh_free(part);
}

static void check_shape(test_rng *rng, const bh_linear_shape *s, int large)
{
    bh_layer l = layer_of(s);
    size_t in = bh_shape_len(l.in), out = bh_shape_len(l.out);
    size_t count = bh_layer_weights_len(&l);
    uint32_t *x = bh_alloc(in, sizeof *x), *want = bh_alloc(out, sizeof *want);
    uint32_t *y = bh_alloc(out + 1, sizeof *y);
    int32_t *weights = bh_alloc(count, sizeof *weights);
    for (size_t i = 0; i < in; i++) {
        x[i] = (uint32_t)test_rng_next(rng);
    }
    for (size_t i = 0; i < count; i++) {
        weights[i] = (int32_t)(large ? test_rng_range(rng, INT32_MIN, INT32_MAX)
                                     : test_rng_range(rng, -127, 127));
    }
    oracle(&l, want, x, weights);
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (!bh_cpu_has((bh_cpu)level)) {
            continue;
        }
        memset(y, 0x5a, (out + 1) * sizeof *y);
        bh_plain_linear(s, y, x, weights, (bh_cpu)level);
        for (size_t i = 0; i < out; i++) {
            if (y[i] != want[i]) {
                fail_msg("%s: %ux%ux%u to %u, kernel %ux%u stride %u pad %u: output "
                         "%zu is wrong",
                         bh_cpu_name((bh_cpu)level), s->in_channels, s->in_height,
                         s->in_width, s->out_channels, s->kernel_h, s->kernel_w,
                         s->stride, s->pad, i);
            }
        }
        assert_true(y[out] == GUARD);
    }
    bh_free(x);
    bh_free(want);
    bh_free(y);
    bh_free(weights);
}

static uint32_t pick(test_rng *rng, uint32_t lo, uint32_t hi)
{
    return (uint32_t)test_rng_range(rng, lo, hi);
}

static void test_convolutions(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("convolutions");
    int valid = 0;
    for (int trial = 0; trial < 3000; trial++) {
        bh_linear l;
        bh_linear_shape s = {.in_channels = pick(&rng, 1, trial % 8 == 0 ? 60 : 5),
                             .in_height = pick(&rng, 1, 12),
                             .in_width = pick(&rng, 1, 20),
                             .out_channels = pick(&rng, 1, 9),
                             .kernel_h = pick(&rng, 1, 6),
                             .kernel_w = pick(&rng, 1, 6),
                             .stride = pick(&rng, 1, 4),
                             .pad = pick(&rng, 0, 7)};
        if (bh_linear_init_shape(&l, &s, 4096) == BH_OK) {
            check_shape(&rng, &s, trial % 2);
            valid++;
        }
    }
    printf("%d valid shapes\n", valid);
    assert_true(valid > 2000);
}

// Fully connected layers, and kernels as large as the image.
static void test_fully_connected(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("fully connected");
    for (int trial = 0; trial < 1000; trial++) {
        bh_linear_shape s = {.in_channels = pick(&rng, 1, 600),
                             .in_height = 1,
                             .in_width = 1,
                             .out_channels = pick(&rng, 1, 11),
                             .kernel_h = 1,
                             .kernel_w = 1,
                             .stride = pick(&rng, 1, 2)};
        if (trial % 2 == 1) {
            s.in_channels = pick(&rng, 1, 20);
            s.in_height = s.kernel_h = pick(&rng, 1, 6);
            s.in_width = s.kernel_w = pick(&rng, 1, 6);
        }
        check_shape(&rng, &s, trial % 4 < 2);
    }
}

static void test_networks(void **state)
{
    (void)state;
    static const bh_linear_shape shapes[] = {
        {1, 28, 28, 6, 5, 5, 1, 2},   {6, 14, 14, 16, 5, 5, 1, 0},
        {1, 28, 28, 20, 5, 5, 1, 0},  {20, 12, 12, 50, 5, 5, 1, 0},
        {800, 1, 1, 500, 1, 1, 1, 0}, {64, 16, 16, 64, 3, 3, 1, 1},
        {64, 8, 8, 16, 1, 1, 1, 0},
    };
    test_rng rng = test_rng_new("networks");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_shape(&rng, &shapes[i], 0);
    }
}

int main(void)
{
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (!bh_cpu_has((bh_cpu)level)) {
            printf("not here: %s\n", bh_cpu_name((bh_cpu)level));
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_fully_connected),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
