// SPDX-License-Identifier: Apache-2.0
// The subcommands of bayhenn-bench, and what they share: their options and how they
// fail.
#ifndef BH_BENCH_BENCH_H
#define BH_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

int bench_kernels(int argc, char **argv);
int bench_he(int argc, char **argv);
int bench_ot(int argc, char **argv);
int bench_inference(int argc, char **argv);
int bench_throughput(int argc, char **argv);
int bench_memory(int argc, char **argv);
int bench_proxy(int argc, char **argv);
int bench_train(int argc, char **argv);

// A benchmark that fails has nothing to save: these say why and end the program.
void bench_need(const char *command, bh_status status);
void bench_need_with(const char *command, bh_status status, const bh_error *err);
// Zeroed memory, aligned for every kernel (bh_alloc).
void *bench_alloc(const char *command, size_t count, size_t size);

// A link to simulate: as cli_link takes it, but for "bytes", which is no speed. `more`
// are other values that the option takes, as in "loopback, ". Complains otherwise.
bool bench_link(const char *command, const char *text, const char *more, bh_link *out);

// The kernel variant that the parameter set n4096 uses here.
const char *bench_kernel_name(const char *command);

// Options that every measuring command has. `val`s above every character.
enum { BENCH_REPEATS = 1000, BENCH_QUICK, BENCH_JSON };
#define BENCH_OPTIONS                                                                  \
    {"repeats", required_argument, NULL, BENCH_REPEATS},                               \
        {"quick", no_argument, NULL, BENCH_QUICK},                                     \
        {"json", no_argument, NULL, BENCH_JSON},                                       \
    {                                                                                  \
        "help", no_argument, NULL, 'h'                                                 \
    }
#define BENCH_HELP(repeats)                                                            \
    "  --repeats R    timed repeats after the warm-up, at least 20 [" repeats "]\n"    \
    "  --quick        few repeats: shows that it runs, measures nothing\n"

typedef struct bench_options {
    size_t repeats; // 0: the command's default
    bool quick, json;
} bench_options;

// Takes an option if it is one of these; complains and returns false otherwise.
bool bench_take(const char *command, bench_options *o, int option, const char *value);
// The repeats asked for, or `usual`, or a few if quick.
size_t bench_repeats(const bench_options *o, size_t usual);

#endif
