// SPDX-License-Identifier: Apache-2.0
// Our side of the comparison with Microsoft SEAL (tests/oracle/seal.js is the other):
//   seal_bridge make DIR    writes a key, ciphertexts and what they hold
//   seal_bridge check DIR   decrypts what SEAL encrypted under that key
// Files are rows of little-endian 64-bit words, as SEAL keeps them: keys transformed,
// ciphertexts as coefficients, one row per prime.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "ring/ntt.h"
#include "support/he_pair.h"

enum { N = 4096, N_T = 4 };
static const unsigned t_bits_of[N_T] = {2, 8, 21, 26};
// SEAL keeps the last prime for key switching; no ciphertext is modulo it.
static const uint64_t special_prime = 40961;

static void die(const char *what)
{
    fprintf(stderr, "seal_bridge: %s\n", what);
    exit(1);
}

static FILE *open_file(const char *dir, const char *name, unsigned l, const char *mode)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%u", dir, name, l);
    FILE *f = fopen(path, mode);
    if (f == NULL) {
        die(path);
    }
    return f;
}

static void put(FILE *f, const void *words, size_t len)
{
    if (fwrite(words, 8, len, f) != len) {
        die("cannot write");
    }
}

static void get(FILE *f, void *words, size_t len)
{
    if (fread(words, 8, len, f) != len) {
        die("a file from seal.js is too short");
    }
}

static void put_poly(const he_pair *c, FILE *f, const uint64_t *a)
{
    for (size_t p = 0; p < c->he->ring.n_primes; p++) {
        put(f, bh_poly_row_const(&c->he->ring, a, p), N);
    }
}

static void get_poly(const he_pair *c, FILE *f, uint64_t *a)
{
    for (size_t p = 0; p < c->he->ring.n_primes; p++) {
        get(f, bh_poly_row(&c->he->ring, a, p), N);
    }
}

static void put_key(const he_pair *c, const char *dir)
{
    FILE *f = open_file(dir, "key", 0, "wb");
    bh_ntt ntt;
    uint64_t *row = bh_alloc(N, sizeof *row);
    put_poly(c, f, c->sk->s_hat);
    assert_ok(bh_ntt_init(&ntt, special_prime, N, &bh_kernels_portable));
    bh_kernels_portable.ntt_forward_small(&ntt, row, c->sk->s);
    bh_kernels_portable.reduce(&ntt.mod, row, N);
    put(f, row, N);
    bh_ntt_clear(&ntt);
    bh_free(row);
    fclose(f);
    f = open_file(dir, "secret", 0, "wb"); // for `check`, as small numbers
    for (size_t i = 0; i < N; i++) {
        int64_t s = c->sk->s[i];
        put(f, &s, 1);
    }
    fclose(f);
}

static void put_ciphertext(const he_pair *c, const char *dir, const char *name,
                           unsigned l, const uint64_t *c0, const uint64_t *c1,
                           const int64_t *message)
{
    FILE *f = open_file(dir, name, l, "wb");
    put_poly(c, f, c0);
    put_poly(c, f, c1);
    put(f, message, N);
    fclose(f);
}

// A fresh encryption, and a sanitised product with sparse weights.
static void make_case(he_pair *c, const char *dir, unsigned l)
{
    const bh_ring *ring = &c->he->ring;
    int64_t half = INT64_C(1) << (l - 1), message[N], product[N];
    int32_t weights[N];
    for (size_t i = 0; i < N; i++) {
        message[i] = test_rng_range(&c->rng, -half, half - 1);
        weights[i] = (int32_t)test_rng_range(&c->rng, -127, 127);
    }
    bh_upload *upload = he_pair_upload(c, message, l);
    uint64_t *c0 = bh_poly_new(ring), *c1 = bh_poly_new(ring);
    he_pair_to_coefficients(c, c0, upload->c0);
    he_pair_to_coefficients(c, c1, upload->c1);
    put_ciphertext(c, dir, "upload", l, c0, c1, message);
    he_pair_ask(c, upload, weights, l);
    he_pair_integer_product(product, message, weights, N);
    put_ciphertext(c, dir, "answer", l, c->c0, c->c1, product);
    bh_free(c1);
    bh_free(c0);
    bh_upload_free(upload);
}

static void make(const char *dir)
{
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("seal_bridge make"));
    put_key(&c, dir);
    for (size_t i = 0; i < N_T; i++) {
        make_case(&c, dir, t_bits_of[i]);
    }
    he_pair_tear_down(&c);
}

// Replaces the drawn key by the one of `make`; the public key goes with it.
static void take_key(he_pair *c, const char *dir)
{
    FILE *f = open_file(dir, "secret", 0, "rb");
    const bh_ring *ring = &c->he->ring;
    for (size_t i = 0; i < N; i++) {
        int64_t s;
        get(f, &s, 1);
        c->sk->s[i] = (int32_t)s;
    }
    fclose(f);
    bh_poly_forward_small(ring, c->sk->s_hat, c->sk->s);
    bh_poly_reduce(ring, c->sk->s_hat);
    for (size_t p = 0; p < ring->n_primes; p++) {
        uint64_t q = ring->ntt[p].mod.q;
        uint64_t r = ref_pow(2, ring->kernels->factor_log2, q);
        for (size_t i = p * ring->stride; i < p * ring->stride + N; i++) {
            c->sk->minus_s_hat_r[i] = (q - ref_mul(c->sk->s_hat[i], r, q)) % q;
        }
    }
    uint8_t *p0 = bh_alloc(bh_he_poly_bytes(c->he), 1);
    bh_public_key_free(c->pk);
    assert_ok(bh_public_key_make(c->sk, p0));
    assert_ok(bh_public_key_load(&c->pk, c->he, p0, &c->uniform));
    bh_free(p0);
}

static void expect_equal(const int64_t *got, const int64_t *want, unsigned l,
                         const char *what)
{
    int64_t mask = (INT64_C(1) << l) - 1;
    for (size_t i = 0; i < N; i++) {
        if (((got[i] - want[i]) & mask) != 0) {
            fprintf(stderr, "%s, l = %u, coefficient %zu: %lld, expected %lld\n", what,
                    l, i, (long long)got[i], (long long)want[i]);
            exit(1);
        }
    }
}

// SEAL's ciphertext by its exact phase, then as an upload through a whole answer.
static void check_case(he_pair *c, const char *dir, const char *name, unsigned l)
{
    const bh_ring *ring = &c->he->ring;
    bh_upload upload = {bh_poly_new(ring), bh_poly_new(ring)};
    int64_t message[N], got[N], product[N];
    int32_t weights[N];
    ref_i128 phase[N], noise, largest = 0;
    FILE *f = open_file(dir, name, l, "rb");
    get_poly(c, f, upload.c0);
    get_poly(c, f, upload.c1);
    get(f, message, N);
    fclose(f);
    he_pair_phase(c, phase, upload.c0, upload.c1);
    for (size_t i = 0; i < N; i++) {
        got[i] = he_pair_decode(c, phase[i], l, &noise);
        noise = noise < 0 ? -noise : noise;
        largest = noise > largest ? noise : largest;
        weights[i] = (int32_t)test_rng_range(&c->rng, -127, 127);
    }
    printf("%s, l = %u: largest noise 2^%.1f of 2^%.1f\n", name, l,
           log2((double)largest), ring->log2_q - l - 1);
    expect_equal(got, message, l, name);
    bh_poly_forward(ring, upload.c0);
    bh_poly_forward(ring, upload.c1);
    bh_poly_reduce(ring, upload.c0);
    bh_poly_reduce(ring, upload.c1);
    he_pair_ask(c, &upload, weights, l);
    he_pair_integer_product(product, message, weights, N);
    assert_ok(bh_decrypt(c->sk, got, c->work, c->bytes, c->places, N, l));
    expect_equal(got, product, l, "answer to SEAL's ciphertext");
    bh_free(upload.c0);
    bh_free(upload.c1);
}

static void check(const char *dir)
{
    he_pair c;
    he_pair_set_up(&c, "n4096", test_rng_new("seal_bridge check"));
    take_key(&c, dir);
    for (size_t i = 0; i < N_T; i++) {
        check_case(&c, dir, "secret-key", t_bits_of[i]);
        check_case(&c, dir, "public-key", t_bits_of[i]);
    }
    he_pair_tear_down(&c);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0) {
        make(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "check") == 0) {
        check(argv[2]);
    } else {
        die("usage: seal_bridge make|check DIR");
    }
    return 0;
}
