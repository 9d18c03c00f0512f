// SPDX-License-Identifier: Apache-2.0
// Samplers: word by word against their definitions, their laws by moments and
// chi-square, and one hash that pins the uniform parts of the wire format.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "he/internal.h"
#include "ring/sample.h"
#include "support/reference.h"
#include "support/stats.h"
#include "support/test.h"
#include "support/variants.h"

enum { N = 4096, ROUNDS = 256, DRAWS = N * ROUNDS };

static bh_stream *open_stream(uint64_t number)
{
    uint8_t seed[32] = {0};
    bh_stream *stream;
    memcpy(seed, &number, sizeof number);
    bh_stream_key key;
    assert_ok(bh_stream_key_derive(&key, seed, "test", NULL));
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_stream_start(stream, &key, 0));
    return stream;
}

static const uint64_t two[] = {70367133564929, 70362301726721};

static bh_status sample_error(const bh_ring *ring, int32_t *out, bh_stream *stream)
{
    return bh_sample_error(ring, out, ring->n, stream);
}

typedef bh_status sampler(const bh_ring *ring, int32_t *out, bh_stream *stream);

static int32_t *draw(sampler *sample, uint64_t number)
{
    bh_ring ring;
    int32_t *out = bh_alloc(DRAWS, sizeof *out);
    bh_stream *stream = open_stream(number);
    assert_ok(bh_ring_init(&ring, N, two, 2, NULL));
    for (size_t k = 0; k < ROUNDS; k++) {
        assert_ok(sample(&ring, out + k * N, stream));
    }
    bh_ring_clear(&ring);
    bh_stream_free(stream);
    return out;
}

// Mean, variance and neighbours' correlation within 5 deviations of the law's.
static void check_moments(const char *what, const int32_t *x, double variance,
                          double fourth)
{
    double mean = 0, square = 0, neighbours = 0, n = DRAWS;
    for (size_t i = 0; i < DRAWS; i++) {
        mean += x[i] / n;
        square += (double)x[i] * x[i] / n;
        neighbours += i > 0 ? (double)x[i] * x[i - 1] / n : 0;
    }
    printf("%s: mean %+.5f, variance %.5f (law %.5f), neighbours %+.5f\n", what, mean,
           square, variance, neighbours / variance);
    assert_true(fabs(mean) < 5 * sqrt(variance / n));
    assert_true(fabs(square - variance) < 5 * sqrt((fourth - variance * variance) / n));
    assert_true(fabs(neighbours / variance) < 5 / sqrt(n));
}

static void test_ternary(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("ternary");
    int32_t *x = draw(bh_sample_ternary, test_rng_next(&rng));
    uint64_t counts[3] = {0};
    const double expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0};
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(x[i] + 1, 0, 2);
        counts[x[i] + 1]++;
    }
    check_moments("ternary", x, 2.0 / 3, 2.0 / 3);
    double chi = stats_chi_square(counts, expected, 3);
    printf("ternary: chi-square %.1f, limit %.1f\n", chi, stats_chi_square_limit(2));
    assert_true(chi < stats_chi_square_limit(2));
    bh_free(x);
}

static void test_error(void **state)
{
    (void)state;
    enum { COINS = 2 * BH_SAMPLE_ERROR_COINS, VALUES = COINS + 1 };
    test_rng rng = test_rng_new("error");
    int32_t *x = draw(sample_error, test_rng_next(&rng));
    uint64_t counts[VALUES] = {0}, kept[VALUES];
    double expected[VALUES], kept_expected[VALUES];
    size_t n_kept = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(x[i] + BH_SAMPLE_ERROR_COINS, 0, COINS);
        counts[x[i] + BH_SAMPLE_ERROR_COINS]++;
    }
    expected[0] = ldexp(DRAWS, -COINS); // DRAWS binomial(42, i) / 2^42
    for (size_t i = 1; i < VALUES; i++) {
        expected[i] = expected[i - 1] * (double)(VALUES - i) / (double)i;
    }
    for (size_t i = 0; i < VALUES; i++) { // values too rare for the statistic are left
        if (expected[i] >= 20) {
            kept[n_kept] = counts[i];
            kept_expected[n_kept++] = expected[i];
        }
    }
    double variance =
        COINS / 4.0; // fourth moment of a centred binomial: n (3 n - 2) / 16
    check_moments("error", x, variance, COINS * (3.0 * COINS - 2) / 16);
    assert_true(fabs(BH_SAMPLE_ERROR_DEV * BH_SAMPLE_ERROR_DEV - variance) < 1e-12);
    double chi = stats_chi_square(kept, kept_expected, n_kept);
    printf("error: chi-square %.1f over %zu values, limit %.1f\n", chi, n_kept,
           stats_chi_square_limit(n_kept));
    assert_true(chi < stats_chi_square_limit(n_kept));
    bh_free(x);
}

// Digit d of a word's fraction in base 3.
static int32_t digit(uint64_t word, size_t d)
{
    for (; d > 0; d--) {
        word *= 3;
    }
    return (int32_t)((ref_u128)word * 3 >> 64) - 1;
}

static void check_ternary(const bh_ring *ring, uint64_t number)
{
    int32_t got[N];
    uint64_t words[8];
    bh_stream *s = open_stream(number);
    assert_ok(bh_sample_ternary(ring, got, s));
    bh_stream_free(s);
    s = open_stream(number);
    for (size_t i = 0; i < ring->n; i++) {
        if (i % 64 == 0) {
            assert_ok(bh_stream_read(s, words, sizeof words));
        }
        assert_int_equal(got[i], digit(words[i % 8], i % 64 / 8));
    }
    bh_stream_free(s);
}

static void check_error(const bh_ring *ring, size_t n, uint64_t number)
{
    int32_t got[N];
    bh_stream *s = open_stream(number);
    assert_ok(bh_sample_error(ring, got, n, s));
    bh_stream_free(s);
    s = open_stream(number);
    for (size_t i = 0; i < n; i++) { // coins 0 .. 41 of six bytes
        uint8_t bytes[6];
        int32_t heads = 0;
        assert_ok(bh_stream_read(s, bytes, sizeof bytes));
        for (size_t coin = 0; coin < 2 * BH_SAMPLE_ERROR_COINS; coin++) {
            heads += (int32_t)ref_packed_bit(bytes, coin);
        }
        assert_int_equal(got[i], heads - BH_SAMPLE_ERROR_COINS);
    }
    bh_stream_free(s);
}

// a = 0 gets numbers in [-F, F), the same modulo both primes.
static void check_flood(const bh_ring *ring, size_t n, unsigned log2_f, uint64_t number)
{
    const size_t chunk = 512;
    const ref_i128 f = (ref_i128)1 << log2_f;
    uint64_t *a = bh_poly_new(ring), words[2 * 512];
    bh_stream *s = open_stream(number);
    assert_ok(bh_sample_flood(ring, a, n, log2_f, s));
    bh_stream_free(s);
    s = open_stream(number);
    for (size_t i = 0; i < n; i++) {
        size_t len = n - i / chunk * chunk < chunk ? n % chunk : chunk;
        if (i % chunk == 0) {
            assert_ok(bh_stream_read(s, words, 2 * len * sizeof words[0]));
        }
        ref_u128 x = ((ref_u128)words[len + i % chunk] << 46) |
                     (words[i % chunk] & ((UINT64_C(1) << 46) - 1));
        ref_i128 v = (ref_i128)(x & (2 * (ref_u128)f - 1)) - f;
        for (size_t p = 0; p < ring->n_primes; p++) {
            ref_i128 q = (ref_i128)ring->ntt[p].mod.q;
            assert_int_equal(bh_poly_row(ring, a, p)[i], (uint64_t)((v % q + q) % q));
        }
    }
    bh_stream_free(s);
    bh_free(a);
}

// A secret uniform one takes the words that a public one does.
static void check_secret_uniform(const bh_ring *ring, size_t n, uint64_t number)
{
    uint64_t *a = bh_poly_new(ring), word;
    bh_stream *s = open_stream(number);
    assert_ok(bh_sample_uniform(ring, a, n, s));
    bh_stream_free(s);
    s = open_stream(number);
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        for (size_t i = 0; i < n; i++) {
            do {
                assert_ok(bh_stream_read(s, &word, sizeof word));
                word &= (UINT64_C(1) << m->bits) - 1;
            } while (word >= m->q);
            assert_int_equal(bh_poly_row(ring, a, p)[i], word);
        }
        for (size_t i = n; i < ring->n; i++) {
            assert_int_equal(bh_poly_row(ring, a, p)[i], 0);
        }
    }
    bh_stream_free(s);
    bh_free(a);
}

// Where 37 % of the words are skipped, and where hardly one is.
static void test_secret_uniform(void **state)
{
    (void)state;
    static const uint64_t rejects[] = {40961}, one[] = {70367133564929};
    test_rng rng = test_rng_new("secret uniform");
    for (size_t k = 0; k < 3; k++) {
        bh_ring ring;
        const uint64_t *primes = k == 0 ? rejects : k == 1 ? one : two;
        assert_ok(bh_ring_init(&ring, 2048, primes, k == 2 ? 2 : 1, NULL));
        for (size_t n = 0; n <= ring.n; n += n < 70 ? 1 : 653) {
            check_secret_uniform(&ring, n, test_rng_next(&rng));
        }
        check_secret_uniform(&ring, ring.n, test_rng_next(&rng));
        bh_ring_clear(&ring);
    }
}

// The same streams read by hand, by every variant.
static void test_definitions(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("definitions");
    const bh_kernels *k;
    for (size_t at = 0; (k = variants_next(&at)) != NULL;) {
        for (size_t n = 8; n <= N; n *= 2) {
            bh_ring ring;
            if (!variants_fits(k, n, two[0])) {
                continue;
            }
            assert_ok(bh_ring_init(&ring, n, two, 2, k));
            check_ternary(&ring, test_rng_next(&rng));
            for (size_t len = n < 64 ? 1 : n - 7; len <= n; len++) {
                check_error(&ring, len, test_rng_next(&rng));
                check_flood(&ring, len, 45 + (unsigned)test_rng_below(&rng, 46),
                            test_rng_next(&rng));
            }
            bh_ring_clear(&ring);
        }
    }
}

static void check_uniform(const uint64_t *primes, size_t n_primes, uint64_t number)
{
    enum { BINS = 64 };
    bh_ring ring;
    assert_ok(bh_ring_init(&ring, N, primes, n_primes, NULL));
    uint64_t *a = bh_poly_new(&ring), counts[BINS] = {0};
    double expected[BINS];
    bh_stream *s = open_stream(number), *by_hand = open_stream(number);
    for (size_t k = 0; k < 16; k++) {
        assert_ok(bh_sample_uniform_vartime(&ring, a, s));
        for (size_t i = 0; i < N * n_primes; i++) {
            const bh_modulus *m = &ring.ntt[i / N].mod;
            uint64_t got = bh_poly_row(&ring, a, i / N)[i % N], word;
            do {
                assert_ok(bh_stream_read(by_hand, &word, sizeof word));
                word &= (UINT64_C(1) << m->bits) - 1;
            } while (word >= m->q);
            assert_int_equal(got, word);
            counts[(ref_u128)got * BINS / m->q]++;
        }
    }
    for (size_t i = 0; i < BINS; i++) {
        expected[i] = 16.0 * N * (double)n_primes / BINS;
    }
    double chi = stats_chi_square(counts, expected, BINS);
    printf("uniform, q = %llu: chi-square %.1f, limit %.1f\n",
           (unsigned long long)primes[0], chi, stats_chi_square_limit(BINS - 1));
    assert_true(chi < stats_chi_square_limit(BINS - 1));
    bh_stream_free(by_hand);
    bh_stream_free(s);
    bh_free(a);
    bh_ring_clear(&ring);
}

static void test_uniform(void **state)
{
    (void)state;
    static const uint64_t rejects[] = {40961}; // 37 % of 16-bit words are not below it
    test_rng rng = test_rng_new("uniform");
    check_uniform(two, 2, test_rng_next(&rng));
    check_uniform(rejects, 1, test_rng_next(&rng));
}

// Pins what both sides expand: label encoding, hash, cipher, rejection, root's choice.
// tests/oracle/uniform.py recomputes the numbers without this library.
static void check_wire_format(const char *set, const char *want,
                              const uint64_t roots[BH_RING_PRIMES_MAX])
{
    bh_he *he;
    bh_uniform uniform;
    uint8_t hash[32], transcript[32], seed[32];
    char text[65];
    for (size_t i = 0; i < 32; i++) {
        transcript[i] = (uint8_t)i;
        seed[i] = (uint8_t)(0x80 + i);
    }
    assert_ok(bh_uniform_init(&uniform, transcript, seed));
    assert_ok(bh_he_new(&he, set, NULL));
    size_t bytes = bh_he_poly_bytes(he);
    uint8_t *packed = bh_alloc(2 * bytes, 1);
    uint64_t *a = bh_poly_new(&he->ring);
    bh_stream *stream;
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_he_expand_uniform(he, a, stream, uniform.public_key, 0));
    bh_he_pack_poly(he, packed, a);
    assert_ok(bh_he_expand_uniform(he, a, stream, uniform.upload, 5));
    bh_stream_free(stream);
    bh_he_pack_poly(he, packed + bytes, a);
    assert_ok(bh_hash(hash, packed, 2 * bytes, NULL, 0));
    for (size_t i = 0; i < 32; i++) {
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    assert_string_equal(text, want);
    for (size_t p = 0; p < he->ring.n_primes; p++) {
        assert_int_equal(he->ring.ntt[p].psi, roots[p]);
    }
    bh_free(a);
    bh_free(packed);
    bh_he_free(he);
}

static void test_wire_format(void **state)
{
    (void)state;
    check_wire_format(
        "n4096", "b400e8062a7eb2554fa5cbe1004a46ebac94c31fd3b564c6d1d9c32c6be9f427",
        (uint64_t[]){10074284903, 5813319370});
    check_wire_format(
        "n2048", "d463b96a5b282ad915f44fa0a78fe7e5eb73ce71553626a7d477588986af8338",
        (uint64_t[]){19368377211, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ternary),        cmocka_unit_test(test_error),
        cmocka_unit_test(test_definitions),    cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_secret_uniform), cmocka_unit_test(test_wire_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
