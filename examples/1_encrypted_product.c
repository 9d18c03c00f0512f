// SPDX-License-Identifier: Apache-2.0
// Example 1: a dot product that the server computes without seeing the vector.
//
// The client packs (1, 2, 3, 4) into the coefficients of a polynomial. The server packs
// its weights (10, 20, 30, 40) backwards, so that coefficient 3 of the product is the
// sum. Only the public header bayhenn/he.h is used.
#include <bayhenn/he.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N      4096
#define T_BITS 20

static void check(bh_status status)
{
    if (status != BH_OK) {
        fprintf(stderr, "%s\n", bh_status_message(status));
        exit(1);
    }
}

int main(void)
{
    static int64_t message[N] = {1, 2, 3, 4};
    static int32_t weights[N] = {40, 30, 20, 10};
    static uint8_t p0[64 * 1024], c0[64 * 1024], reply[64 * 1024];
    const uint32_t places[] = {3};
    const int32_t bias[] = {0};
    const uint8_t server_seed[32] = {0}; // a real server draws it for every query
    const uint8_t transcript[32] = {0}, client_seed[32] = {0}; // of a real handshake
    bh_uniform uniform;
    check(bh_uniform_init(&uniform, transcript, client_seed));

    bh_he *he;
    bh_error err;
    if (bh_he_new(&he, "n4096", &err) != BH_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }

    // What this thread computes in; the two parties would have one each.
    bh_workspace *work;
    check(bh_workspace_new(&work, he));

    // Client: a key for this session, one encrypted vector.
    bh_secret_key *sk;
    check(bh_secret_key_new(&sk, he, &uniform));
    check(bh_public_key_make(sk, p0));
    check(bh_encrypt(sk, c0, work, 0, message, T_BITS));

    // Server: one product, sanitised; only coefficient 3 is sent.
    bh_public_key *pk;
    bh_upload *upload;
    bh_answer_keys keys;
    check(bh_public_key_load(&pk, he, p0, &uniform));
    check(bh_upload_new(&upload, he));
    check(bh_upload_load(upload, work, c0, &uniform, 0));
    check(bh_answer_keys_init(&keys, server_seed));
    bh_answer_begin(work);
    check(bh_answer_add_product(work, upload, weights));
    check(bh_answer_finish(work, reply, pk,
                           &(bh_answer_options){.places = places,
                                                .bias = bias,
                                                .n_places = 1,
                                                .t_bits = T_BITS,
                                                .keys = &keys}));

    // Client: decrypt.
    int64_t sum;
    check(bh_decrypt(sk, &sum, work, reply, places, 1, T_BITS));
    printf("dot product %lld, from %zu bytes up and %zu down\n", (long long)sum,
           bh_he_poly_bytes(he), bh_he_answer_bytes(he, 1, T_BITS));

    bh_workspace_free(work);
    bh_upload_free(upload);
    bh_public_key_free(pk);
    bh_secret_key_free(sk);
    bh_he_free(he);
    return 0;
}
