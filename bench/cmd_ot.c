// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/cpu.h"
#include "machine.h"
#include "ot.h"
#include "report.h"

static const char name[] = "ot";

static const char help[] =
    "usage: bayhenn-bench ot [--repeats R] [--json]\n"
    "\n"
    "Random oblivious transfers, both parties one after the other on one core. By\n"
    "SoftSpoken for k = 2, 4 and 8: a batch of 65536, and what a session begins with,\n"
    "base transfers and growing trees. By Ferret for every set of parameters (for the\n"
    "smallest with --quick): what an iteration hands out, and what it spends of\n"
    "transfers made before. Code for the processor as BH_CPU chooses it.\n"
    "\n" BENCH_HELP("51") "  --json         one line of JSON for every k and set\n"
                          "\n"
                          "example:\n"
                          "  BH_CPU=avx2 bayhenn-bench ot\n";

bool ot_fit(const bh_rot_supply *sent, const bh_rot_supply *received)
{
    size_t good = 0;
    for (size_t i = 0; i < sent->n; i++) {
        uint32_t want = received->c[i] ? sent->m1[i] : sent->m0[i];
        good += received->m[i] == want;
    }
    return good == sent->n;
}

static double per_transfer(const ot_figures *f, const measured *m)
{
    return m->ns.median / (double)f->n;
}

static double cycles(const ot_figures *f)
{
    return (f->receive.cycles + f->send.cycles) / (double)f->n;
}

static void print_head(void)
{
    char cpu[MACHINE_NAME_BYTES];
    printf("%s, core clock %.2f GHz\n\n", machine_name(cpu), measure_ghz());
    printf("%-9s %-5s %7s %9s %9s %9s %8s %8s %9s %9s %7s\n", "kernels", "by", "n",
           "ns both", "receiver", "sender", "cycles", "bytes", "base ms", "trees ms",
           "spent");
}

// What both ways have.
static void print_text(const ot_figures *f, const char *level, const char *by)
{
    const double receive = per_transfer(f, &f->receive),
                 send = per_transfer(f, &f->send);
    printf("%-9s %-5s %7zu %9.2f %9.2f %9.2f %8.1f %8.3f", level, by, f->n,
           receive + send, receive, send, cycles(f), f->bytes);
}

static json_t *make_json(const ot_figures *f, const char *level, const char *what)
{
    char cpu[MACHINE_NAME_BYTES];
    const double receive = per_transfer(f, &f->receive),
                 send = per_transfer(f, &f->send);
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "operation", what, "kernels",
        level, "cpu", machine_name(cpu), "n", (json_int_t)f->n, "ns_per_transfer",
        receive + send, "receiver_ns_per_transfer", receive, "sender_ns_per_transfer",
        send, "cycles_per_transfer", cycles(f), "bytes_per_transfer", f->bytes);
    // of the batch, at one party after the other
    json_object_set_new(line, "receiver_ns", report_spread(&f->receive.ns, 1));
    json_object_set_new(line, "sender_ns", report_spread(&f->send.ns, 1));
    return line;
}

static void print_softspoken(const ot_figures *f, const char *level, unsigned k,
                             bool json)
{
    const double base_ms = f->base.ns.median / 1e6, trees_ms = f->trees.ns.median / 1e6;
    if (json) {
        json_t *line = make_json(f, level, "random_transfers");
        json_object_set_new(line, "k", json_integer((json_int_t)k));
        json_object_set_new(line, "base_ms", json_real(base_ms));
        json_object_set_new(line, "trees_ms", json_real(trees_ms));
        report_json(line);
        return;
    }
    char by[16];
    snprintf(by, sizeof by, "k = %u", k);
    print_text(f, level, by);
    printf(" %9.2f %9.2f %7s\n", base_ms, trees_ms, "-");
}

static void print_ferret(const ot_figures *f, const char *level, const char *set,
                         bool json)
{
    if (json) {
        json_t *line = make_json(f, level, "silent_transfers");
        json_object_set_new(line, "set", json_string(set));
        json_object_set_new(line, "spent", json_integer((json_int_t)f->spent));
        report_json(line);
        return;
    }
    print_text(f, level, set);
    printf(" %9s %9s %7zu\n", "-", "-", f->spent);
}

static int run_softspoken(const char *level, const bench_options *o)
{
    static const unsigned all_k[] = {2, 4, 8};
    for (size_t i = 0; i < sizeof all_k / sizeof all_k[0]; i++) {
        ot_figures f;
        if (!ot_measure_softspoken(&f, all_k[i], o)) {
            return cli_fail(name, "transfers for k = %u do not fit together", all_k[i]);
        }
        print_softspoken(&f, level, all_k[i], o->json);
    }
    return CLI_OK;
}

static int run_ferret(const char *level, const bench_options *o)
{
    const bh_ferret_params *set = bh_ferret_set(0);
    for (size_t i = 0; set != NULL; set = o->quick ? NULL : bh_ferret_set(++i)) {
        ot_figures f;
        if (!ot_measure_ferret(&f, set, o)) {
            return cli_fail(name, "transfers of set %s do not fit together", set->name);
        }
        print_ferret(&f, level, set->name, o->json);
    }
    return CLI_OK;
}

static int run(const bench_options *o)
{
    bh_cpu level;
    bh_error err = {0};
    bench_need_with(name, bh_cpu_pick(&level, &err), &err);
    if (!o->json) {
        print_head();
    }
    int status = run_softspoken(bh_cpu_name(level), o);
    return status == CLI_OK ? run_ferret(bh_cpu_name(level), o) : status;
}

static bool take(void *user, int c)
{
    return bench_take(name, user, c, optarg);
}

int bench_ot(int argc, char **argv)
{
    static const struct option longs[] = {BENCH_OPTIONS, {0}};
    bench_options o = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    return cli_no_operands(name, argc, argv) ? run(&o) : CLI_USAGE;
}
