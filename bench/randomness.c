// SPDX-License-Identifier: Apache-2.0
#include "randomness.h"

#include "base/memory.h"
#include "model/draw.h"
#include "report.h"
#include "ring/sample.h"

// An answer of a typical layer keeps so many coefficients, flooded by so many bits.
enum { N = 4096, WEIGHTS = 65536, KEPT = 800, FLOOD_LOG2 = 66 };

typedef struct source {
    const char *command;
    bh_ring ring;
    bh_stream *stream;
    bh_stream_key key;
    uint64_t *words; // a polynomial of the ring
    int32_t *small, *weights;
    bh_int_posterior posterior;
    uint8_t seed[BH_SEED_BYTES];
} source;

static void read_stream(void *user)
{
    source *s = user;
    bench_need(s->command, bh_stream_read(s->stream, s->words, N * sizeof *s->words));
}

static void sample_uniform(void *user)
{
    source *s = user;
    bench_need(s->command, bh_sample_uniform_vartime(&s->ring, s->words, s->stream));
}

static void sample_ternary(void *user)
{
    source *s = user;
    bench_need(s->command, bh_sample_ternary(&s->ring, s->small, s->stream));
}

static void sample_error(void *user)
{
    source *s = user;
    bench_need(s->command, bh_sample_error(&s->ring, s->small, N, s->stream));
}

static void sample_flood(void *user)
{
    source *s = user;
    bench_need(s->command,
               bh_sample_flood(&s->ring, s->words, KEPT, FLOOD_LOG2, s->stream));
}

static void draw_weights(void *user)
{
    source *s = user;
    bench_need(s->command,
               bh_draw_weights(&s->posterior, s->weights, 0, WEIGHTS, s->stream));
}

// What one unit of each operation is, and how many it makes.
static const struct {
    const char *name;
    void (*run)(void *);
    size_t units;
    const char *ns_per_unit;
} sources[] = {
    {"stream", read_stream, N * sizeof(uint64_t), NULL},
    {"sample_uniform", sample_uniform, 2 * (size_t)N, "ns_per_coefficient"},
    {"sample_ternary", sample_ternary, N, "ns_per_coefficient"},
    {"sample_error", sample_error, N, "ns_per_coefficient"},
    {"sample_flood", sample_flood, KEPT, "ns_per_coefficient"},
    {"draw_weights", draw_weights, WEIGHTS, "ns_per_weight"},
};

// A posterior of typical size: means all over the grid, deviations of some steps.
static void fill_posterior(source *s)
{
    bh_int_posterior *p = &s->posterior;
    *p = (bh_int_posterior){
        .n_weights = WEIGHTS,
        .weight_mean = bench_alloc(s->command, WEIGHTS, sizeof *p->weight_mean),
        .weight_dev = bench_alloc(s->command, WEIGHTS, sizeof *p->weight_dev),
        .w_max = BH_WEIGHT_MAX,
    };
    for (int32_t i = 0; i < WEIGHTS; i++) {
        p->weight_mean[i] = (i % 200 - 100) * (1 << BH_DRAW_FRACTION_BITS);
        p->weight_dev[i] = (i % 10 + 1) * (1 << BH_DRAW_FRACTION_BITS);
    }
}

static void set_up(source *s)
{
    static const uint64_t primes[] = {UINT64_C(70367133564929),
                                      UINT64_C(70362301726721)};
    bench_need(s->command, bh_ring_init(&s->ring, N, primes, 2, NULL));
    bench_need(s->command, bh_random_bytes(s->seed, sizeof s->seed));
    bench_need(s->command, bh_stream_key_derive(&s->key, s->seed, "bench", NULL));
    bench_need(s->command, bh_stream_new(&s->stream));
    bench_need(s->command, bh_stream_start(s->stream, &s->key, 0));
    s->words = bench_alloc(s->command, s->ring.poly_words, sizeof *s->words);
    s->small = bench_alloc(s->command, N, sizeof *s->small);
    s->weights = bench_alloc(s->command, WEIGHTS, sizeof *s->weights);
    fill_posterior(s);
}

static void tear_down(source *s)
{
    void *blocks[] = {s->words, s->small, s->weights, s->posterior.weight_mean,
                      s->posterior.weight_dev};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bh_free(blocks[i]);
    }
    bh_stream_free(s->stream);
    bh_ring_clear(&s->ring);
}

void randomness_measure(const char *command, const bench_options *o)
{
    source s = {.command = command};
    set_up(&s);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        operation op = {.run = sources[i].run, .user = &s};
        report_row row = {.name = sources[i].name,
                          .kernels = bh_cpu_name(bh_stream_cpu(s.stream)),
                          .n = N,
                          .time = measure(&op, bench_repeats(o, 101))};
        bool bytes = sources[i].ns_per_unit == NULL;
        row.ratio_name = bytes ? "cycles_per_byte" : sources[i].ns_per_unit;
        row.ratio =
            (bytes ? row.time.cycles : row.time.ns.median) / (double)sources[i].units;
        report_print(o->json, &row);
    }
    tear_down(&s);
}
