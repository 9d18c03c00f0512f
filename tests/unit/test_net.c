// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "net/address.h"
#include "net/queue.h"
#include "net/verify.h"
#include "support/test.h"

static void check_address(const char *text, const char *host, const char *port,
                          bool is_ip)
{
    bh_address a;
    bh_error err = {0};
    assert_ok(bh_address_parse(&a, text, 7443, &err));
    assert_string_equal(a.host, host);
    assert_string_equal(a.port, port);
    assert_int_equal(a.is_ip, is_ip);
}

static void test_addresses(void **state)
{
    (void)state;
    check_address("localhost:1", "localhost", "1", false);
    check_address("localhost", "localhost", "7443", false);
    check_address("127.0.0.1:0", "127.0.0.1", "0", true);
    check_address("[::1]:65535", "::1", "65535", true);
    check_address("[fe80::1]", "fe80::1", "7443", true);
    check_address("a.example:443", "a.example", "443", false);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    char longest[400];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    const char *bad[] = {"",        ":1",      "host:",       "host:65536", "host:-1",
                         "host:1x", "host: 1", "host:000001", "::1",        "::1:80",
                         "[::1",    "[::1]x",  "[]:1",        "[::1]:",     longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bh_address a;
        bh_error err = {0};
        assert_status(bh_address_parse(&a, bad[i], 7443, &err), BH_ERR_ARG);
        assert_true(strlen(err.message) > 10);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[BH_ADDRESS_TEXT_MAX];
    bh_address_format(text, "::1", "80");
    assert_string_equal(text, "[::1]:80");
    bh_address_format(text, "a", "80");
    assert_string_equal(text, "a:80");
}

static void test_fingerprints(void **state)
{
    (void)state;
    uint8_t out[BH_FINGERPRINT_BYTES];
    char plain[65], colons[96];
    for (int i = 0; i < 32; i++) {
        sprintf(plain + 2 * i, "%02x", 8 * i);
        sprintf(colons + 3 * i, i < 31 ? "%02X:" : "%02X", 8 * i);
    }
    assert_ok(bh_fingerprint_parse(out, plain, NULL));
    assert_int_equal(out[31], 248);
    assert_ok(bh_fingerprint_parse(out, colons, NULL));
    assert_int_equal(out[1], 8);
    plain[63] = '\0';
    const char *bad[] = {"", "xy", ":00", plain};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(bh_fingerprint_parse(out, bad[i], NULL), BH_ERR_ARG);
    }
    colons[0] = 'g';
    assert_status(bh_fingerprint_parse(out, colons, NULL), BH_ERR_ARG);
}

static uint32_t never_idle(void *user)
{
    (void)user;
    return BH_QUEUE_SLEEP;
}

static void test_queue(void **state)
{
    (void)state;
    bh_queue q;
    bh_connection c = {.fd = -1};
    assert_ok(bh_queue_init(&q, 2));
    for (int round = 0; round < 3; round++) {
        c.fd = -2;
        assert_true(bh_queue_push(&q, &c));
        c.fd = -3;
        assert_true(bh_queue_push(&q, &c));
        assert_false(bh_queue_push(&q, &c));
        assert_true(bh_queue_pop(&q, &c, never_idle, NULL));
        assert_int_equal(c.fd, -2);
        assert_true(bh_queue_pop(&q, &c, never_idle, NULL));
        assert_int_equal(c.fd, -3);
    }
    bh_queue_close(&q);
    assert_false(bh_queue_pop(&q, &c, never_idle, NULL));
    assert_false(bh_queue_push(&q, &c));
    bh_queue_clear(&q);
}

typedef struct idler {
    bh_queue *q;
    int calls;
} idler;

// Has three things to do, and is woken as soon as it has done them: by then nobody
// sleeps yet. The fourth call asks for one more in a moment, which brings a connection.
static uint32_t be_idle(void *user)
{
    idler *i = user;
    i->calls++;
    if (i->calls == 3) {
        bh_queue_wake(i->q);
    }
    if (i->calls == 4) {
        return 5;
    }
    if (i->calls == 5) {
        bh_connection c = {.fd = -4};
        assert_true(bh_queue_push(i->q, &c));
    }
    return i->calls < 3 ? 0 : BH_QUEUE_SLEEP;
}

static void test_idle(void **state)
{
    (void)state;
    bh_queue q;
    bh_connection c = {.fd = -1};
    idler i = {.q = &q};
    assert_ok(bh_queue_init(&q, 1));
    assert_true(bh_queue_pop(&q, &c, be_idle, &i));
    assert_int_equal(c.fd, -4);
    assert_int_equal(i.calls, 5);
    assert_true(bh_queue_push(&q, &c));
    assert_true(bh_queue_pop(&q, &c, be_idle, &i)); // nothing is done while one waits
    assert_int_equal(i.calls, 5);
    bh_queue_close(&q);
    bh_queue_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_format),    cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_queue),     cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
