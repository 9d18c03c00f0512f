// SPDX-License-Identifier: Apache-2.0
// The operations that the planner's cost model counts (src/infer/cost.h).
#include <string.h>

#include "base/memory.h"
#include "bayhenn/he.h"
#include "bench.h"
#include "report.h"

static const char name[] = "he";

enum { REPEATS = 41, T_BITS = 24, PLACES = 800, PRODUCTS = 16 };

static const char help[] =
    "usage: bayhenn-bench he [--params n4096|n2048] [--repeats R] [--json]\n"
    "\n"
    "Encryption, products and answers of a parameter set, one thread, l = 24 bits,\n"
    "800 coefficients kept. BH_CPU=portable|avx2|avx512 forces kernels.\n"
    "\n" BENCH_HELP("41") "  --json         one line of JSON for every operation\n"
                          "  --params SET   n4096 (the default): flooded answers;\n"
                          "                 n2048: masked ones\n"
                          "\n"
                          "example:\n"
                          "  bayhenn-bench he --params n2048 --json\n";

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
    uint32_t *places, *share;
    bh_answer_keys keys;
    uint64_t counter;
} setting;

static void encrypt(void *user)
{
    setting *s = user;
    bench_need(name,
               bh_encrypt(s->sk, s->c0, s->work, ++s->counter, s->message, T_BITS));
}

static void load(void *user)
{
    setting *s = user;
    bench_need(name,
               bh_upload_load(s->upload, s->work, s->c0, &s->uniform, s->counter));
}

static void begin(void *user)
{
    setting *s = user;
    bh_answer_begin(s->work);
}

// So many products are computed together.
static void products(void *user)
{
    setting *s = user;
    for (int i = 0; i < PRODUCTS; i++) {
        bench_need(name, bh_answer_add_product(s->work, s->upload, s->weights));
    }
}

static void finish(void *user)
{
    setting *s = user;
    const bool masked = bh_he_is_masked(s->he);
    const bh_answer_options f = {.places = s->places,
                                 .bias = masked ? NULL : s->bias,
                                 .share = masked ? s->share : NULL,
                                 .n_places = PLACES,
                                 .t_bits = T_BITS,
                                 .keys = &s->keys,
                                 .number = {.index = (uint32_t)++s->counter}};
    bench_need(name, bh_answer_finish(s->work, s->out, s->pk, &f));
}

static void decrypt(void *user)
{
    setting *s = user;
    bench_need(
        name, bh_decrypt(s->sk, s->values, s->work, s->out, s->places, PLACES, T_BITS));
}

// An answer takes 4095 products and is finished once.
static const struct {
    const char *name;
    void (*run)(void *);
    void (*before)(void *);
    size_t batch_max;
    bool are_products;
} operations[] = {
    {"encrypt", encrypt, NULL, 0, false},
    {"load", load, NULL, 0, false},
    {"16_products", products, begin, 4095 / PRODUCTS, true},
    {"finish", finish, begin, 1, false},
    {"decrypt", decrypt, NULL, 0, false},
};

static void set_up(setting *s, const char *params)
{
    bench_need(name, bh_he_new(&s->he, params, NULL));
    const size_t n = bh_he_degree(s->he);
    const uint8_t transcript[32] = {0}, seed[32] = {0};
    bench_need(name, bh_uniform_init(&s->uniform, transcript, seed));
    bench_need(name, bh_secret_key_new(&s->sk, s->he, &s->uniform));
    bench_need(name, bh_workspace_new(&s->work, s->he));
    bench_need(name, bh_upload_new(&s->upload, s->he));
    s->c0 = bench_alloc(name, bh_he_poly_bytes(s->he), 1);
    s->out = bench_alloc(name, bh_he_answer_bytes(s->he, PLACES, T_BITS), 1);
    s->message = bench_alloc(name, n, sizeof *s->message);
    s->values = bench_alloc(name, PLACES, sizeof *s->values);
    s->weights = bench_alloc(name, n, sizeof *s->weights);
    s->bias = bench_alloc(name, PLACES, sizeof *s->bias);
    s->places = bench_alloc(name, PLACES, sizeof *s->places);
    s->share = bench_alloc(name, PLACES, sizeof *s->share);
    for (size_t i = 0; i < n; i++) {
        s->message[i] = (int64_t)(i % 256);
        s->weights[i] = (int32_t)(i % 255) - 127;
    }
    for (uint32_t i = 0; i < PLACES; i++) {
        s->places[i] = i * (uint32_t)n / PLACES;
    }
    bench_need(name, bh_public_key_make(s->sk, s->c0));
    bench_need(name, bh_public_key_load(&s->pk, s->he, s->c0, &s->uniform));
}

static void tear_down(setting *s)
{
    bh_upload_free(s->upload);
    bh_workspace_free(s->work);
    bh_public_key_free(s->pk);
    bh_secret_key_free(s->sk);
    void *blocks[] = {s->c0,   s->out,     s->message, s->values,
                      s->bias, s->weights, s->places,  s->share};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bh_free(blocks[i]);
    }
    bh_he_free(s->he);
}

typedef struct options {
    bench_options common;
    const char *params;
} options;

static bool take(void *user, int c)
{
    options *o = user;
    if (c == 'p') {
        o->params = optarg;
        if (strcmp(optarg, "n4096") != 0 && strcmp(optarg, "n2048") != 0) {
            cli_usage(name, "--params takes n4096 or n2048, not \"%s\"", optarg);
            return false;
        }
        return true;
    }
    return bench_take(name, &o->common, c, optarg);
}

int bench_he(int argc, char **argv)
{
    static const struct option longs[] = {
        BENCH_OPTIONS, {"params", required_argument, NULL, 'p'}, {0}};
    options o = {.params = "n4096"};
    setting s = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv)) {
        return CLI_USAGE;
    }
    set_up(&s, o.params);
    report_begin(o.common.json);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        operation op = {operations[i].run, operations[i].before,
                        operations[i].batch_max, &s};
        report_row row = {.name = operations[i].name,
                          .kernels = bh_he_kernels(s.he),
                          .n = bh_he_degree(s.he),
                          .time = measure(&op, bench_repeats(&o.common, REPEATS))};
        if (operations[i].are_products) {
            row.ratio_name = "ns_per_product";
            row.ratio = row.time.ns.median / PRODUCTS;
        }
        report_print(o.common.json, &row);
    }
    tear_down(&s);
    return CLI_OK;
}
