// SPDX-License-Identifier: Apache-2.0
// Times the operations that the planner's cost model counts (src/linear/choose.h): one
// thread, warm-up, 41 repeats, median and spread.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "bayhenn/he.h"

enum { REPEATS = 41, WARM_UP = 5, T_BITS = 24, N = 4096, PLACES = 800 };

typedef struct setting {
    bh_he *he;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_uniform uniform;
    bh_upload *upload;
    bh_workspace *work;
    uint8_t *c0, *out;
    int64_t *message, *values;
    int32_t *weights, *bias;
    uint32_t *places;
    uint8_t seed[32];
    bh_answer_keys keys;
    uint64_t counter;
} setting;

static void check(bh_status status)
{
    if (status != BH_OK) {
        fprintf(stderr, "bayhenn-bench: %s\n", bh_status_message(status));
        exit(1);
    }
}

static void *take(size_t count, size_t size)
{
    void *block = bh_alloc(count, size);
    check(block != NULL ? BH_OK : BH_ERR_NOMEM);
    return block;
}

static void set_up(setting *s)
{
    check(bh_he_new(&s->he, "n4096", NULL));
    check(bh_secret_key_new(&s->sk, s->he));
    check(bh_workspace_new(&s->work, s->he));
    s->c0 = take(bh_he_poly_bytes(s->he), 1);
    s->out = take(bh_he_answer_bytes(s->he, PLACES, T_BITS), 1);
    s->message = take(N, sizeof *s->message);
    s->values = take(PLACES, sizeof *s->values);
    s->weights = take(N, sizeof *s->weights);
    s->bias = take(PLACES, sizeof *s->bias);
    s->places = take(PLACES, sizeof *s->places);
    for (int i = 0; i < N; i++) {
        s->message[i] = i % 256;
        s->weights[i] = i % 255 - 127;
    }
    for (uint32_t i = 0; i < PLACES; i++) {
        s->places[i] = 3 * i;
    }
    check(bh_public_key_make(s->sk, s->c0, &s->uniform));
    check(bh_public_key_load(&s->pk, s->he, s->c0, &s->uniform));
    check(bh_encrypt(s->sk, s->c0, s->work, &s->uniform, 0, s->message, T_BITS));
    check(bh_upload_new(&s->upload, s->he));
    check(bh_upload_load(s->upload, s->work, s->c0, &s->uniform, 0));
    check(bh_answer_keys_init(&s->keys, s->seed));
    bh_answer_begin(s->work);
}

static void tear_down(setting *s)
{
    bh_upload_free(s->upload);
    bh_workspace_free(s->work);
    bh_public_key_free(s->pk);
    bh_secret_key_free(s->sk);
    void *blocks[] = {s->c0,   s->out,     s->message, s->values,
                      s->bias, s->weights, s->places};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bh_free(blocks[i]);
    }
    bh_he_free(s->he);
}

static void encrypt(setting *s)
{
    check(bh_encrypt(s->sk, s->c0, s->work, &s->uniform, ++s->counter, s->message,
                     T_BITS));
}

static void load(setting *s)
{
    check(bh_upload_load(s->upload, s->work, s->c0, &s->uniform, s->counter));
}

static void product(setting *s)
{
    bh_answer_begin(s->work);
    check(bh_answer_add_product(s->work, s->upload, s->weights));
}

static void finish(setting *s)
{
    bh_answer_begin(s->work); // an answer is finished once
    const bh_answer_options f = {.places = s->places,
                                 .bias = s->bias,
                                 .n_places = PLACES,
                                 .t_bits = T_BITS,
                                 .keys = &s->keys,
                                 .number = {.index = (uint32_t)++s->counter}};
    check(bh_answer_finish(s->work, s->out, s->pk, &f));
}

static void decrypt(setting *s)
{
    check(bh_decrypt(s->sk, s->values, s->work, s->out, s->places, PLACES, T_BITS));
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(setting *s, const char *name, void (*operation)(setting *))
{
    double times[REPEATS];
    for (int i = -WARM_UP; i < REPEATS; i++) {
        double start = now_ns();
        operation(s);
        if (i >= 0) {
            times[i] = now_ns() - start;
        }
    }
    qsort(times, REPEATS, sizeof times[0], compare);
    printf("%-22s %8.1f us   (quartiles %.1f - %.1f)\n", name, times[REPEATS / 2] / 1e3,
           times[REPEATS / 4] / 1e3, times[REPEATS * 3 / 4] / 1e3);
}

int main(void)
{
    setting s = {0};
    set_up(&s);
    printf("%s, kernels %s, l = %d, %d of %d coefficients kept\n", bh_he_name(s.he),
           bh_he_kernels(s.he), T_BITS, PLACES, N);
    measure(&s, "upload: encrypt", encrypt);
    measure(&s, "upload: load", load);
    measure(&s, "product", product);
    measure(&s, "answer: sanitise", finish);
    measure(&s, "answer: decrypt", decrypt);
    tear_down(&s);
    return 0;
}
