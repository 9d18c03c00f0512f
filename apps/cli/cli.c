// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cli_printable(char *text)
{
    unsigned char *c = (unsigned char *)text;
    for (; *c != '\0'; c++) {
        // U+0080 to U+009F in UTF-8 are control characters too.
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;
        if (*c < 0x20 || *c == 0x7f || c1) {
            *c = '?';
            c[c1] = '?';
        }
    }
    return text;
}

const char *cli_shown(char *text, size_t size, const char *name)
{
    snprintf(text, size, "%s", name);
    return cli_printable(text);
}

static void complain(const char *command, const char *format, va_list args)
{
    char *text = NULL;
    fprintf(stderr, CLI_PROGRAM "%s%s: ", command[0] != '\0' ? " " : "", command);
    if (vasprintf(&text, format, args) >= 0) {
        fputs(cli_printable(text), stderr);
        free(text);
    }
}

int cli_fail(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(command, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_FAILURE;
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(command, format, args);
    va_end(args);
    fprintf(stderr, " (see " CLI_PROGRAM "%s%s --help)\n",
            command[0] != '\0' ? " " : "", command);
    return CLI_USAGE;
}

int cli_fail_output(const char *command)
{
    return cli_fail(command, CLI_OUTPUT_LOST);
}

int cli_fail_with(const char *command, const bh_error *err)
{
    if (err->status == BH_ERR_ARG) {
        return cli_usage(command, "%s", err->message);
    }
    return cli_fail(command, "%s",
                    err->message[0] != '\0' ? err->message
                                            : bh_status_message(err->status));
}

// optopt is the `val` of a known option that was given a value and takes none.
static void complain_option(const char *command, const char *text)
{
    if (optopt != 0 && strncmp(text, "--", 2) == 0 && strchr(text, '=') != NULL) {
        cli_usage(command, "%.*s takes no value", (int)strcspn(text, "="), text);
    } else if (optopt != 0) {
        cli_usage(command, "there is no such option: -%c", optopt);
    } else {
        cli_usage(command, "there is no such option: %s", text);
    }
}

// getopt_long takes "--mod" for "--model": a script that relies on it would break with
// the next option of that beginning.
static bool is_whole(const char *text, const char *option)
{
    return text[0] != '-' || text[1] != '-' ||
           (strncmp(text + 2, option, strlen(option)) == 0 &&
            (text[2 + strlen(option)] == '\0' || text[2 + strlen(option)] == '='));
}

// The next option's `val`, -1 at the end, '?' after a complaint.
static int next_option(const char *command, int argc, char **argv,
                       const struct option *options)
{
    int found = -1, at = optind > 0 ? optind : 1;
    opterr = 0;
    optopt = 0;
    int c = getopt_long(argc, argv, ":h", options, &found);
    const char *last = argv[optind > 1 ? optind - 1 : at];
    if (c == ':') {
        cli_usage(command, "%s needs a value", last);
        return '?';
    }
    if (c == '?') {
        complain_option(command, last);
        return '?';
    }
    // A value that stands by itself is the last argument, its option the one before.
    const char *text =
        optarg != NULL && optarg == last && optind > 2 ? argv[optind - 2] : last;
    if (c != -1 && found >= 0 && !is_whole(text, options[found].name)) {
        complain_option(command, text);
        return '?';
    }
    return c;
}

int cli_parse(const char *command, const char *help, const struct option *options,
              bool (*take)(void *user, int c), void *user, int argc, char **argv)
{
    int c;
    while ((c = next_option(command, argc, argv, options)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            return CLI_OK;
        }
        if (c == '?' || !take(user, c)) {
            return CLI_USAGE;
        }
    }
    return CLI_GO_ON;
}

bool cli_number(const char *command, const char *option, const char *text, uint64_t min,
                uint64_t max, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || errno != 0 || value < min ||
        value > max) {
        cli_usage(command, "%s takes a whole number from %llu to %llu, not \"%s\"",
                  option, (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    *out = value;
    return true;
}

bool cli_real(const char *command, const char *option, const char *text, double min,
              double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        cli_usage(command, "%s takes a number from %g to %g, not \"%s\"", option, min,
                  max, text);
        return false;
    }
    *out = value;
    return true;
}

bool cli_shape(const char *command, const char *option, const char *text, bh_shape *out)
{
    uint32_t *const parts[] = {&out->channels, &out->height, &out->width};
    const char *at = text;
    for (size_t i = 0; i < 3; i++) {
        size_t digits = strspn(at, "0123456789");
        *parts[i] = (uint32_t)strtoul(at, NULL, 10);
        if (digits == 0 || digits > 6 || *parts[i] == 0 ||
            at[digits] != (i < 2 ? 'x' : '\0')) {
            cli_usage(command,
                      "%s takes channels, height and width as in 1x28x28, not \"%s\"",
                      option, text);
            return false;
        }
        at += digits + 1;
    }
    return true;
}

bool cli_bytes(const char *command, const char *option, const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] != '\0' ? strchr(units, text[digits]) : NULL;
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10), factor = 1;
    for (const char *u = units; unit != NULL && u <= unit; u++) {
        factor *= 1000;
    }
    if (digits == 0 || text[digits + (unit != NULL)] != '\0' || errno != 0 ||
        value > INT64_MAX / factor) {
        cli_usage(command,
                  "%s takes a number of bytes such as 500M (K, M, G, T), not "
                  "\"%s\"",
                  option, text);
        return false;
    }
    *out = value * factor;
    return true;
}

bool cli_guard(const char *command, const char *text, bh_guard *out)
{
    *out = bh_guard_from_name(text);
    if (*out == 0) {
        cli_usage(command, "there is no guard \"%s\": write sealed or sampled", text);
    }
    return *out != 0;
}

bool cli_reveal(const char *command, const char *text, bh_reveal *out)
{
    for (int i = BH_REVEAL_LOGITS; i <= BH_REVEAL_LABEL; i++) {
        if (strcmp(text, cli_reveal_name((bh_reveal)i)) == 0) {
            *out = (bh_reveal)i;
            return true;
        }
    }
    cli_usage(command, "--reveal takes logits or label, not \"%s\"", text);
    return false;
}

bool cli_link(const char *command, const char *text, bh_link *out)
{
    bh_error err = {0};
    bh_status status = bh_link_parse(out, text, &err);
    if (status != BH_OK) {
        cli_fail_with(command, &err);
    }
    return status == BH_OK;
}

bool cli_needs(const char *command, const char *option, const char *value)
{
    if (value == NULL) {
        cli_usage(command, "%s is needed", option);
    }
    return value != NULL;
}

bool cli_one_model(const char *command, const char *model, const char *net)
{
    bool one = (model != NULL) != (net != NULL);
    if (!one) {
        cli_usage(command, model != NULL ? "only one of --model and --net can be given"
                                         : "either --model or --net is needed");
    }
    return one;
}

bool cli_no_operands(const char *command, int argc, char **argv)
{
    if (optind < argc) {
        cli_usage(command, "\"%s\" is one argument too many", argv[optind]);
    }
    return optind >= argc;
}

bh_status cli_pool(bh_pool **out, uint64_t threads, bh_error *err)
{
    *out = NULL;
    bh_status status = threads > 1 ? bh_pool_new(out, (uint32_t)threads) : BH_OK;
    if (status != BH_OK) {
        err->status = status;
        snprintf(err->message, sizeof err->message, "cannot start %llu threads",
                 (unsigned long long)threads);
    }
    return status;
}

const char *cli_reveal_name(bh_reveal reveal)
{
    return reveal == BH_REVEAL_LABEL ? "label" : "logits";
}

const char *cli_guard_note(bh_guard guard, bh_reveal reveal)
{
    switch (guard) {
    case BH_GUARD_SAMPLED:
        return "images and results are hidden, even from a server that cheats, but the "
               "model's weights are NOT protected: any client can compute them.";
    case BH_GUARD_SEALED:
        return reveal == BH_REVEAL_LABEL
                   ? "of hidden layers both sides see random numbers only, of the "
                     "result the client sees the label alone; both are assumed to "
                     "follow the protocol."
                   : "of hidden layers both sides see random numbers only, of the "
                     "result the client sees rounded logits; both are assumed to "
                     "follow the protocol.";
    default:
        return "";
    }
}
