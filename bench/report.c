// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

void report_begin(bool json)
{
    char cpu[MACHINE_NAME_BYTES];
    if (json) {
        return;
    }
    printf("%s, core clock %.2f GHz\n\n", machine_name(cpu), measure_ghz());
    printf("%-18s %-9s %7s %6s %12s %-23s %12s\n", "operation", "kernels", "n", "prime",
           "ns", " quartiles", "cycles");
}

static void print_text(const report_row *row)
{
    const spread *ns = &row->time.ns;
    char quartiles[32], prime[16] = "";
    snprintf(quartiles, sizeof quartiles, "(%.0f - %.0f)", ns->q1, ns->q3);
    if (row->prime_bits > 0) {
        snprintf(prime, sizeof prime, "%u", row->prime_bits);
    }
    printf("%-18s %-9s %7zu %6s %12.0f %-23s %12.0f", row->name, row->kernels, row->n,
           prime, ns->median, quartiles, row->time.cycles);
    if (row->ratio_name != NULL) {
        printf("  %.3g ", row->ratio);
        for (const char *c = row->ratio_name; *c != '\0'; c++) {
            putchar(*c == '_' ? ' ' : *c);
        }
    }
    putchar('\n');
}

json_t *report_spread(const spread *s, double unit)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "min", s->min / unit, "q1",
                     s->q1 / unit, "median", s->median / unit, "q3", s->q3 / unit,
                     "p99", s->p99 / unit);
}

void report_json(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6));
    puts(text != NULL ? text : "null");
    free(text);
    json_decref(line);
}

void report_print(bool json, const report_row *row)
{
    char cpu[MACHINE_NAME_BYTES];
    if (!json) {
        print_text(row);
        return;
    }
    const measured *t = &row->time;
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:I, s:o, s:f, s:f, s:I, s:I}", "operation", row->name,
        "kernels", row->kernels, "cpu", machine_name(cpu), "n", (json_int_t)row->n,
        "ns", report_spread(&t->ns, 1), "cycles", t->cycles, "ghz", t->ghz, "repeats",
        (json_int_t)t->repeats, "batch", (json_int_t)t->batch);
    if (row->prime_bits > 0) {
        json_object_set_new(line, "prime_bits", json_integer(row->prime_bits));
    }
    if (row->ratio_name != NULL) {
        json_object_set_new(line, row->ratio_name, json_real(row->ratio));
    }
    report_json(line);
}
