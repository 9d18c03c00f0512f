// SPDX-License-Identifier: Apache-2.0
// The command `bayhenn`: a table of subcommands.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"demo", cmd_demo, "predict digits over an encrypted loopback connection"},
    {"infer", cmd_infer, "have a server predict images that it never sees"},
    {"serve", cmd_serve, "offer a model's predictions to clients"},
    {"eval", cmd_eval, "accuracy and calibration on a test set"},
    {"train", cmd_train, "train a Bayesian network"},
    {"plan", cmd_plan, "what a prediction costs, and its noise bounds"},
    {"info", cmd_info, "version, kernels; a model's or a server's facts"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fputs("bayhenn: private neural-network inference with calibrated uncertainty\n\n"
          "usage: bayhenn COMMAND [OPTIONS]\n\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nbayhenn COMMAND --help explains a command and shows an example.\n", out);
}

// Whoever started us may have closed 0, 1 or 2. The next file or socket opened would
// take that number, and results meant for people would go to the server in the clear.
// What stands in fails: output that is lost has to be noticed.
static bool fill_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

static int run_command(int argc, char **argv)
{
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    return cli_usage("", "there is no command \"%s\"", argv[0]);
}

static int run(int argc, char **argv)
{
    bool asks_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                     strcmp(argv[1], "help") == 0;
    if (asks_help && argc > 2 && argv[1][0] != '-') {
        char *explain[] = {argv[2], (char[]){"--help"}, NULL};
        return run_command(2, explain);
    }
    if (asks_help) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("bayhenn %s\n", bh_version());
        return CLI_OK;
    }
    return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    if (!fill_standard_streams()) {
        return CLI_FAILURE;
    }
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    int status = run(argc, argv);
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    return lost && status == CLI_OK ? cli_fail_output(argv[1]) : status;
}
