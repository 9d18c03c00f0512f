// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "cli.h"

static void print_help(const cli_command *commands, size_t count, const char *about,
                       FILE *out)
{
    int width = 0;
    for (size_t i = 0; i < count; i++) {
        int len = (int)strlen(commands[i].name);
        width = len > width ? len : width;
    }
    fprintf(out,
            CLI_PROGRAM ": %s\n\n"
                        "usage: " CLI_PROGRAM " COMMAND [OPTIONS]\n\n",
            about);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  %-*s  %s\n", width, commands[i].name, commands[i].summary);
    }
    fputs("\n" CLI_PROGRAM " COMMAND --help explains a command and shows an example.\n",
          out);
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

static int run_command(const cli_command *commands, size_t count, int argc, char **argv)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    return cli_usage("", "there is no command \"%s\"", argv[0]);
}

static int run(const cli_command *commands, size_t count, const char *about, int argc,
               char **argv)
{
    bool asks_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                     strcmp(argv[1], "help") == 0;
    if (asks_help && argc > 2 && argv[1][0] != '-') {
        char *explain[] = {argv[2], (char[]){"--help"}, NULL};
        return run_command(commands, count, 2, explain);
    }
    if (asks_help) {
        print_help(commands, count, about, stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf(CLI_PROGRAM " %s\n", bh_version());
        return CLI_OK;
    }
    return run_command(commands, count, argc - 1, argv + 1);
}

int cli_main(const cli_command *commands, size_t count, const char *about, int argc,
             char **argv)
{
    bh_cpu cpu;
    bh_error err = {0};
    if (!fill_standard_streams()) {
        return CLI_FAILURE;
    }
    // A wrong BH_CPU would fail somewhere in the middle of the work.
    if (bh_cpu_pick(&cpu, &err) != BH_OK) {
        cli_fail("", "%s", err.message);
        return CLI_USAGE;
    }
    if (argc < 2) {
        print_help(commands, count, about, stderr);
        return CLI_USAGE;
    }
    int status = run(commands, count, about, argc, argv);
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    return lost && status == CLI_OK ? cli_fail_output(argv[1]) : status;
}
