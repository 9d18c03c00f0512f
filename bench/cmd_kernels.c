// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "bandwidth.h"
#include "base/cpu.h"
#include "bench.h"
#include "lab.h"
#include "randomness.h"
#include "report.h"

static const char name[] = "kernels";

enum { REPEATS = 101 };

static const char help[] =
    "usage: bayhenn-bench kernels [--variant NAME] [--n N] [--repeats R] [--json]\n"
    "\n"
    "The inner loops over one prime, for every kernel variant that this processor\n"
    "runs, n = 2048, 4096 and 8192, primes of 46, 47 and 50 bits; then streams,\n"
    "samplers and weight draws as BH_CPU chooses them; reading memory. Core cycles\n"
    "are counted with the clock that a chain of additions shows beside every repeat.\n"
    "\n"
    "  --variant NAME only this one: portable, avx2, avx512\n"
    "  --n N          only this degree\n" BENCH_HELP(
        "101") "  --json         one line of JSON for every operation\n"
               "\n"
               "example:\n"
               "  bayhenn-bench kernels --variant portable --n 4096\n";

static void add_figure(report_row *row, const lab *l, const lab_operation *what,
                       double forward_ns)
{
    double eights = (double)l->n / 2 * l->ntt.log2_n / 8;
    switch (what->figure) {
    case LAB_BUTTERFLIES:
        row->ratio_name = "cycles_per_8_butterflies";
        row->ratio = row->time.cycles / eights;
        break;
    case LAB_OF_FORWARD:
        row->ratio_name = "forward_transforms_a_product";
        row->ratio = row->time.ns.median / (double)what->products / forward_ns;
        break;
    case LAB_PER_WORD:
        row->ratio_name = "cycles_per_word";
        row->ratio = row->time.cycles / (double)l->n;
        break;
    }
}

static void measure_lab(lab *l, const bench_options *o)
{
    double forward_ns = 0;
    lab_operation what = lab_get(l, 0);
    for (size_t i = 0; what.name != NULL; what = lab_get(l, ++i)) {
        report_row row = {.name = what.name,
                          .kernels = l->kernels->name,
                          .n = l->n,
                          .prime_bits = l->prime_bits,
                          .time = measure(&what.op, bench_repeats(o, REPEATS))};
        if (i == 0) {
            forward_ns = row.time.ns.median;
        }
        add_figure(&row, l, &what, forward_ns);
        report_print(o->json, &row);
    }
}

static void measure_variant(lab *l, const bh_kernels *kernels, size_t only_n,
                            const bench_options *o)
{
    static const unsigned bits[] = {46, 47, 50};
    for (size_t n = LAB_N_MIN; n <= LAB_N_MAX; n *= 2) {
        for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
            if (only_n == 0 || n == only_n) {
                bench_need(name, lab_choose(l, kernels, n, bits[i]));
                measure_lab(l, o);
                lab_leave(l);
            }
        }
    }
}

typedef struct kernels_options {
    bench_options shared;
    const char *variant;
    uint64_t n;
} kernels_options;

// The next variant from *at on that was asked for and runs here; NULL at the end.
static const bh_kernels *next_variant(const kernels_options *o, size_t *at)
{
    const bh_kernels *kernels;
    int usable = 0;
    while ((kernels = bh_kernels_get((*at)++, &usable)) != NULL) {
        bool wanted = o->variant == NULL || strcmp(o->variant, kernels->name) == 0;
        if (usable && wanted) {
            break;
        }
    }
    return kernels;
}

static int run(const kernels_options *o)
{
    lab l;
    size_t at = 0;
    const bh_kernels *kernels = next_variant(o, &at);
    if (kernels == NULL) {
        return cli_fail(name, "this processor runs no kernel variant \"%s\"",
                        o->variant);
    }
    bench_need(name, lab_init(&l));
    report_begin(o->shared.json);
    for (; kernels != NULL; kernels = next_variant(o, &at)) {
        measure_variant(&l, kernels, (size_t)o->n, &o->shared);
    }
    lab_clear(&l);
    randomness_measure(name, &o->shared);
    bandwidth_measure(name, &o->shared);
    return CLI_OK;
}

// Named as the levels of processors are.
static bool take_variant(kernels_options *o, const char *text)
{
    o->variant = text;
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (strcmp(text, bh_cpu_name((bh_cpu)level)) == 0) {
            return true;
        }
    }
    cli_usage(name, "--variant takes portable, avx2 or avx512, not \"%s\"", text);
    return false;
}

static bool take_degree(kernels_options *o, const char *text)
{
    char degree[24];
    for (o->n = LAB_N_MIN; o->n <= LAB_N_MAX; o->n *= 2) {
        snprintf(degree, sizeof degree, "%u", (unsigned)o->n);
        if (strcmp(text, degree) == 0) {
            return true;
        }
    }
    cli_usage(name, "--n takes a power of two from %d to %d, not \"%s\"", LAB_N_MIN,
              LAB_N_MAX, text);
    return false;
}

static bool take(void *user, int c)
{
    kernels_options *o = user;
    switch (c) {
    case 'v':
        return take_variant(o, optarg);
    case 'n':
        return take_degree(o, optarg);
    default:
        return bench_take(name, &o->shared, c, optarg);
    }
}

int bench_kernels(int argc, char **argv)
{
    static const struct option longs[] = {{"variant", required_argument, NULL, 'v'},
                                          {"n", required_argument, NULL, 'n'},
                                          BENCH_OPTIONS,
                                          {0}};
    kernels_options o = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    return cli_no_operands(name, argc, argv) ? run(&o) : CLI_USAGE;
}
