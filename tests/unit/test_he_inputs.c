// SPDX-License-Identifier: Apache-2.0
// R7 and R8: uniform parts depend on everything they should, what a peer sends is
// range-checked, misuse is refused.
#include <string.h>

#include "base/memory.h"
#include "support/he_pair.h"

// 32 bytes that stand for a uniform part.
static void digest(const bh_he *he, uint8_t out[32], const uint8_t key[32],
                   uint64_t counter)
{
    uint64_t *a = bh_poly_new(&he->ring);
    bh_stream *stream;
    assert_ok(bh_stream_new(&stream));
    assert_ok(bh_he_expand_uniform(he, a, stream, key, counter));
    bh_stream_free(stream);
    assert_ok(bh_hash(out, a, he->ring.poly_words * sizeof *a, NULL, 0));
    bh_free(a);
}

// Every bit of transcript and seed, every byte of the counter and the purpose matter:
// nobody can steer a uniform part, and none occurs twice.
static void test_uniform_parts(void **state)
{
    (void)state;
    enum { MAX = 600 };
    static uint8_t seen[MAX][32];
    size_t n_seen = 0;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("uniform parts"));
    uint8_t transcript[32], seed[32];
    bh_uniform u;
    for (size_t i = 0; i < 32; i++) {
        transcript[i] = (uint8_t)test_rng_next(&c.rng);
        seed[i] = (uint8_t)test_rng_next(&c.rng);
    }
    assert_ok(bh_uniform_init(&u, transcript, seed));
    digest(c.he, seen[n_seen++], u.upload, 0);
    digest(c.he, seen[n_seen++], u.public_key, 0);
    for (size_t bit = 0; bit < 64; bit++) {
        digest(c.he, seen[n_seen++], u.upload, UINT64_C(1) << bit);
    }
    for (size_t bit = 0; bit < 512; bit++) {
        uint8_t *flipped = bit < 256 ? &transcript[bit / 8] : &seed[bit / 8 - 32];
        *flipped ^= (uint8_t)(1 << bit % 8);
        assert_ok(bh_uniform_init(&u, transcript, seed));
        digest(c.he, seen[n_seen++], u.upload, 0);
        *flipped ^= (uint8_t)(1 << bit % 8);
    }
    assert_ok(bh_uniform_init(&u, seed, transcript)); // exchanged
    digest(c.he, seen[n_seen++], u.upload, 0);
    for (size_t i = 0; i < n_seen; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(seen[i], seen[j], 32);
        }
    }
    printf("%zu uniform parts, all different\n", n_seen);
    assert_ok(bh_uniform_init(&u, transcript, seed));
    digest(c.he, seen[1], u.upload, 0);
    assert_memory_equal(seen[0], seen[1], 32); // and a function of those alone
    he_pair_tear_down(&c);
}

// Loading takes the uniform part from the transcript, not from the peer: the same bytes
// under another transcript or counter are another ciphertext.
static void test_loaded_parts(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("loaded parts"));
    size_t words = c.he->ring.poly_words;
    uint8_t *zeroes = bh_alloc(bh_he_poly_bytes(c.he), 1);
    uint64_t *nothing = bh_poly_new(&c.he->ring);
    bh_upload *u[2];
    bh_public_key *pk;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(bh_upload_new(&u[i], c.he));
        assert_ok(bh_upload_load(u[i], c.work, zeroes, &c.uniform, 1 + i));
    }
    assert_ok(bh_public_key_load(&pk, c.he, zeroes, &c.uniform));
    assert_memory_equal(u[0]->c0, nothing, words * 8); // a client may choose these
    assert_memory_not_equal(u[0]->c1, u[1]->c1, words * 8);
    assert_memory_not_equal(u[0]->c1, pk->p1, words * 8);
    for (size_t i = 0; i < 2; i++) {
        size_t zero = 0;
        for (size_t k = 0; k < c.he->ring.n; k++) {
            zero += u[i]->c1[k] == 0;
        }
        assert_true(zero < 2);
        bh_upload_free(u[i]);
    }
    bh_public_key_free(pk);
    bh_free(nothing);
    bh_free(zeroes);
    he_pair_tear_down(&c);
}

static bh_status load_both(he_pair *c, const uint8_t *bytes)
{
    bh_upload *upload;
    bh_public_key *pk = (bh_public_key *)c;
    assert_ok(bh_upload_new(&upload, c->he));
    bh_status first = bh_upload_load(upload, c->work, bytes, &c->uniform, 0);
    bh_status second = bh_public_key_load(&pk, c->he, bytes, &c->uniform);
    assert_int_equal(first, second);
    if (first != BH_OK) {
        assert_null(pk);
    }
    bh_upload_free(upload);
    bh_public_key_free(pk);
    return first;
}

// q and 2^46 - 1 for each prime, at the first, a middle and the last place: refused;
// q - 1 there: taken.
static void test_ranges(void **state)
{
    he_pair c;
    he_pair_set_up(&c, *state, test_rng_new("ranges"));
    const bh_ring *ring = &c.he->ring;
    const size_t places[] = {0, 1 + test_rng_below(&c.rng, ring->n - 2), ring->n - 1};
    uint64_t *a = bh_poly_new(ring);
    uint8_t *bytes = bh_alloc(bh_he_poly_bytes(c.he), 1);
    for (size_t p = 0; p < ring->n_primes; p++) {
        const bh_modulus *m = &ring->ntt[p].mod;
        for (size_t k = 0; k < 3; k++) {
            uint64_t *word = &bh_poly_row(ring, a, p)[places[k]];
            const uint64_t bad[] = {m->q, (UINT64_C(1) << m->bits) - 1};
            for (size_t i = 0; i < 2; i++) {
                *word = bad[i];
                bh_he_pack_poly(c.he, bytes, a);
                assert_status(load_both(&c, bytes), BH_ERR_ENCODING);
            }
            *word = m->q - 1;
            bh_he_pack_poly(c.he, bytes, a);
            assert_ok(load_both(&c, bytes));
        }
    }
    memset(bytes, 0xff, bh_he_poly_bytes(c.he));
    assert_status(load_both(&c, bytes), BH_ERR_ENCODING);
    bh_free(bytes);
    bh_free(a);
    he_pair_tear_down(&c);
}

static bh_status finish(he_pair *c, const uint32_t *places, size_t n, unsigned t_bits)
{
    assert_ok(bh_answer_keys_init(&c->keys, c->seed));
    bh_answer_options f = {.places = places,
                           .bias = c->bias,
                           .n_places = n,
                           .t_bits = t_bits,
                           .keys = &c->keys};
    return bh_answer_finish(c->work, c->bytes, c->pk, &f);
}

static void test_misuse(void **state)
{
    (void)state;
    static const int32_t w[256] = {1};
    static const int64_t m[256];
    static const uint32_t twice[] = {3, 3}, falling[] = {3, 2}, outside[] = {3, 256};
    const uint32_t *bad[] = {twice, falling, outside};
    int64_t values[2];
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("misuse"));
    bh_upload *upload = he_pair_upload(&c, m, 8);
    bh_answer_begin(c.work);
    for (size_t i = 0; i < 3; i++) {
        assert_status(finish(&c, bad[i], 2, 8), BH_ERR_ARG);
        assert_status(bh_decrypt(c.sk, values, c.work, c.bytes, bad[i], 2, 8),
                      BH_ERR_ARG);
    }
    assert_status(finish(&c, c.places, 2, BH_T_BITS_MIN - 1), BH_ERR_ARG);
    assert_status(finish(&c, c.places, 2, BH_T_BITS_MAX + 1), BH_ERR_ARG);
    assert_status(
        bh_decrypt(c.sk, values, c.work, c.bytes, c.places, 2, BH_T_BITS_MAX + 1),
        BH_ERR_ARG);
    assert_status(bh_encrypt(c.sk, c.bytes, c.work, 9, m, BH_T_BITS_MAX + 1),
                  BH_ERR_ARG);
    // 4095 products and no more, and all of them decrypt
    for (size_t i = 0; i < 4095; i++) {
        assert_ok(bh_answer_add_product(c.work, upload, w));
    }
    assert_status(bh_answer_add_product(c.work, upload, w), BH_ERR_STATE);
    assert_ok(finish(&c, c.places, 2, 8));
    assert_ok(bh_decrypt(c.sk, values, c.work, c.bytes, c.places, 2, 8));
    assert_int_equal(values[0], 0);
    // an answer is finished once
    assert_status(finish(&c, c.places, 2, 8), BH_ERR_STATE);
    assert_status(bh_answer_add_product(c.work, upload, w), BH_ERR_STATE);
    bh_answer_begin(c.work);
    assert_ok(finish(&c, c.places, 0, 8));
    // encrypting or decrypting ends an answer
    bh_answer_begin(c.work);
    assert_ok(bh_decrypt(c.sk, values, c.work, c.bytes, c.places, 0, 8));
    assert_status(finish(&c, c.places, 2, 8), BH_ERR_STATE);
    bh_answer_begin(c.work);
    uint8_t *c0 = bh_alloc(bh_he_poly_bytes(c.he), 1);
    assert_ok(bh_encrypt(c.sk, c0, c.work, 10, m, 8));
    bh_free(c0);
    assert_status(bh_answer_add_product(c.work, upload, w), BH_ERR_STATE);
    assert_status(finish(&c, c.places, 2, 8), BH_ERR_STATE);
    bh_upload_free(upload);
    he_pair_tear_down(&c);
}

static void test_sets(void **state)
{
    (void)state;
    bh_he *he = (bh_he *)state;
    bh_error err;
    assert_status(bh_he_new(&he, "n4097", &err), BH_ERR_PARAMS);
    assert_null(he);
    // log2 q = 92 is too much for n = 2048, unless the name says INSECURE
    bh_he_literal literal = {.name = "n2048 of two primes",
                             .n = 2048,
                             .n_primes = 2,
                             .primes = {70367133564929, 70362301726721}};
    assert_status(bh_he_from_literal(&he, &literal, &err), BH_ERR_PARAMS);
    literal.n_primes = 1;
    assert_ok(bh_he_from_literal(&he, &literal, &err));
    bh_he_free(he);
    literal.primes[0] = 1099511480321; // = 1 mod 2n would do for the transform only
    assert_status(bh_he_from_literal(&he, &literal, &err), BH_ERR_PARAMS);
    assert_ok(bh_he_new(&he, "n4096", NULL));
    assert_int_equal(bh_he_security_bits(he), 150);
    assert_true(bh_he_log2_q(he) <= 106);
    assert_false(bh_he_is_masked(he));
    assert_int_equal(bh_he_answer_bytes(he, 100, 24), 4096 * 33 / 8 + 100 * 28 / 8);
    bh_he_free(he);
    assert_ok(bh_he_new(&he, "n2048", NULL));
    assert_int_equal(bh_he_security_bits(he), 137);
    assert_true(bh_he_log2_q(he) > 45 && bh_he_log2_q(he) <= 50);
    assert_true(bh_he_is_masked(he));
    assert_int_equal(bh_he_poly_bytes(he), 11776);
    assert_int_equal(bh_he_answer_bytes(he, 100, 24), 2048 * 34 / 8 + 100 * 30 / 8);
    bh_he_free(he);
}

// However often a client asks for it, a public key has one error: the mean over several
// would be the key itself (R8).
static void test_one_public_key(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("one public key"));
    size_t len = bh_he_poly_bytes(c.he);
    uint8_t *p0[2] = {bh_alloc(len, 1), bh_alloc(len, 1)};
    bh_secret_key *other;
    assert_ok(bh_public_key_make(c.sk, p0[0]));
    assert_ok(bh_public_key_make(c.sk, p0[1]));
    assert_memory_equal(p0[0], p0[1], len);
    assert_ok(bh_secret_key_new(&other, c.he, &c.uniform));
    assert_ok(bh_public_key_make(other, p0[1]));
    assert_memory_not_equal(p0[0], p0[1], len);
    bh_secret_key_free(other);
    const bh_uniform same = {0}; // would share a part between p0 and counter 0
    assert_status(bh_secret_key_new(&other, c.he, &same), BH_ERR_ARG);
    bh_free(p0[0]);
    bh_free(p0[1]);
    he_pair_tear_down(&c);
}

int main(void)
{
    static char n4096[] = "n4096", n2048[] = "n2048";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uniform_parts),
        cmocka_unit_test(test_loaded_parts),
        cmocka_unit_test_prestate(test_ranges, n4096),
        cmocka_unit_test_prestate(test_ranges, n2048),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_one_public_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
