// SPDX-License-Identifier: Apache-2.0
// Base transfers: keys agree with choices and with nothing else; whatever is no point
// is refused.
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "base/hooks.h"
#include "base/random.h"
#include "mpc/base_ot.h"
#include "support/faults.h"
#include "support/test.h"

enum { POINT = BH_BASE_OT_POINT_BYTES };

typedef struct exchange {
    uint8_t offer[BH_BASE_OT_OFFER_BYTES], reply[BH_BASE_OT_REPLY_BYTES];
    bh_block pairs[BH_KAPPA][2], keys[BH_KAPPA];
    bh_base_sender *sender;
} exchange;

static bh_block choices_of(const char *name)
{
    test_rng rng = test_rng_new(name);
    bh_block b = {{test_rng_next(&rng), test_rng_next(&rng)}};
    return b;
}

static void exchange_all(exchange *x, bh_block choices)
{
    assert_ok(bh_base_sender_new(&x->sender, x->offer));
    assert_ok(bh_base_receive(x->reply, x->keys, choices, x->offer));
    assert_ok(bh_base_sender_finish(x->sender, x->pairs, x->reply));
}

static unsigned choice(bh_block choices, size_t i)
{
    return (unsigned)(choices.w[i / 64] >> i % 64 & 1);
}

static void check_keys(bh_block choices)
{
    exchange x;
    exchange_all(&x, choices);
    for (size_t i = 0; i < BH_KAPPA; i++) {
        const unsigned c = choice(choices, i);
        assert_memory_equal(&x.keys[i], &x.pairs[i][c], sizeof x.keys[i]);
        assert_memory_not_equal(&x.keys[i], &x.pairs[i][1 - c], sizeof x.keys[i]);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(&x.keys[i], &x.keys[j], sizeof x.keys[i]);
            assert_memory_not_equal(x.reply + i * POINT, x.reply + j * POINT, POINT);
        }
    }
    bh_base_sender_free(x.sender);
}

static void test_keys(void **state)
{
    (void)state;
    check_keys((bh_block){{0, 0}});
    check_keys((bh_block){{UINT64_MAX, UINT64_MAX}});
    check_keys(choices_of("keys"));
}

// The key of a transfer is the hash that base_ot.c says, computed here from the
// sender's side of the mathematics: needs a, which only the receiver's half avoids. So
// the receiver is played by hand with a known scalar: B = 2 G, k_0 = H(2 A).
static void test_hash(void **state)
{
    exchange x;
    uint8_t said[15 + 1 + 2 * POINT] = "bayhenn base ot", shared[POINT], want[32];
    (void)state;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    assert_ok(bh_base_sender_new(&x.sender, x.offer));
    BIGNUM *two = BN_new();
    assert_int_equal(BN_set_word(two, 2), 1);
    assert_int_equal(EC_POINT_mul(group, point, two, NULL, NULL, NULL), 1);
    for (size_t i = 0; i < BH_KAPPA; i++) {
        EC_POINT_point2oct(group, point, POINT_CONVERSION_COMPRESSED,
                           x.reply + i * POINT, POINT, NULL);
    }
    assert_int_equal(EC_POINT_oct2point(group, point, x.offer, POINT, NULL), 1);
    assert_int_equal(EC_POINT_mul(group, point, NULL, point, two, NULL), 1);
    EC_POINT_point2oct(group, point, POINT_CONVERSION_COMPRESSED, shared, POINT, NULL);
    assert_ok(bh_base_sender_finish(x.sender, x.pairs, x.reply));
    memcpy(said + 16, x.offer, POINT);
    memcpy(said + 16 + POINT, x.reply, POINT);
    for (size_t i = 0; i < BH_KAPPA; i++) {
        said[15] = (uint8_t)i;
        assert_ok(bh_hash(want, said, sizeof said, shared, POINT));
        assert_memory_equal(&x.pairs[i][0], want, sizeof x.pairs[i][0]);
    }
    BN_free(two);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    bh_base_sender_free(x.sender);
}

// Encodings that are no point: by their first byte (the point at infinity is a single
// zero byte, so never one of 33), an x that is no field element, an x off the curve.
static void spoil(uint8_t point[POINT], unsigned how)
{
    static const uint8_t leads[] = {0x00, 0x01, 0x04, 0x06, 0x82, 0xff};
    if (how < sizeof leads) {
        point[0] = leads[how];
    } else if (how == sizeof leads) {
        memset(point, 0, POINT);
    } else if (how == sizeof leads + 1) {
        memset(point + 1, 0xff, POINT - 1);
    } else {
        memset(point + 1, 0, POINT - 1);
        point[POINT - 1] = 1; // 1 - 3 + b is no square
    }
}

enum { SPOILT = 9 };

static void test_points(void **state)
{
    static const bh_block zeroes[BH_KAPPA][2];
    static const uint8_t silence[BH_BASE_OT_REPLY_BYTES];
    exchange x;
    (void)state;
    for (unsigned how = 0; how < SPOILT; how++) {
        exchange_all(&x, (bh_block){{5, 7}});
        uint8_t offer[POINT];
        memcpy(offer, x.offer, POINT);
        spoil(x.reply + how * 15 * POINT, how);
        assert_status(bh_base_sender_finish(x.sender, x.pairs, x.reply),
                      BH_ERR_ENCODING);
        assert_memory_equal(x.pairs, zeroes, sizeof zeroes);
        spoil(offer, how);
        assert_status(bh_base_receive(x.reply, x.keys, (bh_block){{5, 7}}, offer),
                      BH_ERR_ENCODING);
        assert_memory_equal(x.keys, zeroes, sizeof x.keys);
        assert_memory_equal(x.reply, silence, sizeof silence);
        assert_int_equal(ERR_peek_error(), 0); // nothing left for TLS to find
        bh_base_sender_free(x.sender);
    }
    // B = A: one of the keys would be known to everybody.
    exchange_all(&x, (bh_block){{0, 0}});
    memcpy(x.reply + 100 * POINT, x.offer, POINT);
    assert_status(bh_base_sender_finish(x.sender, x.pairs, x.reply), BH_ERR_ENCODING);
    bh_base_sender_free(x.sender);
}

// Keys depend on everything that was said: another point, or the same at another place.
static void test_tampered(void **state)
{
    exchange x;
    bh_block pairs[BH_KAPPA][2];
    (void)state;
    exchange_all(&x, (bh_block){{0, UINT64_MAX}});
    uint8_t swapped[POINT];
    memcpy(swapped, x.reply, POINT);
    memcpy(x.reply, x.reply + POINT, POINT);
    memcpy(x.reply + POINT, swapped, POINT);
    x.reply[2 * POINT] ^= 1; // the other root
    assert_ok(bh_base_sender_finish(x.sender, pairs, x.reply));
    for (size_t i = 0; i < BH_KAPPA; i++) {
        for (size_t b = 0; b < 2; b++) {
            int same = memcmp(&pairs[i][b], &x.pairs[i][b], sizeof(bh_block)) == 0;
            assert_int_equal(same, i > 2);
        }
    }
    bh_base_sender_free(x.sender);
}

static bh_status whole(void *user)
{
    exchange x;
    (void)user;
    bh_status status = bh_base_sender_new(&x.sender, x.offer);
    if (status == BH_OK) {
        status = bh_base_receive(x.reply, x.keys, (bh_block){{1, 2}}, x.offer);
    }
    if (status == BH_OK) {
        status = bh_base_sender_finish(x.sender, x.pairs, x.reply);
    }
    bh_base_sender_free(x.sender);
    return status;
}

static void test_failures(void **state)
{
    (void)state;
    bh_hooks *hooks = bh_hooks_get();
    assert_int_equal(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, whole, NULL), 1);
    assert_int_equal(fail_each(&hooks->fail_random_at, BH_ERR_RNG, whole, NULL), 129);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),     cmocka_unit_test(test_hash),
        cmocka_unit_test(test_points),   cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
