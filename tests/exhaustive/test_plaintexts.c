// SPDX-License-Identifier: Apache-2.0
// Every plaintext of a tiny ring through encryption, an answer and decryption; every
// value of every t up to 2^14 and the edges of larger ones; every set of places.
// Masked: the two shares of every plaintext, and of products with all small weights.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "support/he_pair.h"

enum { TINY_N = 8, SMALL_N = 256, EXHAUSTIVE_T_BITS = 14 };

static const int32_t one[SMALL_N] = {1};

// m encrypted, multiplied by 1, sanitised, decrypted: m again, centred.
static void check_message(he_pair *c, const int64_t *m, unsigned t_bits)
{
    int64_t got[SMALL_N];
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    he_pair_ask(c, upload, one, t_bits);
    bh_upload_free(upload);
    assert_ok(
        bh_decrypt(c->sk, got, c->work, c->bytes, c->places, c->he->ring.n, t_bits));
    assert_memory_equal(got, m, c->he->ring.n * sizeof *m);
}

// All 4^8 polynomials modulo t = 4.
static void test_every_polynomial(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n8", test_rng_new("every polynomial"));
    for (unsigned number = 0; number < 1u << (2 * TINY_N); number++) {
        int64_t m[TINY_N];
        for (size_t i = 0; i < TINY_N; i++) {
            m[i] = (int64_t)((number >> (2 * i)) & 3) - 2;
        }
        check_message(&c, m, 2);
    }
    he_pair_tear_down(&c);
}

static void test_every_value(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("every value"));
    for (unsigned t_bits = BH_T_BITS_MIN; t_bits <= BH_T_BITS_MAX; t_bits++) {
        int64_t t = INT64_C(1) << t_bits, m[SMALL_N];
        bool all = t_bits <= EXHAUSTIVE_T_BITS;
        for (int64_t from = -t / 2; from < t / 2; from += all ? SMALL_N : t) {
            for (int64_t i = 0; i < SMALL_N; i++) {
                m[i] = all ? from + i : test_rng_range(&c.rng, -t / 2, t / 2 - 1);
                m[i] = m[i] < t / 2 ? m[i] : 0; // t below n
            }
            if (!all) {
                const int64_t edges[] = {-t / 2, t / 2 - 1, -1, 0, 1, -t / 4, t / 4};
                memcpy(m, edges, sizeof edges);
            }
            check_message(&c, m, t_bits);
        }
    }
    he_pair_tear_down(&c);
}

// Messages are taken modulo t, whatever representative is given.
static void test_representatives(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n8", test_rng_new("representatives"));
    for (unsigned t_bits = BH_T_BITS_MIN; t_bits <= BH_T_BITS_MAX; t_bits++) {
        int64_t t = INT64_C(1) << t_bits, got[TINY_N];
        const int64_t m[TINY_N] = {t - 1, t,         t / 2,     1 - t,
                                   -t,    3 * t + 1, INT64_MAX, INT64_MIN};
        bh_upload *upload = he_pair_upload(&c, m, t_bits);
        he_pair_ask(&c, upload, one, t_bits);
        bh_upload_free(upload);
        assert_ok(bh_decrypt(c.sk, got, c.work, c.bytes, c.places, TINY_N, t_bits));
        for (size_t i = 0; i < TINY_N; i++) {
            assert_int_equal(((uint64_t)got[i] - (uint64_t)m[i]) & (uint64_t)(t - 1),
                             0);
            assert_true(got[i] >= -t / 2 && got[i] < t / 2);
        }
    }
    he_pair_tear_down(&c);
}

// R3: each of the 256 sets of places keeps just those coefficients.
static void test_every_set_of_places(void **state)
{
    (void)state;
    enum { T_BITS = 5 };
    const int64_t m[TINY_N] = {-16, -5, -1, 0, 1, 3, 7, 15};
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n8", test_rng_new("places"));
    bh_upload *upload = he_pair_upload(&c, m, T_BITS);
    for (unsigned set = 0; set < 1u << TINY_N; set++) {
        uint32_t places[TINY_N];
        int32_t bias[TINY_N];
        int64_t got[TINY_N];
        size_t n_places = 0;
        for (uint32_t i = 0; i < TINY_N; i++) {
            places[n_places] = i;
            bias[n_places] = (int32_t)i;
            n_places += (set >> i) & 1;
        }
        assert_ok(bh_answer_keys_init(&c.keys, c.seed));
        bh_answer_options finish = {.places = places,
                                    .bias = bias,
                                    .n_places = n_places,
                                    .t_bits = T_BITS,
                                    .keys = &c.keys,
                                    .number = {.index = set}};
        bh_answer_begin(c.work);
        assert_ok(bh_answer_add_product(c.work, upload, one));
        assert_ok(bh_answer_finish(c.work, c.bytes, c.pk, &finish));
        assert_ok(bh_decrypt(c.sk, got, c.work, c.bytes, places, n_places, T_BITS));
        for (size_t k = 0; k < n_places; k++) {
            int64_t want = m[places[k]] + places[k];
            assert_int_equal(got[k], want > 15 ? want - 32 : want);
        }
    }
    bh_upload_free(upload);
    he_pair_tear_down(&c);
}

// How many of the sums of the shares of m w are off by one; none is by more.
static size_t count_off(he_pair *c, const int64_t *m, const int32_t *w, unsigned t_bits)
{
    int64_t got[TINY_N], product[TINY_N];
    size_t off = 0;
    bh_upload *upload = he_pair_upload(c, m, t_bits);
    he_pair_ask(c, upload, w, t_bits);
    bh_upload_free(upload);
    assert_ok(bh_decrypt(c->sk, got, c->work, c->bytes, c->places, TINY_N, t_bits));
    he_pair_integer_product(product, m, w, TINY_N);
    for (size_t i = 0; i < TINY_N; i++) {
        uint64_t sum = (uint64_t)got[i] + c->share[i] - (uint64_t)product[i] + 1;
        uint64_t error = sum & ((UINT64_C(1) << t_bits) - 1);
        assert_in_range(error, 0, 2);
        off += error != 1;
    }
    return off;
}

// Within 10 %: with so short a key the errors' sum is not a normal law.
static void check_rate(const he_pair *c, double off, double of, unsigned t_bits)
{
    bh_noise noise;
    assert_ok(bh_noise_of_answer(c->he, &noise, TINY_N, 1, t_bits));
    double rate = off / of, dev = sqrt(noise.off_by_one / of);
    printf("masked, t = 2^%u: off by one %.5f, said %.5f\n", t_bits, rate,
           noise.off_by_one);
    assert_true(fabs(rate - noise.off_by_one) < 0.1 * noise.off_by_one + 5 * dev);
}

static void test_every_masked_polynomial(void **state)
{
    (void)state;
    enum { ALL = 1 << (2 * TINY_N) };
    he_pair c;
    size_t off = 0;
    he_pair_set_up(&c, "INSECURE_TEST_masked_n8", test_rng_new("masked polynomials"));
    for (unsigned number = 0; number < ALL; number++) {
        int64_t m[TINY_N];
        for (size_t i = 0; i < TINY_N; i++) {
            m[i] = (int64_t)((number >> (2 * i)) & 3) - 2;
        }
        off += count_off(&c, m, one, 2);
    }
    check_rate(&c, (double)off, (double)ALL * TINY_N, 2);
    he_pair_tear_down(&c);
}

// All 3^8 weight polynomials of -1, 0, 1 with messages modulo t.
static void test_every_masked_product(void **state)
{
    (void)state;
    enum { ALL = 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3 };
    static const unsigned t_bits[] = {3, 16, 28};
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_masked_n8", test_rng_new("masked products"));
    for (size_t k = 0; k < 3; k++) {
        int64_t half = INT64_C(1) << (t_bits[k] - 1);
        size_t off = 0;
        for (unsigned number = 0; number < ALL; number++) {
            int64_t m[TINY_N];
            int32_t w[TINY_N];
            for (unsigned i = 0, rest = number; i < TINY_N; i++, rest /= 3) {
                w[i] = (int32_t)(rest % 3) - 1;
                m[i] = test_rng_range(&c.rng, -half, half - 1);
            }
            off += count_off(&c, m, w, t_bits[k]);
        }
        check_rate(&c, (double)off, (double)ALL * TINY_N, t_bits[k]);
    }
    he_pair_tear_down(&c);
}

// Each of the 256 sets of places: as many shares, in their order.
static void test_every_masked_set_of_places(void **state)
{
    (void)state;
    enum { T_BITS = 12 };
    const int64_t m[TINY_N] = {-2048, -1500, -700, -3, 0, 500, 1000, 2047};
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_masked_n8", test_rng_new("masked places"));
    bh_upload *upload = he_pair_upload(&c, m, T_BITS);
    assert_ok(bh_answer_keys_init(&c.keys, c.seed));
    for (unsigned set = 0; set < 1u << TINY_N; set++) {
        uint32_t places[TINY_N], share[TINY_N + 1];
        int64_t got[TINY_N];
        size_t n_places = 0;
        for (uint32_t i = 0; i < TINY_N; i++) {
            places[n_places] = i;
            n_places += (set >> i) & 1;
        }
        share[n_places] = 77;
        bh_answer_options finish = {.places = places,
                                    .share = share,
                                    .n_places = n_places,
                                    .t_bits = T_BITS,
                                    .keys = &c.keys,
                                    .number = {.index = set}};
        bh_answer_begin(c.work);
        assert_ok(bh_answer_add_product(c.work, upload, one));
        assert_ok(bh_answer_finish(c.work, c.bytes, c.pk, &finish));
        assert_ok(bh_decrypt(c.sk, got, c.work, c.bytes, places, n_places, T_BITS));
        for (size_t k = 0; k < n_places; k++) {
            uint64_t sum = (uint64_t)got[k] + share[k] - (uint64_t)m[places[k]] + 1;
            assert_in_range(sum & ((1 << T_BITS) - 1), 0, 2);
        }
        assert_int_equal(share[n_places], 77);
    }
    bh_upload_free(upload);
    he_pair_tear_down(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_polynomial),
        cmocka_unit_test(test_every_value),
        cmocka_unit_test(test_representatives),
        cmocka_unit_test(test_every_set_of_places),
        cmocka_unit_test(test_every_masked_polynomial),
        cmocka_unit_test(test_every_masked_product),
        cmocka_unit_test(test_every_masked_set_of_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
