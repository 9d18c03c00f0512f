// SPDX-License-Identifier: Apache-2.0
// The gate against max(d, 0): every pair of shares of up to 8 bits, random ones and
// extremes above; its messages.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "mpc/bits.h"
#include "mpc/planes.h"
#include "support/faults.h"
#include "support/gate.h"
#include "support/reference.h"

// max(d, 0) by its definition, of a number of `bits` bits.
static uint32_t expected(uint32_t d_x, uint32_t d_y, unsigned bits)
{
    uint64_t modulus = UINT64_C(1) << bits;
    uint64_t d = ((uint64_t)d_x + d_y) % modulus;
    return d < modulus / 2 ? (uint32_t)d : 0;
}

static uint32_t *numbers(size_t count)
{
    uint32_t *out = bh_alloc(count, sizeof *out);
    assert_non_null(out);
    return out;
}

static void check_batch(size_t count, unsigned bits, const uint32_t *d_x,
                        const uint32_t *d_y, test_rng *rng)
{
    gate g;
    assert_ok(gate_open(&g, count, bits, d_x, d_y, rng));
    gate_run(&g);
    for (size_t i = 0; i < count; i++) {
        if (gate_result(&g, i) != expected(d_x[i], d_y[i], bits)) {
            fail_msg("%u bits, %zu of %zu: %x + %x gives %x", bits, i, count, d_x[i],
                     d_y[i], gate_result(&g, i));
        }
    }
    gate_close(&g);
}

static void test_all_pairs(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("all pairs");
    for (unsigned bits = BH_RELU_BITS_MIN; bits <= 8; bits++) {
        size_t count = (size_t)1 << (2 * bits);
        uint32_t *d_x = numbers(count), *d_y = numbers(count);
        for (size_t i = 0; i < count; i++) {
            // Above the numbers is what the gate has to ignore.
            uint32_t above = (uint32_t)(test_rng_next(&rng) << bits);
            d_x[i] = above | (uint32_t)(i >> bits);
            d_y[i] = ~above << bits | ((uint32_t)i & bh_bits_mask(bits));
        }
        check_batch(count, bits, d_x, d_y, &rng);
        bh_free(d_x);
        bh_free(d_y);
    }
}

// A number near one of those where something changes, or any.
static uint32_t interesting(test_rng *rng, unsigned bits)
{
    uint32_t near = (uint32_t)test_rng_range(rng, -2, 2);
    switch (test_rng_below(rng, 4)) {
    case 0:
        return near;
    case 1: // 0, +-2^k, the most negative number
        return near + (UINT32_C(1) << test_rng_below(rng, bits));
    case 2: // nibbles of zeroes and ones
        return (uint32_t)test_rng_next(rng) & 0x0f0ff0f0;
    default:
        return (uint32_t)test_rng_next(rng);
    }
}

static void test_random(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random");
    enum { N = 20000 };
    uint32_t *d_x = numbers(N), *d_y = numbers(N);
    for (unsigned bits = 9; bits <= BH_RELU_BITS_MAX; bits++) {
        for (size_t i = 0; i < N; i++) {
            // Shares of an interesting sum, or interesting shares.
            d_x[i] = interesting(&rng, bits);
            d_y[i] = interesting(&rng, bits);
            d_y[i] -= i % 2 == 0 ? d_x[i] : 0;
        }
        check_batch(N, bits, d_x, d_y, &rng);
    }
    bh_free(d_x);
    bh_free(d_y);
}

static void test_batch_sizes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("batch sizes");
    static const size_t counts[] = {0,  1,  2,  7,  8,   9,   31,  32,   33,
                                    63, 64, 65, 95, 127, 128, 129, 1000, 1001};
    uint32_t *d_x = numbers(1001), *d_y = numbers(1001);
    for (unsigned bits = BH_RELU_BITS_MIN; bits <= BH_RELU_BITS_MAX; bits++) {
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            for (size_t i = 0; i < counts[k]; i++) {
                d_x[i] = interesting(&rng, bits);
                d_y[i] = interesting(&rng, bits);
            }
            check_batch(counts[k], bits, d_x, d_y, &rng);
        }
    }
    bh_free(d_x);
    bh_free(d_y);
}

// max(a, b) = b + max(a - b, 0) for all a and b of 8 bits, whose difference has 9.
static void test_max(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("max");
    enum { N = 65536, BITS = 9 };
    uint32_t *d_x = numbers(N), *d_y = numbers(N);
    for (size_t i = 0; i < N; i++) {
        int32_t a = (int32_t)(i / 256) - 128, b = (int32_t)(i % 256) - 128;
        d_x[i] = (uint32_t)test_rng_next(&rng);
        d_y[i] = (uint32_t)(a - b) - d_x[i];
    }
    gate g;
    assert_ok(gate_open(&g, N, BITS, d_x, d_y, &rng));
    gate_run(&g);
    for (size_t i = 0; i < N; i++) {
        int32_t a = (int32_t)(i / 256) - 128, b = (int32_t)(i % 256) - 128;
        uint32_t max = ((uint32_t)b + gate_result(&g, i)) & bh_bits_mask(BITS);
        assert_int_equal(max, (uint32_t)(a > b ? a : b) & bh_bits_mask(BITS));
    }
    gate_close(&g);
    bh_free(d_x);
    bh_free(d_y);
}

// The same transfers into memory that held something else: every byte is written.
static void test_messages(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("messages");
    for (unsigned bits = BH_RELU_BITS_MIN; bits <= BH_RELU_BITS_MAX; bits++) {
        uint32_t d_x[77], d_y[77];
        size_t count = 1 + test_rng_below(&rng, 77);
        for (size_t i = 0; i < count; i++) {
            d_x[i] = (uint32_t)test_rng_next(&rng);
            d_y[i] = (uint32_t)test_rng_next(&rng);
        }
        gate g[2];
        test_rng same = rng;
        assert_ok(gate_open(&g[0], count, bits, d_x, d_y, &rng));
        assert_ok(gate_open(&g[1], count, bits, d_x, d_y, &same));
        for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
            memset(g[1].messages[step], 0x5a, bh_relu_message_bytes(count, bits, step));
        }
        gate_run(&g[0]);
        gate_run(&g[1]);
        for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
            size_t bytes = bh_relu_message_bytes(count, bits, step);
            assert_memory_equal(g[0].messages[step], g[1].messages[step], bytes);
        }
        gate_close(&g[0]);
        gate_close(&g[1]);
    }
}

// What the plan and the documentation count on, of 24 bits: 6 digits.
static void test_sizes(void **state)
{
    (void)state;
    bh_relu_needs needs = bh_relu_count(64, 24);
    assert_int_equal(needs.x_receives, 64 * (24 + 5 + 1));
    assert_int_equal(needs.y_receives, 64 * (5 + 4));
    const size_t bytes[BH_RELU_STEPS] = {64 * 3,         64 * (2 + 5 * 4) + 8 * 8,
                                         8 * (8 + 2),    8 * (2 + 2 + 4),
                                         8 * 3 + 64 * 3, 64 * 3};
    for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
        assert_int_equal(bh_relu_message_bytes(64, 24, step), bytes[step]);
    }
}

// Anything may come; the sanitizers look on.
static void test_garbage(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("garbage");
    uint32_t d[201];
    for (size_t i = 0; i < 201; i++) {
        d[i] = (uint32_t)test_rng_next(&rng);
    }
    for (int trial = 0; trial < 600; trial++) {
        const unsigned bits =
            (unsigned)test_rng_range(&rng, BH_RELU_BITS_MIN, BH_RELU_BITS_MAX);
        const size_t count = test_rng_below(&rng, 202);
        const unsigned kind = (unsigned)test_rng_below(&rng, 3);
        gate g;
        assert_ok(gate_open(&g, count, bits, d, d, &rng));
        for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
            // Exactly as long as the message, so that reading on would be seen.
            size_t bytes = bh_relu_message_bytes(count, bits, step);
            uint8_t *message = malloc(bytes > 0 ? bytes : 1);
            assert_non_null(message);
            bh_relu_write(step % 2 == 0 ? g.x : g.y, step, message);
            for (size_t i = 0; i < bytes; i++) {
                message[i] = kind == 0   ? 0xff
                             : kind == 1 ? (uint8_t)test_rng_next(&rng)
                                         : (uint8_t)(message[i] ^ (i % 11 == 0));
            }
            bh_relu_read(step % 2 == 0 ? g.y : g.x, step, message);
            free(message);
        }
        for (size_t i = 0; i < count; i++) {
            (void)gate_result(&g, i); // reduced, whatever it is
        }
        gate_close(&g);
    }
}

static bh_status run_once(void *arg)
{
    static const uint32_t d_x[70] = {1, 2, 3}, d_y[70] = {7, 0xfffff000, 0xfffffffe};
    gate g;
    bh_status status = gate_open(&g, 70, 21, d_x, d_y, arg);
    if (status == BH_OK) {
        gate_run(&g);
        for (size_t i = 0; i < 70; i++) {
            assert_int_equal(gate_result(&g, i), expected(d_x[i], d_y[i], 21));
        }
        gate_close(&g);
    }
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("no memory");
    assert_true(
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, run_once, &rng) >= 20);
}

// Bits against their definition; those behind the last value are zero both ways.
static void test_planes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("planes");
    for (size_t count = 0; count <= 200; count++) {
        uint8_t bytes[256], spread[BH_PLANE_BITS], packed[25];
        uint64_t plane[4] = {0}, back[4];
        const size_t len = bh_plane_bytes(count);
        for (size_t i = 0; i < 256; i++) {
            bytes[i] = (uint8_t)test_rng_next(&rng);
        }
        bh_plane_gather(plane, bytes, count);
        bh_plane_store(packed, plane, count);
        for (size_t i = 0; i < 8 * len; i++) {
            unsigned bit = i < count ? bytes[i] & 1 : 0;
            assert_int_equal(ref_packed_bit(packed, i), bit);
            bh_spread(spread, plane[i / BH_PLANE_BITS]);
            assert_int_equal(spread[i % BH_PLANE_BITS], bit);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            uint64_t word = bh_gather(bytes, bit);
            for (size_t i = 0; i < BH_PLANE_BITS; i++) {
                assert_int_equal((word >> i) & 1, (bytes[i] >> bit) & 1);
            }
        }
        bh_plane_load(back, packed, count);
        assert_memory_equal(back, plane, 8 * bh_plane_words(count));
        memset(packed, 0xff, sizeof packed);
        bh_plane_load(back, packed, count);
        for (size_t i = 0; i < BH_PLANE_BITS * bh_plane_words(count); i++) {
            assert_int_equal((back[i / BH_PLANE_BITS] >> (i % BH_PLANE_BITS)) & 1,
                             i < count);
        }
        memset(back, 0xff, sizeof back);
        bh_plane_store(packed, back, count);
        for (size_t i = 0; i < 8 * len; i++) {
            assert_int_equal(ref_packed_bit(packed, i), i < count);
        }
    }
}

static void test_arguments(void **state)
{
    (void)state;
    const uint32_t d[1] = {0};
    bh_rot_supply none = {0};
    bh_relu *r = (bh_relu *)&none;
    assert_status(bh_relu_new(&r, true, 1, 1, d, &none, &none), BH_ERR_ARG);
    assert_null(r);
    assert_status(bh_relu_new(&r, false, 1, 33, d, &none, &none), BH_ERR_ARG);
    assert_status(bh_relu_new(&r, false, SIZE_MAX / 8, 32, d, &none, &none),
                  BH_ERR_NOMEM);
    bh_relu_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs),   cmocka_unit_test(test_random),
        cmocka_unit_test(test_batch_sizes), cmocka_unit_test(test_max),
        cmocka_unit_test(test_messages),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_garbage),     cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_arguments),   cmocka_unit_test(test_planes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
