// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by valgrind: secrets count as uninitialised memory, so that a
// branch or an address that depends on one is reported as an error.
//
//   ct_he             a whole exchange for every kernel variant; no report may appear
//   ct_he control     a branch on a coefficient of the key: a report must appear
//
// Secrets: what bh_random_bytes gives (src/base/random.c marks it), hence keys, errors
// and every sanitising stream; messages, weights and biases (marked here). valgrind
// follows them through OpenSSL's SHA-256 and AES, which need no suppression. It cannot
// see instructions of variable latency, nor run AVX-512.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"

enum { N = 4096, T_BITS = 26, N_PLACES = 500 };

typedef struct exchange {
    bh_he *he;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_upload *upload;
    bh_workspace *work;
    bh_uniform uniform; // public
    uint8_t *sent, *out, seed[32];
    int64_t message[N], values[N_PLACES];
    int32_t weights[N], bias[N_PLACES];
    uint32_t places[N_PLACES];
} exchange;

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "ct_he: %s\n", what);
        exit(2);
    }
}

// Whether memcheck holds any bit of these bytes for undefined; itself no error.
static int is_secret(const void *data, size_t len)
{
    unsigned char any = 0, bits[1 << 16];
    check(len <= sizeof bits, "too long to ask for");
    check(VALGRIND_GET_VBITS(data, bits, len) == 1, "not under valgrind");
    for (size_t i = 0; i < len; i++) {
        any |= bits[i];
    }
    return any != 0;
}

static void prepare(exchange *x)
{
    static const uint8_t transcript[32] = {1}, seed[32] = {2};
    check(bh_uniform_init(&x->uniform, transcript, seed) == BH_OK, "uniform");
    for (size_t i = 0; i < N; i++) {
        x->message[i] = (int64_t)(i % 256);
        x->weights[i] = (int32_t)(i % 255) - 127;
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        x->places[i] = (uint32_t)(7 * i);
        x->bias[i] = (int32_t)i;
    }
    BH_SECRET(x->message, sizeof x->message);
    BH_SECRET(x->weights, sizeof x->weights);
    BH_SECRET(x->bias, sizeof x->bias);
}

static void client_sends(exchange *x)
{
    check(bh_workspace_new(&x->work, x->he) == BH_OK, "workspace");
    check(bh_secret_key_new(&x->sk, x->he) == BH_OK, "key");
    check(is_secret(x->sk->s, N) && is_secret(x->sk->s_hat, N), "the key is marked");
    size_t bytes = bh_he_poly_bytes(x->he);
    x->sent = bh_alloc(bytes, 1);
    check(bh_public_key_make(x->sk, x->sent, &x->uniform) == BH_OK, "public key");
    check(!is_secret(x->sent, bytes), "the public key is public");
    check(bh_public_key_load(&x->pk, x->he, x->sent, &x->uniform) == BH_OK, "load");
    check(bh_encrypt(x->sk, x->sent, x->work, &x->uniform, 1, x->message, T_BITS) ==
              BH_OK,
          "encrypt");
    check(!is_secret(x->sent, bytes), "a ciphertext is public");
    check(bh_upload_new(&x->upload, x->he) == BH_OK, "upload");
    check(bh_upload_load(x->upload, x->work, x->sent, &x->uniform, 1) == BH_OK, "load");
}

static void server_answers(exchange *x)
{
    check(bh_random_bytes(x->seed, sizeof x->seed) == BH_OK, "seed");
    check(is_secret(x->seed, sizeof x->seed), "the seed is marked");
    bh_answer_keys keys;
    check(bh_answer_keys_init(&keys, x->seed) == BH_OK, "keys");
    check(is_secret(&keys, sizeof keys), "the keys are marked");
    bh_answer_options f = {.places = x->places,
                           .bias = x->bias,
                           .n_places = N_PLACES,
                           .t_bits = T_BITS,
                           .keys = &keys};
    size_t bytes = bh_he_answer_bytes(x->he, N_PLACES, T_BITS);
    x->out = bh_alloc(bytes, 1);
    bh_answer_begin(x->work);
    check(bh_answer_add_product(x->work, x->upload, x->weights) == BH_OK, "product");
    check(is_secret(x->work->factors[0], N * 8), "a product is marked");
    check(bh_answer_finish(x->work, x->out, x->pk, &f) == BH_OK, "finish");
    check(!is_secret(x->out, bytes), "a sanitised answer is public");
}

// The result is the client's secret until the test looks at it.
static void client_decrypts(exchange *x)
{
    check(bh_decrypt(x->sk, x->values, x->work, x->out, x->places, N_PLACES, T_BITS) ==
              BH_OK,
          "decrypt");
    check(is_secret(x->values, sizeof x->values), "what was decrypted is marked");
    BH_DECLASSIFY(x->values, sizeof x->values);
    BH_DECLASSIFY(x->message, sizeof x->message);
    BH_DECLASSIFY(x->weights, sizeof x->weights);
    BH_DECLASSIFY(x->bias, sizeof x->bias);
    int64_t want = x->bias[0]; // place 0 of the negacyclic product
    for (size_t j = 0; j < N; j++) {
        int64_t product = x->weights[j] * x->message[(N - j) % N];
        want += j == 0 ? product : -product;
    }
    check(((x->values[0] - want) & ((1 << T_BITS) - 1)) == 0, "the value is right");
}

static void run(const char *kernels)
{
    exchange *x = bh_alloc(1, sizeof *x);
    setenv("BH_CPU", kernels, 1);
    check(bh_he_new(&x->he, "n4096", NULL) == BH_OK, "set");
    prepare(x);
    client_sends(x);
    server_answers(x);
    client_decrypts(x);
    bh_workspace_free(x->work);
    bh_upload_free(x->upload);
    bh_public_key_free(x->pk);
    bh_secret_key_free(x->sk);
    bh_he_free(x->he);
    bh_free(x->sent);
    bh_free(x->out);
    bh_free(x);
    printf("%s: an exchange, constant time\n", kernels);
}

static void control(void)
{
    bh_he *he;
    bh_secret_key *sk;
    check(bh_he_new(&he, "n4096", NULL) == BH_OK, "set");
    check(bh_secret_key_new(&sk, he) == BH_OK, "key");
    if (sk->s[0] == 1) {
        printf("a branch on the key\n");
    }
    bh_secret_key_free(sk);
    bh_he_free(he);
}

int main(int argc, char **argv)
{
    if (!RUNNING_ON_VALGRIND) {
        printf("skipped: not under valgrind\n");
        return 77;
    }
    if (argc == 2 && strcmp(argv[1], "control") == 0) {
        control();
        return 0;
    }
    int usable;
    for (size_t i = 0; bh_kernels_get(i, &usable) != NULL; i++) {
        const bh_kernels *k = bh_kernels_get(i, &usable);
        if (usable) {
            run(k->name);
        } else {
            printf("skipped: %s does not run under valgrind\n", k->name);
        }
    }
    return 0;
}
