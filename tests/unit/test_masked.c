// SPDX-License-Identifier: Apache-2.0
// Masked answers: the client's value and the server's share sum to W m modulo t but for
// -1, 0 or 1, as often off as bh_noise says; each alone is uniform whatever the
// weights.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "support/he_pair.h"
#include "support/levels.h"
#include "support/stats.h"

enum { N = 2048, W_MAX = 127 };

typedef struct trial {
    he_pair c;
    int64_t message[N], product[N], value[N];
    int32_t weights[N];
} trial;

static trial *trial_new(const char *set, const char *name)
{
    trial *t = bh_alloc(1, sizeof *t);
    he_pair_set_up(&t->c, set, test_rng_new(name));
    return t;
}

static void trial_free(trial *t)
{
    he_pair_tear_down(&t->c);
    bh_free(t);
}

// Messages as shares are: uniform modulo t.
static void draw_message(trial *t, unsigned t_bits)
{
    int64_t half = INT64_C(1) << (t_bits - 1);
    for (size_t i = 0; i < t->c.he->ring.n; i++) {
        t->message[i] = test_rng_range(&t->c.rng, -half, half - 1);
    }
}

// Weights of +-w_max.
static void draw_weights(trial *t, int32_t w_max)
{
    for (size_t i = 0; i < t->c.he->ring.n; i++) {
        t->weights[i] = test_rng_next(&t->c.rng) & 1 ? w_max : -w_max;
    }
}

static void ask(trial *t, unsigned t_bits)
{
    he_pair *c = &t->c;
    draw_message(t, t_bits);
    bh_upload *upload = he_pair_upload(c, t->message, t_bits);
    he_pair_ask(c, upload, t->weights, t_bits);
    bh_upload_free(upload);
    assert_ok(bh_decrypt(c->sk, t->value, c->work, c->bytes, c->places, c->he->ring.n,
                         t_bits));
}

// How many sums are off by one; none may be off by more.
static size_t count_off(trial *t, unsigned t_bits)
{
    size_t off = 0, n = t->c.he->ring.n;
    he_pair_integer_product(t->product, t->message, t->weights, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = (uint64_t)t->value[i] + t->c.share[i];
        uint64_t error = (sum - (uint64_t)t->product[i] + 1) << (64 - t_bits);
        error >>= 64 - t_bits;
        assert_in_range(error, 0, 2);
        assert_true(t->c.share[i] >> t_bits == 0);
        off += error != 1;
    }
    return off;
}

typedef struct digests {
    test_rng rng;
    uint8_t first[BH_T_BITS_MAX + 1][32];
    bool have;
} digests;

static digests seen;

// The same bytes and shares from every level: the whole exchange runs from one seed.
static void check_level(bh_cpu level)
{
    bh_hooks *hooks = bh_hooks_get();
    hooks->fixed_seed_on = true;
    hooks->fixed_seed = 1;
    trial *t = bh_alloc(1, sizeof *t);
    he_pair_set_up(&t->c, "n2048", seen.rng);
    draw_weights(t, W_MAX);
    for (unsigned t_bits = BH_T_BITS_MIN; t_bits <= BH_T_BITS_MAX; t_bits++) {
        uint8_t digest[32];
        ask(t, t_bits);
        count_off(t, t_bits);
        assert_ok(bh_hash(digest, t->c.bytes, bh_he_answer_bytes(t->c.he, N, t_bits),
                          t->c.share, N * sizeof *t->c.share));
        if (!seen.have) {
            memcpy(seen.first[t_bits], digest, sizeof digest);
        }
        assert_memory_equal(seen.first[t_bits], digest, sizeof digest);
    }
    seen.have = true;
    print_message("%s: %s\n", bh_cpu_name(level), bh_he_kernels(t->c.he));
    trial_free(t);
    hooks->fixed_seed_on = false;
}

static void test_products(void **state)
{
    (void)state;
    seen.rng = test_rng_new("products");
    levels_each(check_level);
}

// Two products, then a zero made ahead: the same answer.
static void test_sum(void **state)
{
    (void)state;
    enum { T_BITS = 20 };
    trial *t = trial_new("n2048", "sum");
    he_pair *c = &t->c;
    bh_upload *upload[2];
    static int64_t product[N];
    static uint32_t share[N];
    uint8_t *bytes = bh_alloc(bh_he_answer_bytes(c->he, N, T_BITS), 1);
    draw_weights(t, W_MAX);
    for (size_t k = 0; k < 2; k++) {
        draw_message(t, T_BITS);
        upload[k] = he_pair_upload(c, t->message, T_BITS);
        he_pair_integer_product(t->product, t->message, t->weights, N);
        for (size_t i = 0; i < N; i++) {
            product[i] += t->product[i];
        }
    }
    assert_ok(bh_answer_keys_init(&c->keys, c->seed));
    bh_zero *zero;
    bh_answer_options f = {.places = c->places,
                           .share = c->share,
                           .n_places = N,
                           .t_bits = T_BITS,
                           .keys = &c->keys,
                           .number = {1, 2, 3}};
    assert_ok(bh_zero_new(&zero, c->he));
    assert_ok(bh_zero_make(zero, c->work, f.keys, f.number, f.n_places));
    for (size_t round = 0; round < 2; round++) {
        bh_answer_begin(c->work);
        assert_ok(bh_answer_add_product(c->work, upload[0], t->weights));
        assert_ok(bh_answer_add_product(c->work, upload[1], t->weights));
        f.share = round == 0 ? share : c->share;
        f.zero = round == 0 ? zero : NULL;
        assert_ok(bh_answer_finish(c->work, round == 0 ? bytes : c->bytes, c->pk, &f));
    }
    assert_memory_equal(bytes, c->bytes, bh_he_answer_bytes(c->he, N, T_BITS));
    assert_memory_equal(share, c->share, sizeof share);
    assert_ok(bh_decrypt(c->sk, t->value, c->work, bytes, c->places, N, T_BITS));
    for (size_t i = 0; i < N; i++) {
        uint64_t sum = (uint64_t)t->value[i] + share[i] - (uint64_t)product[i] + 1;
        assert_in_range(sum & ((1 << T_BITS) - 1), 0, 2);
    }
    bh_zero_free(zero);
    bh_free(bytes);
    bh_upload_free(upload[0]);
    bh_upload_free(upload[1]);
    trial_free(t);
}

static void check_rate(trial *t, unsigned t_bits, int32_t w_max)
{
    enum { ANSWERS = 24 };
    bh_noise noise;
    double coefficients = ANSWERS * N, off = 0;
    bh_status status = bh_noise_of_answer(t->c.he, &noise, N, (uint32_t)w_max, t_bits);
    for (size_t k = 0; k < ANSWERS; k++) {
        draw_weights(t, w_max);
        ask(t, t_bits);
        off += (double)count_off(t, t_bits);
    }
    double rate = off / coefficients, dev = sqrt(noise.off_by_one / coefficients);
    printf("l = %2u, weights +-%3d: off by one %.5f, said %.5f; used %.3f%s\n", t_bits,
           (int)w_max, rate, noise.off_by_one, noise.used,
           status == BH_OK ? "" : " (does not fit)");
    // The key's weight and the approximations in src/he/noise.c: 5 % either way.
    assert_true(rate < 1.05 * noise.off_by_one + 5 * dev);
    assert_true(rate > 0.95 * noise.off_by_one - 5 * dev);
}

static void test_rate(void **state)
{
    (void)state;
    static const unsigned t_bits[] = {2, 8, 16, 20, 24, 25, 26, 27, 28};
    trial *t = trial_new("n2048", "rate");
    for (size_t i = 0; i < sizeof t_bits / sizeof t_bits[0]; i++) {
        check_rate(t, t_bits[i], W_MAX);
    }
    check_rate(t, 24, 0);
    check_rate(t, 28, 1);
    trial_free(t);
}

enum { BINS = 64, ROUNDS = 32 };

static void check_uniform(const char *what, const uint64_t counts[BINS])
{
    double expected[BINS], limit = stats_chi_square_limit(BINS - 1);
    for (size_t i = 0; i < BINS; i++) {
        expected[i] = (double)ROUNDS * N / BINS;
    }
    double chi = stats_chi_square(counts, expected, BINS);
    printf("%s: chi-square %.1f, limit %.1f\n", what, chi, limit);
    assert_true(chi < limit);
}

// The lowest and the highest six bits of both shares. A message of zeroes and weights
// of zeroes, or of 127 throughout and a message of t / 4.
static void check_shares(bool extreme)
{
    enum { T_BITS = 24, TOP = T_BITS - 6 };
    uint64_t counts[4][BINS] = {{0}};
    trial *t = trial_new("n2048", "uniform shares");
    for (size_t i = 0; i < N && extreme; i++) {
        t->message[i] = 1 << (T_BITS - 2);
        t->weights[i] = W_MAX;
    }
    for (size_t k = 0; k < ROUNDS; k++) {
        bh_upload *upload = he_pair_upload(&t->c, t->message, T_BITS);
        he_pair_ask(&t->c, upload, t->weights, T_BITS);
        bh_upload_free(upload);
        assert_ok(bh_decrypt(t->c.sk, t->value, t->c.work, t->c.bytes, t->c.places, N,
                             T_BITS));
        for (size_t i = 0; i < N; i++) {
            uint64_t value = (uint64_t)t->value[i];
            counts[0][t->c.share[i] % BINS]++;
            counts[1][t->c.share[i] >> TOP]++;
            counts[2][value % BINS]++;
            counts[3][(value >> TOP) % BINS]++;
        }
    }
    check_uniform("server's share, low bits", counts[0]);
    check_uniform("server's share, high bits", counts[1]);
    check_uniform("client's value, low bits", counts[2]);
    check_uniform("client's value, high bits", counts[3]);
    trial_free(t);
}

static void test_uniform(void **state)
{
    (void)state;
    check_shares(false);
    check_shares(true);
}

// Bias and share are those of the set; a refused finish changes nothing.
static void test_misuse(void **state)
{
    (void)state;
    static const char *sets[] = {"INSECURE_TEST_n256", "INSECURE_TEST_masked_n256"};
    int32_t bias[2] = {0};
    uint32_t share[2] = {7, 7};
    for (size_t i = 0; i < 2; i++) {
        he_pair c;
        he_pair_set_up(&c, sets[i], test_rng_new("misuse"));
        assert_int_equal(bh_he_is_masked(c.he), i == 1);
        assert_ok(bh_answer_keys_init(&c.keys, c.seed));
        bh_answer_options f = {
            .places = c.places, .n_places = 2, .t_bits = 8, .keys = &c.keys};
        bh_answer_begin(c.work);
        for (unsigned given = 0; given < 4; given++) {
            unsigned right = i == 0 ? 1 : 2;
            f.bias = given & 1 ? bias : NULL;
            f.share = given & 2 ? share : NULL;
            if (given != right) {
                assert_status(bh_answer_finish(c.work, c.bytes, c.pk, &f), BH_ERR_ARG);
                assert_true(share[0] == 7 && share[1] == 7);
            }
        }
        f.bias = i == 0 ? bias : NULL;
        f.share = i == 0 ? NULL : share;
        assert_ok(bh_answer_finish(c.work, c.bytes, c.pk, &f));
        he_pair_tear_down(&c);
    }
}

// The mask is the stream "mask" of the server's seed, by the words of docs/protocol.md,
// and of no other purpose: the server's share is its rounding.
static void test_stream_of_the_mask(void **state)
{
    (void)state;
    enum { L = 24 };
    trial *t = trial_new("n2048", "stream of the mask");
    draw_weights(t, W_MAX);
    ask(t, L);
    const uint64_t q = t->c.he->ring.ntt[0].mod.q;
    bh_stream_key key;
    bh_stream *stream;
    assert_ok(bh_stream_key_derive(&key, t->c.seed, "mask", NULL));
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_stream_start(stream, &key, bh_stream_number(0, 0, 0)));
    for (size_t i = 0; i < N;) {
        uint64_t word;
        assert_ok(bh_stream_read(stream, &word, sizeof word));
        word &= (UINT64_C(1) << 46) - 1;
        if (word < q) {
            // Rounded in doubles of 53 bits: the share may be the neighbour.
            double share = ldexp((double)word, L) / (double)q;
            double off = fabs(share - t->c.share[i++]);
            assert_true(fmin(off, ldexp(1, L) - off) < 0.51);
        }
    }
    bh_stream_free(stream);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_sum),
        cmocka_unit_test(test_rate),     cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_misuse),   cmocka_unit_test(test_stream_of_the_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
