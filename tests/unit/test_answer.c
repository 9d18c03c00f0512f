// SPDX-License-Identifier: Apache-2.0
// An answer is exactly what the equations say, coefficient by coefficient, from the
// same seed: c0 = c0_m W + p0 u + e0 + Delta b + f, c1 = a W + p1 u + e1; masked ones
// have -R in place of Delta b + f, and a share. Statistics could not see that e1 or one
// coefficient's flood is missing; this does. And it decrypts to the right value for
// every t.
#include <string.h>

#include "base/memory.h"
#include "ring/sample.h"
#include "support/he_pair.h"

enum { N = 256, T_BITS = 20, N_PLACES = 100 };

typedef struct trial {
    he_pair c;
    bh_upload *upload;
    int64_t message[N];
    int32_t weights[N], bias[N_PLACES], u[N], e0[N], e1[N];
    uint32_t places[N_PLACES], share[N_PLACES];
    ref_i128 added[N_PLACES]; // Delta b + f, or -R
    uint8_t seed[32];
    bh_answer_options finish;
} trial;

static void set_up(trial *t, const char *set, const char *name)
{
    memset(t, 0, sizeof *t);
    he_pair_set_up(&t->c, set, test_rng_new(name));
    bool masked = bh_he_is_masked(t->c.he);
    for (size_t i = 0; i < N; i++) {
        t->message[i] = test_rng_range(&t->c.rng, 0, 255);
        t->weights[i] = (int32_t)test_rng_range(&t->c.rng, -127, 127);
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        t->places[i] = (uint32_t)(i + i / 2);
        t->bias[i] =
            (int32_t)test_rng_range(&t->c.rng, -(1 << (T_BITS - 1)), 1 << (T_BITS - 1));
    }
    for (size_t i = 0; i < 32; i++) {
        t->seed[i] = (uint8_t)test_rng_next(&t->c.rng);
    }
    t->upload = he_pair_upload(&t->c, t->message, T_BITS);
    t->finish = (bh_answer_options){.places = t->places,
                                    .bias = masked ? NULL : t->bias,
                                    .share = masked ? t->share : NULL,
                                    .n_places = N_PLACES,
                                    .t_bits = T_BITS,
                                    .keys = &t->c.keys,
                                    .number = {3, 5, 7}};
}

static void tear_down(trial *t)
{
    bh_upload_free(t->upload);
    he_pair_tear_down(&t->c);
}

static void answer(trial *t)
{
    assert_ok(bh_answer_keys_init(&t->c.keys, t->seed));
    bh_answer_begin(t->c.work);
    assert_ok(bh_answer_add_product(t->c.work, t->upload, t->weights));
    assert_ok(bh_answer_finish(t->c.work, t->c.bytes, t->c.pk, &t->finish));
}

static bh_stream *open_stream(const trial *t, const char *label)
{
    bh_stream *s;
    bh_stream_key key;
    assert_ok(bh_stream_key_derive(&key, t->seed, label, NULL));
    assert_ok(bh_stream_new(&s));
    // layer 3, sample 5, index 7 of set_up
    assert_ok(bh_stream_start(s, &key, UINT64_C(0x0003000500000007)));
    return s;
}

static void expand_flood(trial *t)
{
    bh_stream *s = open_stream(t, "flooding");
    ref_i128 f = (ref_i128)1 << bh_he_flood_log2(t->c.he, T_BITS);
    ref_i128 delta = (he_pair_q(&t->c) - 1) >> T_BITS;
    uint64_t lo[N_PLACES], hi[N_PLACES]; // fewer than 512: one chunk
    assert_ok(bh_stream_read(s, lo, sizeof lo));
    assert_ok(bh_stream_read(s, hi, sizeof hi));
    for (size_t i = 0; i < N_PLACES; i++) {
        ref_u128 x = ((ref_u128)hi[i] << 46) | (lo[i] & ((UINT64_C(1) << 46) - 1));
        t->added[i] = (ref_i128)(x & (2 * (ref_u128)f - 1)) - f + delta * t->bias[i];
    }
    bh_stream_free(s);
}

// One prime.
static void expand_mask(trial *t)
{
    bh_stream *s = open_stream(t, "mask");
    const bh_modulus *m = &t->c.he->ring.ntt[0].mod;
    uint64_t word;
    for (size_t i = 0; i < N_PLACES; i++) {
        do {
            assert_ok(bh_stream_read(s, &word, sizeof word));
            word &= (UINT64_C(1) << m->bits) - 1;
        } while (word >= m->q);
        t->added[i] = -(ref_i128)word;
    }
    bh_stream_free(s);
}

// The randomness that the answer's seed stands for.
static void expand(trial *t)
{
    bh_stream *s = open_stream(t, "encryption of zero");
    assert_ok(bh_sample_ternary(&t->c.he->ring, t->u, s));
    assert_ok(bh_sample_error(&t->c.he->ring, t->e0, N_PLACES, s));
    assert_ok(bh_sample_error(&t->c.he->ring, t->e1, N, s));
    bh_stream_free(s);
    if (bh_he_is_masked(t->c.he)) {
        expand_mask(t);
    } else {
        expand_flood(t);
    }
}

static uint64_t residue(ref_i128 x, uint64_t q)
{
    return (uint64_t)((x % (ref_i128)q + q) % q);
}

// out = x w + key u modulo prime p, from coefficients.
static void combine(const trial *t, uint64_t *out, const uint64_t *x,
                    const uint64_t *key, size_t p)
{
    const bh_ring *ring = &t->c.he->ring;
    uint64_t q = ring->ntt[p].mod.q, w[N], u[N], xw[N], ku[N];
    for (size_t i = 0; i < N; i++) {
        w[i] = residue(t->weights[i], q);
        u[i] = residue(t->u[i], q);
    }
    ref_negacyclic(xw, bh_poly_row_const(ring, x, p), w, N, q);
    ref_negacyclic(ku, bh_poly_row_const(ring, key, p), u, N, q);
    for (size_t i = 0; i < N; i++) {
        out[i] = (xw[i] + ku[i]) % q;
    }
}

static void check_equations(trial *t)
{
    const bh_ring *ring = &t->c.he->ring;
    uint64_t *x0 = bh_poly_new(ring), *x1 = bh_poly_new(ring);
    uint64_t *p0 = bh_poly_new(ring), *p1 = bh_poly_new(ring), c0[N], c1[N];
    he_pair_to_coefficients(&t->c, x0, t->upload->c0);
    he_pair_to_coefficients(&t->c, x1, t->upload->c1);
    he_pair_to_coefficients(&t->c, p0, t->c.pk->p0);
    he_pair_to_coefficients(&t->c, p1, t->c.pk->p1);
    for (size_t p = 0; p < ring->n_primes; p++) {
        uint64_t q = ring->ntt[p].mod.q;
        combine(t, c0, x0, p0, p);
        combine(t, c1, x1, p1, p);
        for (size_t i = 0; i < N; i++) {
            c1[i] = (c1[i] + residue(t->e1[i], q)) % q;
        }
        for (size_t i = 0; i < N_PLACES; i++) { // only what is sent
            c0[i] = (c0[t->places[i]] + residue(t->added[i] + t->e0[i], q)) % q;
        }
        assert_memory_equal(bh_poly_row(ring, t->c.c0, p), c0, N_PLACES * sizeof c0[0]);
        assert_memory_equal(bh_poly_row(ring, t->c.c1, p), c1, sizeof c1);
    }
    bh_free(p1);
    bh_free(p0);
    bh_free(x1);
    bh_free(x0);
}

static void test_equations(void **state)
{
    trial t;
    set_up(&t, *state, "equations");
    answer(&t);
    expand(&t);
    check_equations(&t);
    // share = t R / q, rounded, but for a tie that is missed by 2^-20
    ref_i128 q = he_pair_q(&t.c);
    for (size_t i = 0; i < N_PLACES && t.finish.share != NULL; i++) {
        ref_i128 x = -t.added[i] * (1 << T_BITS), error = t.share[i] * q - x;
        error += error < -q ? q << T_BITS : 0; // rounded up to t, which is 0
        assert_true(2 * error <= q + (q >> 20) && 2 * error >= -q - (q >> 20));
    }
    tear_down(&t);
}

// Fresh for every ciphertext AND every sample: layer, sample, index and seed change
// every part of the answer.
static void test_fresh(void **state)
{
    trial t;
    set_up(&t, *state, "fresh");
    uint8_t *first = bh_alloc(bh_he_answer_bytes(t.c.he, N_PLACES, T_BITS), 1);
    size_t c1_bytes = bh_he_answer_bytes(t.c.he, 0, T_BITS);
    size_t bytes = bh_he_answer_bytes(t.c.he, N_PLACES, T_BITS);
    answer(&t);
    memcpy(first, t.c.bytes, bytes);
    answer(&t);
    assert_memory_equal(first, t.c.bytes, bytes); // a function of those alone
    uint32_t share[N_PLACES];
    memcpy(share, t.share, sizeof share);
    for (size_t i = 0; i < 4; i++) {
        bh_answer_options kept = t.finish;
        t.finish.number.layer += i == 0;
        t.finish.number.sample += i == 1;
        t.finish.number.index += i == 2;
        t.seed[31] ^= i == 3;
        answer(&t);
        assert_memory_not_equal(first, t.c.bytes, c1_bytes);
        assert_memory_not_equal(first + c1_bytes, t.c.bytes + c1_bytes,
                                bytes - c1_bytes);
        if (t.finish.share != NULL) {
            assert_memory_not_equal(share, t.share, sizeof share);
        }
        t.seed[31] ^= i == 3;
        t.finish = kept;
    }
    bh_free(first);
    tear_down(&t);
}

// Every coefficient of a sum of two products and a bias, for every t.
static void test_products(void **state)
{
    (void)state;
    he_pair c;
    he_pair_set_up(&c, "INSECURE_TEST_n256", test_rng_new("products"));
    for (size_t i = 0; i < 32; i++) {
        c.seed[i] = (uint8_t)test_rng_next(&c.rng);
    }
    assert_ok(bh_answer_keys_init(&c.keys, c.seed));
    for (unsigned t_bits = BH_T_BITS_MIN; t_bits <= BH_T_BITS_MAX; t_bits++) {
        int64_t half = INT64_C(1) << (t_bits - 1), m[2][N], product[2][N], got[N];
        int32_t w[2][N], bias[N];
        bh_upload *u[2];
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < N; i++) {
                bias[i] = (int32_t)test_rng_range(&c.rng, -half, half - 1);
                m[k][i] = test_rng_range(&c.rng, -half, half - 1);
                w[k][i] = (int32_t)test_rng_range(&c.rng, -127, 127);
            }
            u[k] = he_pair_upload(&c, m[k], t_bits);
            he_pair_integer_product(product[k], m[k], w[k], N);
        }
        bh_answer_begin(c.work);
        for (size_t k = 0; k < 2; k++) {
            assert_ok(bh_answer_add_product(c.work, u[k], w[k]));
        }
        bh_answer_options finish = {.places = c.places,
                                    .bias = bias,
                                    .n_places = N,
                                    .t_bits = t_bits,
                                    .keys = &c.keys,
                                    .number = {.layer = t_bits}};
        assert_ok(bh_answer_finish(c.work, c.bytes, c.pk, &finish));
        assert_ok(bh_decrypt(c.sk, got, c.work, c.bytes, c.places, N, t_bits));
        for (size_t i = 0; i < N; i++) {
            int64_t want = product[0][i] + product[1][i] + bias[i], t = 2 * half;
            assert_int_equal(((got[i] - want) % t + t) % t, 0);
            assert_true(got[i] >= -half && got[i] < half);
        }
        bh_upload_free(u[0]);
        bh_upload_free(u[1]);
    }
    he_pair_tear_down(&c);
}

int main(void)
{
    static char flooded[] = "INSECURE_TEST_n256",
                masked[] = "INSECURE_TEST_masked_n256";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_equations, flooded),
        cmocka_unit_test_prestate(test_equations, masked),
        cmocka_unit_test_prestate(test_fresh, flooded),
        cmocka_unit_test_prestate(test_fresh, masked),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
