// SPDX-License-Identifier: Apache-2.0
// Every allocation and every call for randomness fails once, through a whole exchange:
// a clean error, nothing leaked, outputs untouched, and afterwards it works.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "support/faults.h"
#include "support/he_pair.h"

enum { N = 256, T_BITS = 12, N_PLACES = 40, FILL = 0xa5 };

// Everything that one exchange makes. Each step's output is filled before it and looked
// at after it.
typedef struct exchange {
    const char *set;
    bh_uniform uniform;
    bh_he *he;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_upload *upload;
    bh_workspace *work;
    uint8_t p0[4096], c0[4096], out[2048], seed[32];
    int64_t message[N], values[N_PLACES];
    int32_t weights[N], bias[N_PLACES];
    uint32_t places[N_PLACES], share[N_PLACES];
} exchange;

static void set_up(exchange *x, const char *set)
{
    memset(x, 0, sizeof *x);
    x->set = set;
    memset(x->share, FILL, sizeof x->share);
    memset(x->p0, FILL, sizeof x->p0);
    memset(x->c0, FILL, sizeof x->c0);
    memset(x->out, FILL, sizeof x->out);
    memset(x->values, FILL, sizeof x->values);
    for (size_t i = 0; i < N; i++) {
        x->message[i] = (int64_t)i;
        x->weights[i] = (int32_t)(i % 7) - 3;
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        x->places[i] = (uint32_t)(6 * i);
    }
}

static void tear_down(exchange *x)
{
    bh_workspace_free(x->work);
    bh_upload_free(x->upload);
    bh_public_key_free(x->pk);
    bh_secret_key_free(x->sk);
    bh_he_free(x->he);
}

static bh_status finish(exchange *x)
{
    bh_answer_keys keys;
    bh_status status = bh_answer_keys_init(&keys, x->seed);
    bool masked = bh_he_is_masked(x->he);
    bh_answer_options f = {.places = x->places,
                           .bias = masked ? NULL : x->bias,
                           .share = masked ? x->share : NULL,
                           .n_places = N_PLACES,
                           .t_bits = T_BITS,
                           .keys = &keys};
    bh_answer_begin(x->work);
    if (status == BH_OK) {
        status = bh_answer_add_product(x->work, x->upload, x->weights);
    }
    return status == BH_OK ? bh_answer_finish(x->work, x->out, x->pk, &f) : status;
}

// The steps in order; those behind an error are not taken.
static bh_status run(exchange *x, bh_error *err)
{
    static const uint8_t transcript[32], seed[32];
    bh_status status = bh_he_new(&x->he, x->set, err);
    if (status == BH_OK) {
        status = bh_uniform_init(&x->uniform, transcript, seed);
    }
    if (status == BH_OK) {
        status = bh_secret_key_new(&x->sk, x->he, &x->uniform);
    }
    if (status == BH_OK) {
        status = bh_public_key_make(x->sk, x->p0);
    }
    if (status == BH_OK) {
        status = bh_public_key_load(&x->pk, x->he, x->p0, &x->uniform);
    }
    if (status == BH_OK) {
        status = bh_workspace_new(&x->work, x->he);
    }
    if (status == BH_OK) {
        status = bh_encrypt(x->sk, x->c0, x->work, 0, x->message, T_BITS);
    }
    if (status == BH_OK) {
        status = bh_upload_new(&x->upload, x->he);
    }
    if (status == BH_OK) {
        status = bh_upload_load(x->upload, x->work, x->c0, &x->uniform, 0);
    }
    if (status == BH_OK) {
        status = finish(x);
    }
    if (status == BH_OK) {
        status =
            bh_decrypt(x->sk, x->values, x->work, x->out, x->places, N_PLACES, T_BITS);
    }
    return status;
}

static bool is_filled(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != FILL) {
            return false;
        }
    }
    return true;
}

// An output is whole if a later step was reached, and untouched otherwise.
static void check_outputs(const exchange *x)
{
    assert_true(x->he != NULL || x->sk == NULL);
    assert_true(x->work != NULL || is_filled(x->c0, sizeof x->c0));
    assert_true(x->sk != NULL || is_filled(x->p0, sizeof x->p0));
    assert_true(x->upload != NULL || is_filled(x->out, sizeof x->out));
    assert_true(is_filled(x->out, sizeof x->out) || !bh_he_is_masked(x->he) ||
                !is_filled(x->share, sizeof x->share));
    assert_true(!is_filled(x->out, sizeof x->out) ||
                is_filled(x->share, sizeof x->share));
    assert_true(x->work != NULL || x->upload == NULL);
    assert_true(is_filled(x->values, sizeof x->values)); // the last step never ended
}

static void check_values(const exchange *x)
{
    int64_t product[N];
    he_pair_integer_product(product, x->message, x->weights, N);
    bool masked = bh_he_is_masked(x->he);
    for (size_t i = 0; i < N_PLACES; i++) {
        int64_t difference = x->values[i] - product[x->places[i]];
        if (masked) { // the sum of two shares may be off by one
            difference += x->share[i];
            assert_in_range((difference + 1) & ((1 << T_BITS) - 1), 0, 2);
        } else {
            assert_int_equal(difference & ((1 << T_BITS) - 1), 0);
        }
    }
}

// One exchange, in which a call may fail.
static bh_status run_and_check(void *set)
{
    exchange x;
    bh_error err = {0};
    set_up(&x, set);
    bh_status status = run(&x, &err);
    if (status == BH_OK) {
        check_values(&x);
    } else {
        check_outputs(&x);
    }
    tear_down(&x);
    return status;
}

static void test_allocations(void **state)
{
    size_t *at = &bh_hooks_get()->fail_alloc_at;
    assert_true(fail_each(at, BH_ERR_NOMEM, run_and_check, *state) > 30);
}

static void test_randomness(void **state)
{
    size_t *at = &bh_hooks_get()->fail_random_at;
    assert_true(fail_each(at, BH_ERR_RNG, run_and_check, *state) > 15);
}

// A failure leaves `out` and the share alone, and the same workspace then gives the
// right answer.
static bh_status finish_and_recover(void *exchange_)
{
    exchange *x = exchange_;
    memset(x->out, FILL, sizeof x->out);
    memset(x->share, FILL, sizeof x->share);
    bh_status status = finish(x);
    if (status != BH_OK) {
        assert_true(is_filled(x->out, sizeof x->out));
        assert_true(is_filled(x->share, sizeof x->share));
        assert_ok(finish(x));
    }
    bh_hooks *hooks = bh_hooks_get(); // decrypting is not to fail
    const size_t alloc_at = hooks->fail_alloc_at, random_at = hooks->fail_random_at;
    hooks->fail_alloc_at = hooks->fail_random_at = 0;
    assert_ok(
        bh_decrypt(x->sk, x->values, x->work, x->out, x->places, N_PLACES, T_BITS));
    check_values(x);
    hooks->fail_alloc_at = alloc_at;
    hooks->fail_random_at = random_at;
    return status;
}

static void test_answer_recovers(void **state)
{
    bh_hooks *hooks = bh_hooks_get();
    exchange x;
    set_up(&x, *state);
    assert_ok(run(&x, NULL));
    size_t calls = hooks->alloc_count + hooks->random_count;
    assert_ok(finish(&x));
    calls = hooks->alloc_count + hooks->random_count - calls;
    size_t failed =
        fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, finish_and_recover, &x);
    failed += fail_each(&hooks->fail_random_at, BH_ERR_RNG, finish_and_recover, &x);
    assert_int_equal(failed, calls);
    tear_down(&x);
}

int main(void)
{
    static char flooded[] = "INSECURE_TEST_n256",
                masked[] = "INSECURE_TEST_masked_n256";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_allocations, flooded),
        cmocka_unit_test_prestate(test_allocations, masked),
        cmocka_unit_test_prestate(test_randomness, flooded),
        cmocka_unit_test_prestate(test_randomness, masked),
        cmocka_unit_test_prestate(test_answer_recovers, flooded),
        cmocka_unit_test_prestate(test_answer_recovers, masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
