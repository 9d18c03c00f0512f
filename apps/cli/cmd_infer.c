// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/error.h"
#include "input.h"
#include "profile.h"
#include "remote.h"
#include "result.h"

static const char name[] = "infer";

static const char help[] =
    "usage: bayhenn infer --connect HOST:PORT (--ca FILE | --fingerprint HEX)\n"
    "                     [--guard NAME] [--timeout SECONDS] [--threads N]\n"
    "                     [--profile FILE] [--json] IMAGE...\n"
    "\n"
    "Has a server predict images under encryption: it sees neither the images nor the\n"
    "results. An IMAGE is a PNG file (any size; it is resized as the server's model\n"
    "asks) or images of an IDX file by number: FILE:7, or FILE:0-19. Digits are light\n"
    "on dark, as in MNIST; what is transparent is laid on white.\n"
    "\n" REMOTE_HELP "  --threads N          to encrypt and decrypt on [1]\n"
    "  --profile FILE       writes what each layer took, for plan --profile\n"
    "  --json               a line of JSON for every image\n"
    "\n"
    "For every image: a bar per class; the predictive entropy (0: certain) and, as a\n"
    "part of it, the mutual information: what the model itself does not know.\n"
    "\n"
    "example:\n"
    "  bayhenn infer --connect localhost:7443 --ca certs/server.crt \\\n"
    "    share/mnist/mnist-0003-label0.png\n";

typedef struct infer_options {
    remote server;
    const char *profile_path; // or NULL
    FILE *profile;            // open for writing, or NULL
    bool json;
    uint64_t threads;
} infer_options;

// log: what the queries took is added to it.
static int predict_all(bh_tls_client *connection, const inputs *in, bool json,
                       profile_log *log)
{
    ui u = ui_make();
    bh_error err = {0};
    bh_client_facts facts = bh_client_get_facts(bh_tls_client_engine(connection));
    if (!json) {
        result_print_guard(&facts, &u);
    }
    for (size_t i = 0; i < in->count; i++) {
        shown_result result;
        if (fflush(stdout) != 0 || ferror(stdout)) {
            return cli_fail_output(name); // the rest would be asked for in vain
        }
        if (!json || in->count > 1) {
            ui_progress(&u, in->items[i].name, (double)i / (double)in->count, -1, "");
        }
        bh_status status = result_query(&result, connection, in->items[i].name,
                                        in->items[i].pixels, &err);
        ui_progress_end(&u);
        if (status == BH_OK &&
            profile_add(log, &facts, &result.r, result.total_ms) != BH_OK) {
            status = bh_fail_plain(&err, BH_ERR_NOMEM);
        }
        if (status != BH_OK) {
            return cli_fail_with(name, &err);
        }
        if (json) {
            result_print_json(&result);
        } else {
            result_print(&result, &u, NULL, "");
        }
    }
    return CLI_OK;
}

static int infer(const infer_options *o, bh_tls_client_options *options, inputs *in)
{
    bh_error err = {0};
    bh_tls_client *connection = NULL;
    bh_pool *pool = NULL;
    bh_status connected = cli_pool(&pool, o->threads, &err);
    if (connected == BH_OK) {
        options->pool = pool;
        connected = bh_tls_client_new(&connection, options, &err);
    }
    if (connected != BH_OK) {
        bh_pool_free(pool);
        return cli_fail_with(name, &err);
    }
    bh_client_facts facts = bh_client_get_facts(bh_tls_client_engine(connection));
    bh_shape shape = {facts.channels, facts.height, facts.width};
    profile_log log = {0};
    int status = inputs_load(name, in, shape);
    if (status == CLI_OK) {
        status = predict_all(connection, in, o->json, &log);
    }
    if (status == CLI_OK && o->profile != NULL &&
        profile_write(&log, o->profile, &err) != BH_OK) {
        status = cli_fail_with(name, &err);
    }
    profile_clear(&log);
    bh_tls_client_free(connection);
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
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    infer_options o = {.threads = 1};
    bh_tls_client_options options;
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!remote_options(name, &o.server, &options)) {
        return CLI_USAGE;
    }
    if (optind == argc) {
        return cli_usage(name, "no image is named");
    }
    inputs in = {0};
    int status = inputs_find(name, &in, argv + optind, (size_t)(argc - optind));
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
