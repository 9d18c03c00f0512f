// SPDX-License-Identifier: Apache-2.0
#include "bandwidth.h"

#include "base/memory.h"
#include "report.h"

// Larger than any core's own cache, and about what prepared work takes that one query
// uses. A shared cache may hold it: so it would the work.
enum { WORDS = 1 << 23, REPEATS = 21 };

typedef struct block {
    uint64_t *words;
    uint64_t sum;
} block;

static void read_all(void *user)
{
    block *b = user;
    uint64_t sums[8] = {0};
    for (size_t i = 0; i < WORDS; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            sums[k] += b->words[i + k];
        }
    }
    for (size_t k = 0; k < 8; k++) {
        b->sum += sums[k];
    }
    __asm__ volatile("" : : "r"(b->sum)); // the sum is wanted
}

void bandwidth_measure(const char *command, const bench_options *o)
{
    block b = {.words = bench_alloc(command, WORDS, sizeof *b.words)};
    const operation op = {.run = read_all, .user = &b};
    report_row row = {.name = "read_64_mib",
                      .kernels = "",
                      .n = WORDS,
                      .time = measure(&op, bench_repeats(o, REPEATS)),
                      .ratio_name = "gigabytes_per_second"};
    row.ratio = WORDS * sizeof *b.words / row.time.ns.median;
    report_print(o->json, &row);
    bh_free(b.words);
}
