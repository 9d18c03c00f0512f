// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: exit statuses, failing with one sentence, options.
#ifndef BH_CLI_CLI_H
#define BH_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "bayhenn/session.h"
#include "model/graph.h"

// The program that is speaking, for every sentence. Another one that compiles cli.c
// into itself (bench/) defines its own name.
#ifndef CLI_PROGRAM
#define CLI_PROGRAM "bayhenn"
#endif

// Exit statuses; CLI_GO_ON is none, but what cli_parse says where there is work to do.
enum { CLI_GO_ON = -1, CLI_OK = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

// A program of subcommands. argv[0] of a command is its name.
typedef struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} cli_command;

// All of main: checks BH_CPU, finds the command, answers --help and --version, and
// turns output that was lost into a failure. `about` is one line that says what the
// program is.
int cli_main(const cli_command *commands, size_t count, const char *about, int argc,
             char **argv);

// The commands of `bayhenn`.
int cmd_demo(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_infer(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_train(int argc, char **argv);

// "bayhenn infer: <sentence>" on stderr; returns CLI_FAILURE.
// No command: "". Control characters come out as '?'.
int cli_fail(const char *command, const char *format, ...) BH_PRINTF(2, 3);
// The same with a pointer to --help; returns CLI_USAGE.
int cli_usage(const char *command, const char *format, ...) BH_PRINTF(2, 3);
// For output that is lost: a full disk, a closed stdout.
#define CLI_OUTPUT_LOST "writing the output failed"
int cli_fail_output(const char *command);
// CLI_USAGE where the library says that an argument is wrong, CLI_FAILURE otherwise.
int cli_fail_with(const char *command, const bh_error *err);

// Reads the options with getopt_long; what follows them starts at argv[optind]. take()
// is given every option's `val` and finds its value in optarg; it returns false where
// it refused one and complained. CLI_GO_ON at the end of the options, CLI_OK after
// --help ('h') was answered, CLI_USAGE after a complaint.
int cli_parse(const char *command, const char *help, const struct option *options,
              bool (*take)(void *user, int c), void *user, int argc, char **argv);

// An argument that is a whole number from min to max; complains otherwise.
bool cli_number(const char *command, const char *option, const char *text, uint64_t min,
                uint64_t max, uint64_t *out);
// An argument that is a number from min to max; complains otherwise.
bool cli_real(const char *command, const char *option, const char *text, double min,
              double max, double *out);
// Channels, height and width as in 1x28x28; complains otherwise.
bool cli_shape(const char *command, const char *option, const char *text,
               bh_shape *out);
// A number of bytes such as 500M; K, M, G and T are powers of 1000.
bool cli_bytes(const char *command, const char *option, const char *text,
               uint64_t *out);
// A guard by name; complains otherwise.
bool cli_guard(const char *command, const char *text, bh_guard *out);
// "logits" or "label"; complains otherwise.
bool cli_reveal(const char *command, const char *text, bh_reveal *out);
const char *cli_reveal_name(bh_reveal reveal);
// A link as bh_link_parse takes it; complains otherwise.
bool cli_link(const char *command, const char *text, bh_link *out);
// Complains unless the option's value was given.
bool cli_needs(const char *command, const char *option, const char *value);
// Complains unless exactly one of --model and --net was given.
bool cli_one_model(const char *command, const char *model, const char *net);
// Complains if arguments are left after the options.
bool cli_no_operands(const char *command, int argc, char **argv);

// The pool for --threads N; none for one thread, which needs none.
bh_status cli_pool(bh_pool **out, uint64_t threads, bh_error *err) BH_MUST_CHECK;

// Replaces control characters, which a terminal would obey, by '?'. In place.
char *cli_printable(char *text);
// A file's name for people: a printable copy, cut at CLI_SHOWN_BYTES. Returns `text`.
#define CLI_SHOWN_BYTES 1024
const char *cli_shown(char *text, size_t size, const char *name);

// The guard where none is asked for: `sampled` is asked for by name.
#define CLI_GUARD_DEFAULT BH_GUARD_SEALED
// What a guard hides and what it gives away, in one sentence. reveal: of `sealed`.
const char *cli_guard_note(bh_guard guard, bh_reveal reveal);

#endif
