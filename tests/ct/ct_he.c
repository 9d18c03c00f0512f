// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by a tool (tool.h): a whole exchange between a client and a
// server, with flooded answers and with masked ones; no report may appear.
//
//   ct_he portable | avx2 | avx512
//
// Secrets: what bh_random_bytes gives (src/base/random.c marks it), hence keys, errors
// and every sanitising stream; messages, weights and biases (marked here). That they
// arrive marked where they are used is checked as well: a tool that lost them on the
// way would report nothing.
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "he/internal.h"
#include "tool.h"

enum { N_MAX = 4096, T_BITS = 26, N_PLACES = 290 };

typedef struct exchange {
    bh_he *he;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_upload *upload;
    bh_workspace *work;
    bh_uniform uniform; // public
    uint8_t *sent, *out, seed[32];
    size_t n;
    int64_t message[N_MAX], values[N_PLACES];
    int32_t weights[N_MAX], bias[N_PLACES];
    uint32_t places[N_PLACES], share[N_PLACES];
} exchange;

static void prepare(exchange *x)
{
    static const uint8_t transcript[32] = {1}, seed[32] = {2};
    tool_check(bh_uniform_init(&x->uniform, transcript, seed) == BH_OK, "uniform");
    x->n = bh_he_degree(x->he);
    for (size_t i = 0; i < x->n; i++) {
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

// Every coefficient, modulo every prime.
static int poly_is_secret(const exchange *x, const uint64_t *poly)
{
    const bh_ring *ring = &x->he->ring;
    int all = 1;
    for (size_t p = 0; p < ring->n_primes; p++) {
        all = all && TOOL_ALL(bh_poly_row_const(ring, poly, p), ring->n);
    }
    return all;
}

static void client_sends(exchange *x)
{
    tool_check(bh_workspace_new(&x->work, x->he) == BH_OK, "workspace");
    tool_check(bh_secret_key_new(&x->sk, x->he, &x->uniform) == BH_OK, "key");
    tool_check(TOOL_ALL(x->sk->s, x->n) && poly_is_secret(x, x->sk->s_hat) &&
                   poly_is_secret(x, x->sk->minus_s_hat_r),
               "the key is marked");
    size_t bytes = bh_he_poly_bytes(x->he);
    x->sent = bh_alloc(bytes, 1);
    tool_check(bh_public_key_make(x->sk, x->sent) == BH_OK, "public key");
    tool_check(TOOL_NONE(x->sent, bytes), "the public key is public");
    tool_check(bh_public_key_load(&x->pk, x->he, x->sent, &x->uniform) == BH_OK,
               "load");
    tool_check(bh_encrypt(x->sk, x->sent, x->work, 1, x->message, T_BITS) == BH_OK,
               "encrypt");
    tool_check(TOOL_ALL(x->work->small, x->n), "its errors are marked");
    tool_check(TOOL_NONE(x->sent, bytes), "a ciphertext is public");
    tool_check(bh_upload_new(&x->upload, x->he) == BH_OK, "upload");
    tool_check(bh_upload_load(x->upload, x->work, x->sent, &x->uniform, 1) == BH_OK,
               "load");
}

static void server_answers(exchange *x)
{
    tool_check(bh_random_bytes(x->seed, sizeof x->seed) == BH_OK, "seed");
    tool_check(TOOL_ALL(x->seed, sizeof x->seed), "the seed is marked");
    bh_answer_keys keys;
    tool_check(bh_answer_keys_init(&keys, x->seed) == BH_OK, "keys");
    tool_check(TOOL_ALL((uint8_t *)&keys, sizeof keys), "the keys are marked");
    bool masked = bh_he_is_masked(x->he);
    bh_answer_options f = {.places = x->places,
                           .bias = masked ? NULL : x->bias,
                           .share = masked ? x->share : NULL,
                           .n_places = N_PLACES,
                           .t_bits = T_BITS,
                           .keys = &keys};
    size_t bytes = bh_he_answer_bytes(x->he, N_PLACES, T_BITS);
    x->out = bh_alloc(bytes, 1);
    bh_answer_begin(x->work);
    tool_check(bh_answer_add_product(x->work, x->upload, x->weights) == BH_OK,
               "product");
    tool_check(bh_answer_finish(x->work, x->out, x->pk, &f) == BH_OK, "finish");
    tool_check(TOOL_ALL(x->work->factors[0], x->n), "the weights' transform is marked");
    const bh_zero *zero = x->work->zero;
    tool_check(poly_is_secret(x, zero->u) && TOOL_ALL(zero->e0, N_PLACES) &&
                   TOOL_ALL(zero->e1, x->n),
               "the encryption of zero is marked");
    tool_check(TOOL_NONE(x->out, bytes), "a sanitised answer is public");
    tool_check(!masked || TOOL_ALL(x->share, N_PLACES), "the share is marked");
}

// The result is the client's secret until the test looks at it.
static void client_decrypts(exchange *x)
{
    tool_check(bh_decrypt(x->sk, x->values, x->work, x->out, x->places, N_PLACES,
                          T_BITS) == BH_OK,
               "decrypt");
    tool_check(TOOL_ALL(x->values, N_PLACES), "what was decrypted is marked");
    BH_DECLASSIFY(x->values, sizeof x->values);
    BH_DECLASSIFY(x->message, sizeof x->message);
    BH_DECLASSIFY(x->weights, sizeof x->weights);
    BH_DECLASSIFY(x->bias, sizeof x->bias);
    BH_DECLASSIFY(x->share, sizeof x->share);
    bool masked = bh_he_is_masked(x->he);
    int64_t got = x->values[0] + (masked ? x->share[0] : 0);
    int64_t want = masked ? 0 : x->bias[0]; // place 0 of the negacyclic product
    for (size_t j = 0; j < x->n; j++) {
        int64_t product = x->weights[j] * x->message[(x->n - j) % x->n];
        want += j == 0 ? product : -product;
    }
    int64_t error = (got - want + 1) & ((1 << T_BITS) - 1);
    tool_check(masked ? error <= 2 : error == 1, "the value is right");
}

// A masked set modulo a prime that every other word of a mask's is skipped for.
static const bh_he_literal skips = {.name = "skips",
                                    .n = 2048,
                                    .n_primes = 1,
                                    .primes = {35188130185217},
                                    .c1_extra_bits = 10,
                                    .c0_extra_bits = 6,
                                    .masked = true};

static void run(const char *set, const char *level)
{
    exchange *x = bh_alloc(1, sizeof *x);
    bh_status status = strcmp(set, skips.name) == 0
                           ? bh_he_from_literal(&x->he, &skips, NULL)
                           : bh_he_new(&x->he, set, NULL);
    tool_check(status == BH_OK, "set");
    tool_check(strcmp(bh_he_kernels(x->he), level) == 0, "kernels of that level");
    prepare(x);
    client_sends(x);
    server_answers(x);
    client_decrypts(x);
    printf("%s, %s: an exchange, constant time\n", bh_he_kernels(x->he), set);
    bh_workspace_free(x->work);
    bh_upload_free(x->upload);
    bh_public_key_free(x->pk);
    bh_secret_key_free(x->sk);
    bh_he_free(x->he);
    bh_free(x->sent);
    bh_free(x->out);
    bh_free(x);
}

int main(int argc, char **argv)
{
    tool_check(argc == 2, "usage: ct_he LEVEL");
    tool_begin(argv[1]);
    run("n4096", argv[1]);
    run("n2048", argv[1]);
    run(skips.name, argv[1]);
    return 0;
}
