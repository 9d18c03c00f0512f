// SPDX-License-Identifier: Apache-2.0
// Streams: published vectors, and the same bytes from every level of processor however
// they are read.
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/hooks.h"
#include "base/random.h"
#include "support/faults.h"
#include "support/levels.h"
#include "support/test.h"

static bh_stream *stream_at(bh_cpu level)
{
    bh_stream *s;
    setenv("BH_CPU", bh_cpu_name(level), 1);
    assert_ok(bh_stream_new(&s));
    unsetenv("BH_CPU");
    return s;
}

static void from_hex(uint8_t *out, const char *hex)
{
    for (size_t i = 0; hex[2 * i] != 0; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

// AES-256 of a counter block: NIST AESAVS (VarTxt 1, VarKey 1) and the test cases 13
// and 14 of the GCM specification; then one that ran through the openssl command.
static void check_vectors(bh_cpu level)
{
    static const struct {
        const char *key_start;
        uint64_t number, offset;
        const char *want;
    } cases[] = {
        {"00", 0, 0, "dc95c078a2408989ad48a21492842087"},
        {"00", 0, 16, "530f8afbc74536b9a963b4f1c4cb738b"},
        {"00", 0, 32, "cea7403d4d606b6e074ec5d3baf39d18"},
        {"00", UINT64_C(1) << 63, 0, "ddc6bf790c15760d8d9aeb6f9a75fd4e"},
        {"80", 0, 0, "e35a6dcb19b201a01ebcfa8aa22b5759"},
        {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         UINT64_C(0xf0f1f2f3f4f5f6f7), 48, "0bf016af4a27816e13fd6ced1d090a04"},
    };
    bh_stream *s = stream_at(level);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bh_stream_key key = {{0}};
        uint8_t want[16], got[16];
        from_hex(key.bytes, cases[i].key_start);
        from_hex(want, cases[i].want);
        assert_ok(bh_stream_start(s, &key, cases[i].number));
        assert_ok(bh_stream_seek(s, cases[i].offset));
        assert_ok(bh_stream_read(s, got, sizeof got));
        assert_memory_equal(got, want, sizeof got);
    }
    bh_stream_free(s);
}

static void test_vectors(void **state)
{
    (void)state;
    levels_each(check_vectors);
}

// SHA-256 of "bayhenn stream 2", label, transcript and seed as the header says:
// recomputed by tests/oracle/stream.py for the values that other tests pin.
static void test_keys(void **state)
{
    (void)state;
    enum { MAX = 16 };
    bh_stream_key keys[MAX], again;
    uint8_t seed[32] = {1}, transcript[32] = {0};
    char label[65];
    size_t n = 0;
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "upload", NULL));
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "upload", transcript));
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "uploads", NULL));
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "", NULL));
    transcript[31] = 1;
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "upload", transcript));
    seed[31] = 1;
    assert_ok(bh_stream_key_derive(&keys[n++], seed, "upload", NULL));
    memset(label, 'x', sizeof label);
    label[63] = 0;
    assert_ok(bh_stream_key_derive(&keys[n++], seed, label, NULL));
    label[63] = 'x';
    label[64] = 0;
    assert_status(bh_stream_key_derive(&again, seed, label, NULL), BH_ERR_ARG);
    assert_ok(bh_stream_key_derive(&again, seed, "upload", NULL));
    assert_memory_equal(&again, &keys[5], sizeof again);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(&keys[i], &keys[j], sizeof keys[i]);
        }
    }
    assert_int_equal(bh_stream_number(3, 5, 7), UINT64_C(0x0003000500000007));
    assert_int_equal(bh_stream_number(63, 255, UINT32_MAX),
                     UINT64_C(0x003f00ffffffffff));
}

// A stream in pieces is the stream; nothing is written around the pieces.
static void check_pieces(bh_cpu level)
{
    enum { LEN = 5000, GUARD = 64 };
    test_rng rng = test_rng_new("pieces");
    static uint8_t whole[LEN], got[LEN + 2 * GUARD];
    bh_stream *plain = stream_at(BH_CPU_PORTABLE), *s = stream_at(level);
    for (int trial = 0; trial < 1000; trial++) {
        bh_stream_key key;
        for (size_t i = 0; i < sizeof key.bytes; i++) {
            key.bytes[i] = (uint8_t)test_rng_next(&rng);
        }
        uint64_t number = test_rng_next(&rng);
        // now and then across the 32-bit border of the block's index, or far out
        const uint64_t starts[] = {0, test_rng_below(&rng, 300),
                                   (UINT64_C(16) << 32) - test_rng_below(&rng, LEN),
                                   test_rng_next(&rng) >> 1};
        uint64_t at = starts[trial % 4];
        size_t len = test_rng_below(&rng, trial % 3 == 0 ? LEN + 1 : 200);
        size_t most = test_rng_below(&rng, 2) ? 40 : 1500, done = 0;
        assert_ok(bh_stream_start(plain, &key, number));
        assert_ok(bh_stream_seek(plain, at));
        assert_ok(bh_stream_read(plain, whole, len));
        memset(got, 0xa5, sizeof got);
        assert_ok(bh_stream_start(s, &key, number));
        if (at != 0) {
            assert_ok(bh_stream_seek(s, at));
        }
        while (done < len) {
            size_t piece = test_rng_below(&rng, most);
            piece = piece < len - done ? piece : len - done;
            assert_ok(bh_stream_read(s, got + GUARD + done, piece));
            done += piece;
            if (test_rng_below(&rng, 8) == 0) { // back and forth
                assert_ok(bh_stream_seek(s, test_rng_next(&rng)));
                assert_ok(bh_stream_seek(s, at + done));
            }
        }
        assert_memory_equal(got + GUARD, whole, len);
        for (size_t i = 0; i < GUARD; i++) {
            assert_int_equal(got[i], 0xa5);
            assert_int_equal(got[GUARD + len + i], 0xa5);
        }
    }
    bh_stream_free(plain);
    bh_stream_free(s);
}

static void test_pieces(void **state)
{
    (void)state;
    levels_each(check_pieces);
}

// Every length in one read.
static void check_lengths(bh_cpu level)
{
    enum { LEN = 1600 };
    static uint8_t whole[LEN], got[LEN + 1];
    bh_stream_key key = {{7}};
    bh_stream *s = stream_at(BH_CPU_PORTABLE);
    assert_ok(bh_stream_start(s, &key, 9));
    assert_ok(bh_stream_read(s, whole, LEN));
    bh_stream_free(s);
    s = stream_at(level);
    for (size_t len = 0; len <= LEN; len++) {
        got[len] = 0x5a;
        assert_ok(bh_stream_start(s, &key, 9));
        assert_ok(bh_stream_read(s, got, len));
        assert_memory_equal(got, whole, len);
        assert_int_equal(got[len], 0x5a);
    }
    bh_stream_free(s);
}

static void test_lengths(void **state)
{
    (void)state;
    levels_each(check_lengths);
}

// One derivation, start, seek and read; a failure leaves zeroes.
static bh_status use(void *stream)
{
    static const uint8_t zeroes[100];
    uint8_t out[100], seed[32] = {1};
    bh_stream_key key;
    memset(out, 1, sizeof out);
    bh_status status = bh_stream_key_derive(&key, seed, "test", NULL);
    if (status != BH_OK) {
        assert_memory_equal(&key, zeroes, sizeof key);
        return status;
    }
    status = bh_stream_start(stream, &key, 0);
    if (status != BH_OK) {
        assert_status(bh_stream_read(stream, out, sizeof out), BH_ERR_STATE);
        assert_memory_equal(out, zeroes, sizeof out);
        assert_status(bh_stream_seek(stream, 0), BH_ERR_STATE);
        return status;
    }
    status = bh_stream_seek(stream, 5);
    if (status == BH_OK) {
        status = bh_stream_read(stream, out, sizeof out);
        assert_true((status == BH_OK) != (memcmp(out, zeroes, sizeof out) == 0));
    }
    return status;
}

static void check_failures(bh_cpu level)
{
    bh_stream *s = stream_at(level);
    uint8_t byte;
    assert_status(bh_stream_read(s, &byte, 1), BH_ERR_STATE);
    assert_int_equal(fail_each(&bh_hooks_get()->fail_random_at, BH_ERR_RNG, use, s), 4);
    bh_stream_free(s);
}

static void test_failures(void **state)
{
    (void)state;
    levels_each(check_failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_keys),
        cmocka_unit_test(test_pieces),   cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
