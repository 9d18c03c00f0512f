// SPDX-License-Identifier: Apache-2.0
// Packed numbers of a few bits, against the bits one by one.
#include <string.h>

#include "mpc/bits.h"
#include "support/test.h"

// Every list of up to three numbers of up to three bits, and random ones of every
// width.
static void check_bits(const uint32_t *in, size_t count, unsigned bits)
{
    enum { MAX = 64 * 4 };
    uint8_t packed[MAX + 1];
    uint32_t out[65];
    const size_t bytes = bh_bits_bytes(count, bits);
    assert_int_equal(bytes, (count * bits + 7) / 8);
    memset(packed, 0xa5, sizeof packed);
    bh_bits_pack(packed, in, count, bits);
    assert_int_equal(packed[bytes], 0xa5);
    for (size_t i = 0; i < 8 * bytes; i++) {
        unsigned want = i < count * bits ? in[i / bits] >> i % bits & 1 : 0;
        assert_int_equal(packed[i / 8] >> i % 8 & 1, want);
    }
    memset(out, 0xa5, sizeof out);
    bh_bits_unpack(out, packed, count, bits);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i], in[i] & bh_bits_mask(bits));
    }
    assert_int_equal(out[count], 0xa5a5a5a5);
}

static void test_bits(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("bits");
    for (unsigned bits = 0; bits <= 3; bits++) {
        for (uint32_t x = 0; x < UINT32_C(1) << 3 * bits; x++) {
            const uint32_t in[3] = {x, x >> bits, x >> 2 * bits};
            for (size_t count = 0; count <= 3; count++) {
                check_bits(in, count, bits);
            }
        }
    }
    for (unsigned bits = 0; bits <= 32; bits++) {
        for (size_t count = 0; count <= 64; count++) {
            uint32_t in[64];
            for (size_t i = 0; i < 64; i++) {
                in[i] = (uint32_t)test_rng_next(&rng);
            }
            check_bits(in, count, bits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
