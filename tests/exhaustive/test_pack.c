// SPDX-License-Identifier: Apache-2.0
// Bit packing of every variant: every width, every small length, against single bits;
// buffers end where memory ends, so that one byte too far is a crash.
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/kernels.h"
#include "support/reference.h"
#include "support/test.h"
#include "support/variants.h"

enum { SMALL_N = 70, LONG_N = 8192, MAP = 1 << 18 };

// The end of a mapping whose next page may not be touched.
static uint8_t *map_guarded(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, MAP + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + MAP, page, PROT_NONE), 0);
    return map + MAP;
}

static void check(const bh_kernels *k, uint8_t *bytes_end, uint64_t *words_end,
                  size_t n, unsigned bits, test_rng *rng)
{
    static uint64_t in[LONG_N];
    size_t n_bytes = (n * bits + 7) / 8;
    uint8_t *bytes = bytes_end - n_bytes;
    uint64_t *out = words_end - n;
    for (size_t i = 0; i < n; i++) {
        uint64_t all = (UINT64_C(1) << bits) - 1, pick = test_rng_below(rng, 4);
        in[i] = pick == 0 ? all : test_rng_next(rng) & all;
    }
    bytes[-1] = 0xa5;
    memset(bytes, 0xff, n_bytes);
    k->pack(bytes, in, n, bits);
    assert_int_equal(bytes[-1], 0xa5);
    for (size_t i = 0; i < n * bits; i++) {
        unsigned want = (in[i / bits] >> (i % bits)) & 1;
        if (ref_packed_bit(bytes, i) != want) {
            fail_msg("%s, n = %zu, %u bits: bit %zu", k->name, n, bits, i);
        }
    }
    for (size_t i = n * bits; i < 8 * n_bytes; i++) { // padding is zero
        assert_int_equal(ref_packed_bit(bytes, i), 0);
    }
    if (n_bytes * 8 > n * bits) {
        bytes[n_bytes - 1] |= 0x80; // and unpacking does not look at it
    }
    out[-1] = 77;
    k->unpack(out, bytes, n, bits);
    assert_int_equal(out[-1], 77);
    assert_memory_equal(out, in, n * sizeof *in);
}

static void test_pack(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("pack");
    uint8_t *bytes_end = map_guarded();
    uint64_t *words_end = (uint64_t *)(void *)map_guarded();
    const bh_kernels *k;
    for (size_t at = 0; (k = variants_next(&at)) != NULL;) {
        for (unsigned bits = 1; bits <= 57; bits++) {
            for (size_t n = 1; n <= SMALL_N; n++) {
                check(k, bytes_end, words_end, n, bits, &rng);
            }
            check(k, bytes_end, words_end, LONG_N, bits, &rng);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pack)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
