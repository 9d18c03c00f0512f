// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "input.h"
#include "lines.h"
#include "net/clock.h"
#include "profile.h"
#include "remote.h"
#include "result.h"

static const char name[] = "infer";

static const char help[] =
    "usage: bayhenn infer --connect HOST:PORT (--ca FILE | --fingerprint HEX)\n"
    "                     [--guard NAME] [--timeout SECONDS] [--threads N]\n"
    "                     [--profile FILE] [--label COLUMN] [--json] (INPUT... | -)\n"
    "\n"
    "Has a server predict inputs that it does not see, nor the results. An INPUT is\n"
    "a PNG file (any size; it is resized as the server's model asks) or images of an\n"
    "IDX file by number: FILE:7, or FILE:0-19. Digits are light on dark, as in\n"
    "MNIST; what is transparent is laid on white. For a model of tables it is rows of\n"
    "a table: FILE.csv:7, or FILE.csv:0-19, from 0 behind the names of columns.\n"
    "\n"
    "With - the names of inputs come from standard input, one a line. Under guard\n"
    "sealed, what a prediction takes and no input has a part in is prepared while no\n"
    "line is there, so that the next answer takes milliseconds. A line that names no\n"
    "input is reported and skipped; the exit status is 1 then.\n"
    "\n" REMOTE_HELP "  --threads N          to encrypt and decrypt on [1]\n"
    "  --profile FILE       writes what each layer took, for plan --profile; guard\n"
    "                       sampled alone\n"
    "  --label COLUMN       of a table: the class, and no part of the input [the last\n"
    "                       column, if the table has one more than the model]\n"
    "  --json               a line of JSON for every input\n"
    "\n"
    "For every input: a bar per class; the predictive entropy (0: certain) and, as a\n"
    "part of it, the mutual information: what the model itself does not know. Of a\n"
    "server that reveals the label alone: the label.\n"
    "\n"
    "examples:\n"
    "  bayhenn infer --connect localhost:7443 --ca certs/server.crt \\\n"
    "    share/mnist/mnist-0003-label0.png\n"
    "  bayhenn infer --connect clinic.example --ca clinic.crt patients.csv:0-9\n"
    "  ls share/mnist/*.png | bayhenn infer --connect localhost:7443 \\\n"
    "    --ca certs/server.crt --json -\n";

typedef struct infer_options {
    remote server;
    const char *profile_path; // or NULL
    const char *label;        // of tables; or NULL
    FILE *profile;            // open for writing, or NULL
    bool json;
    bool lines; // inputs are named on standard input
    uint64_t threads;
} infer_options;

typedef struct session {
    const infer_options *o;
    const bh_tls_client_options *options;
    bh_tls_client *connection;
    profile_log log;   // what the queries took
    uint64_t heard_us; // when the server was last heard of
    bool skipped;      // a line that names no input
    ui u;
} session;

static bh_client_facts facts_of(const session *s)
{
    return bh_client_get_facts(bh_tls_client_engine(s->connection));
}

// Connects anew after a long silence: a server drops who is silent, and a person may
// be. False: the error has another reason, or there is no way back.
static bool come_back(session *s, uint64_t asked_us, bh_error *err)
{
    enum { SILENT_US = 1000000 };
    bool lost = err->status == BH_ERR_IO || err->status == BH_ERR_PEER;
    // Who waited in vain for an answer was not dropped.
    uint64_t waited_us = bh_clock_us() - asked_us;
    return s->o->lines && lost && asked_us - s->heard_us >= SILENT_US &&
           waited_us < s->options->timeout_ms * UINT64_C(1000) &&
           remote_renew(s->options, &s->connection, err) == BH_OK;
}

static bh_status ask(session *s, const input *item, shown_result *result, bh_error *err)
{
    uint64_t asked_us = bh_clock_us();
    bh_status status =
        result_query(result, s->connection, item->name, item->pixels, err);
    if (status != BH_OK && come_back(s, asked_us, err)) {
        status = result_query(result, s->connection, item->name, item->pixels, err);
    }
    bh_client_facts facts = facts_of(s);
    if (status == BH_OK && s->o->profile != NULL &&
        profile_add(&s->log, &facts, &result->r, result->total_ms) != BH_OK) {
        status = bh_fail_plain(err, BH_ERR_NOMEM);
    }
    s->heard_us = bh_clock_us();
    return status;
}

static int predict_all(session *s, const inputs *in)
{
    bh_error err = {0};
    for (size_t i = 0; i < in->count; i++) {
        shown_result result;
        if (fflush(stdout) != 0 || ferror(stdout)) {
            return cli_fail_output(name); // the rest would be asked for in vain
        }
        if (!s->o->json || in->count > 1) {
            ui_progress(&s->u, in->items[i].name, (double)i / (double)in->count, -1,
                        "");
        }
        bh_status status = ask(s, &in->items[i], &result, &err);
        ui_progress_end(&s->u);
        if (status != BH_OK) {
            return cli_fail_with(name, &err);
        }
        if (s->o->json) {
            result_print_json(&result);
        } else {
            result_print(&result, &s->u, NULL, "");
        }
    }
    return CLI_OK;
}

// Prepares queries until there is a line, or enough is prepared; then waits for it.
static lines_found next_line(session *s, lines *from, char **line, bh_error *err)
{
    bh_status status = BH_OK;
    for (;;) {
        lines_found found = lines_next(from, status == BH_WANT_MORE, line);
        if (found != LINES_NONE) {
            return found;
        }
        status = bh_tls_client_prepare(s->connection, err);
        if (status != BH_OK && status != BH_WANT_MORE) {
            return LINES_NONE; // and err says why
        }
        s->heard_us = status == BH_OK ? bh_clock_us() : s->heard_us;
    }
}

static int predict_line(session *s, char *line)
{
    inputs in = {.label = s->o->label};
    int status = CLI_OK;
    if (inputs_find(name, &in, &line, 1) != CLI_OK ||
        inputs_load(name, &in, bh_tls_client_engine(s->connection)) != CLI_OK) {
        s->skipped = true;
    } else {
        status = predict_all(s, &in);
    }
    inputs_free(&in);
    return status;
}

static int predict_lines(session *s)
{
    lines from = {.fd = STDIN_FILENO};
    int status = CLI_OK;
    if (isatty(STDIN_FILENO) == 1 && s->u.progress) {
        fputs("names of images or rows, one a line; Ctrl-D ends\n", stderr);
    }
    while (status == CLI_OK) {
        char *line = NULL;
        bh_error err = {0};
        switch (next_line(s, &from, &line, &err)) {
        case LINES_LINE:
            status = line[0] != '\0' ? predict_line(s, line) : CLI_OK;
            break;
        case LINES_BAD:
            s->skipped = true;
            cli_fail(name, "a line of standard input is no name of an input");
            break;
        case LINES_NONE:
            return cli_fail_with(name, &err);
        case LINES_END:
            return CLI_OK;
        default:
            return cli_fail(name, "cannot read standard input: %s", strerror(errno));
        }
    }
    return status;
}

static int predict(session *s, inputs *in)
{
    bh_client_facts facts = facts_of(s);
    bh_error err = {0};
    int status = inputs_load(name, in, bh_tls_client_engine(s->connection));
    if (status != CLI_OK) {
        return status;
    }
    if (!s->o->json) {
        result_print_guard(&facts, &s->u);
    }
    status = s->o->lines ? predict_lines(s) : predict_all(s, in);
    if (status == CLI_OK && s->o->profile != NULL && s->log.queries == 0) {
        return cli_fail(name, "nothing was predicted: there is no profile");
    }
    if (status == CLI_OK && s->o->profile != NULL &&
        profile_write(&s->log, s->o->profile, &err) != BH_OK) {
        return cli_fail_with(name, &err);
    }
    return status == CLI_OK && s->skipped ? CLI_FAILURE : status;
}

static int infer(const infer_options *o, bh_tls_client_options *options, inputs *in)
{
    bh_error err = {0};
    bh_pool *pool = NULL;
    session s = {.o = o, .options = options, .u = ui_make()};
    if (cli_pool(&pool, o->threads, &err) != BH_OK) {
        return cli_fail_with(name, &err);
    }
    options->pool = pool;
    int status = remote_open(name, &o->server, options, &s.connection);
    s.heard_us = bh_clock_us();
    if (status == CLI_OK) {
        status = predict(&s, in);
    }
    profile_clear(&s.log);
    bh_tls_client_free(s.connection);
    bh_pool_free(pool);
    return status;
}

// What cannot be written is noticed before a server is asked.
static int open_profile(infer_options *o)
{
    bh_error err = {0};
    o->profile = profile_open(o->profile_path, &err);
    return o->profile != NULL ? CLI_OK : cli_fail_with(name, &err);
}

static bool take(void *user, int c)
{
    infer_options *o = user;
    o->json |= c == 'j';
    if (c == 'l') {
        o->label = optarg;
        return true;
    }
    if (c == 'p') {
        o->profile_path = optarg;
        if (optarg[0] == '\0') {
            cli_usage(name, "--profile takes the name of a file, not \"\"");
        }
        return optarg[0] != '\0';
    }
    if (c == 't') {
        return cli_number(name, "--threads", optarg, 1, BH_POOL_THREADS_MAX,
                          &o->threads);
    }
    return c == 'j' || remote_take(&o->server, c, optarg);
}

int cmd_infer(int argc, char **argv)
{
    static const struct option longs[] = {REMOTE_OPTIONS,
                                          {"threads", required_argument, NULL, 't'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"label", required_argument, NULL, 'l'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    infer_options o = {.server = {.wanted = CLI_GUARD_DEFAULT}, .threads = 1};
    bh_tls_client_options options;
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!remote_options(name, &o.server, &options)) {
        return CLI_USAGE;
    }
    // The plan of guard `sealed` has no times of layers to compare them with.
    if (o.profile_path != NULL && o.server.wanted != BH_GUARD_SAMPLED) {
        return cli_usage(name, "--profile is for plan --profile, which knows the times "
                               "of --guard sampled alone");
    }
    if (optind == argc) {
        return cli_usage(name, "no image or row is named");
    }
    size_t n_lines = 0, n_inputs = (size_t)(argc - optind);
    for (size_t i = 0; i < n_inputs; i++) {
        n_lines += strcmp(argv[optind + (int)i], "-") == 0;
    }
    o.lines = n_lines > 0;
    if (o.lines && n_inputs > 1) {
        return cli_usage(name, "- stands alone: inputs are named here or on standard "
                               "input (a file of that name is ./-)");
    }
    inputs in = {.label = o.label};
    int status = o.lines ? CLI_OK : inputs_find(name, &in, argv + optind, n_inputs);
    if (status == CLI_OK && o.label != NULL && !o.lines && !inputs_have_rows(&in)) {
        status = cli_usage(name, "--label is for rows of a table, and none is named");
    }
    if (status == CLI_OK && o.profile_path != NULL) {
        status = open_profile(&o);
    }
    if (status == CLI_OK) {
        status = infer(&o, &options, &in);
    }
    if (o.profile != NULL && fclose(o.profile) != 0 && status == CLI_OK) {
        status = cli_fail_output(name);
    }
    inputs_free(&in);
    return status;
}
