// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "cli.h"
#include "model/model.h"
#include "net/address.h"
#include "net/clock.h"
#include "net/tls.h"
#include "ui.h"

static const char name[] = "serve";

static const char help[] =
    "usage: bayhenn serve --model FILE --listen HOST:PORT --cert FILE --key FILE\n"
    "                     [--guard NAME] [--samples S] [--reveal WHAT]\n"
    "                     [--logit-bits N] [--ahead N] [--prepare BYTES]\n"
    "                     [--link LINK] [--workers N] [--threads N]\n"
    "                     [--idle-timeout SECONDS] [--quiet]\n"
    "\n"
    "Offers a model's predictions. The server sees neither images nor results.\n"
    "\n"
    "  --model FILE           a trained model (.bhn)\n"
    "  --listen HOST:PORT     every address of HOST, as in localhost:7443; 0.0.0.0 or\n"
    "                         [::] for all of this machine; port 0 picks a free one\n"
    "  --cert FILE            certificate chain (PEM); scripts/make-cert makes one\n"
    "  --key FILE             its private key (PEM)\n"
    "  --guard NAME           what clients get to see of the model [sealed]:\n"
    "                         sealed: of hidden layers random numbers only, if both\n"
    "                         sides follow the protocol; the weights stay hidden\n"
    "                         sampled: exact outputs of freshly drawn layers. Any\n"
    "                         client can compute the weights from them; images are\n"
    "                         hidden even from a server that cheats\n"
    "  --samples S            draws of the weights for every image [8]\n"
    "  --link LINK            what the plan is made for: 10gbit, 1gbit, 100mbit,40ms,\n"
    "                         bytes (per second) with or without a round trip, or\n"
    "                         \"bytes\" for the fewest bytes [1gbit]\n"
    "  --workers N            clients served side by side [4]; one that is connected\n"
    "                         and asks nothing holds its worker, for the idle timeout\n"
    "  --threads N            that compute one answer [1]; all clients share them,\n"
    "                         and a client that finds them busy is served by its\n"
    "                         worker alone\n"
    "  --idle-timeout SECONDS a client silent for so long is dropped [60]\n"
    "  --quiet                no line for every connection on stderr\n"
    "\n"
    "guard sealed alone:\n"
    "  --reveal WHAT          logits of every draw, or the label alone, which has no\n"
    "                         probabilities and no uncertainty [logits]\n"
    "  --logit-bits N         fraction bits that logits keep, 1 to 24 [8]; fewer tell\n"
    "                         less of the last layer\n"
    "  --ahead N              queries that a client may have prepared, which take\n"
    "                         memory while its session lasts, 1 to 255 [4]\n"
    "guard sampled alone:\n"
    "  --prepare BYTES        memory for work done ahead, as in 500M, once no query\n"
    "                         was under way for 20 ms, if a worker is free; room for\n"
    "                         one query's at least [0: nothing is]\n"
    "\n"
    "examples:\n"
    "  scripts/make-cert certs\n"
    "  bayhenn serve --model models/lenet5-mnist.bhn --listen localhost:7443 \\\n"
    "    --cert certs/server.crt --key certs/server.key\n"
    "  bayhenn serve --model models/lenet5-mnist.bhn --listen localhost:7443 \\\n"
    "    --cert certs/server.crt --key certs/server.key --reveal label\n";

typedef struct serve_options {
    const char *model;
    const char *of_sealed; // the last option given that is of this guard alone, or NULL
    const char *of_sampled;
    bh_tls_server_options net;
    bh_service_options service;
    uint32_t threads;
} serve_options;

// A signal handler gets no argument: the one place where state is global.
static bh_tls_server *volatile running;

static void on_signal(int number)
{
    (void)number;
    bh_tls_server_stop(running);
}

static void stop_on_signals(bh_tls_server *server)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    running = server;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); // whoever read the log may go; the server stays
}

static void print_line(void *user, const char *line)
{
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm fields;
    (void)user;
    if (localtime_r(&now, &fields) != NULL) {
        strftime(stamp, sizeof stamp, "%H:%M:%S", &fields);
    }
    fprintf(stderr, "%s %s\n", stamp, line);
}

// What is in force, in a sentence, and what clients learn.
static void print_guard(const bh_service *service, const bh_service_options *o)
{
    ui u = ui_make();
    char text[256], bytes[UI_TEXT_BYTES];
    snprintf(text, sizeof text, "%sguard %s%s: ", ui_on(&u, UI_BOLD),
             bh_guard_name(o->guard), ui_on(&u, UI_PLAIN));
    if (o->guard == BH_GUARD_SAMPLED) {
        ui_wrap(&u, text, 2,
                "the weights are NOT protected, any client can compute them");
        return;
    }
    ui_wrap(&u, text, 2,
            "of hidden layers clients see random numbers only, if they follow the "
            "protocol");
    if (o->reveal == BH_REVEAL_LABEL) {
        snprintf(text, sizeof text, "the label alone, of %u draw%s", o->samples,
                 o->samples == 1 ? "" : "s");
    } else {
        uint32_t bits = o->logit_bits > 0 ? o->logit_bits : BH_LOGIT_BITS_DEFAULT;
        snprintf(text, sizeof text, "the logits of %u draw%s, cut to %u fraction bit%s",
                 o->samples, o->samples == 1 ? "" : "s", bits, bits == 1 ? "" : "s");
    }
    ui_wrap(&u, "clients learn ", 2, text);
    uint32_t ahead = o->ahead > 0 ? o->ahead : BH_AHEAD_DEFAULT;
    snprintf(text, sizeof text, "%u quer%s prepared ahead, in at most %s a client",
             ahead, ahead == 1 ? "y" : "ies",
             ui_bytes(bytes, bh_service_session_bytes(service)));
    ui_wrap(&u, "clients may have ", 2, text);
}

// An equal mixture takes as many draws of each member.
static void print_members(const bh_model *model, uint32_t samples)
{
    if (samples % model->members != 0) {
        fprintf(
            stderr,
            "bayhenn serve: %u draws of a model of %u members: some count more than "
            "others; --samples of a multiple of %u makes them equal\n",
            samples, model->members, model->members);
    }
}

// False if nobody can read it: whoever started the server waits for this line.
static bool print_listening(const bh_tls_server *server, const bh_service *service,
                            const serve_options *o)
{
    bh_address address;
    char port[8], text[BH_ADDRESS_TEXT_MAX];
    snprintf(port, sizeof port, "%u", (unsigned)bh_tls_server_port(server));
    if (bh_address_parse(&address, o->net.listen, 0, NULL) != BH_OK) {
        return false; // it was parsed before: cannot be
    }
    bh_address_format(text, address.host, port);
    print_guard(service, &o->service);
    if (o->service.prepare_bytes > 0) {
        printf("prepares %.1f queries ahead\n", bh_service_prepared_queries(service));
    }
    printf("listening on %s\n", text);
    return fflush(stdout) == 0 && !ferror(stdout);
}

static bh_status run(bh_tls_server *server, const bh_service *service,
                     const serve_options *o, bh_error *err)
{
    stop_on_signals(server);
    bh_status status = print_listening(server, service, o)
                           ? bh_tls_server_run(server, err)
                           : bh_fail(err, BH_ERR_IO, CLI_OUTPUT_LOST);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return status;
}

static int serve(serve_options *o)
{
    bh_error err = {0};
    bh_model *model = NULL;
    bh_service *service = NULL;
    bh_tls_server *server = NULL;
    bh_pool *pool = NULL;
    bh_status status = bh_model_load(&model, o->model, &err);
    if (status == BH_OK) {
        status = cli_pool(&pool, o->threads, &err);
        o->service.pool = pool;
    }
    if (status == BH_OK) {
        status = bh_service_new(&service, model, &o->service, &err);
    }
    if (status == BH_OK) {
        print_members(model, o->service.samples);
        status = bh_tls_server_new(&server, service, &o->net, &err);
    }
    if (status == BH_OK) {
        status = run(server, service, o, &err);
    }
    bh_tls_server_free(server);
    bh_service_free(service);
    bh_pool_free(pool);
    bh_model_free(model);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static bool take(void *user, int c)
{
    serve_options *o = user;
    uint64_t number = 0;
    bool ok = true;
    switch (c) {
    case 'm':
        o->model = optarg;
        break;
    case 'l':
        o->net.listen = optarg;
        break;
    case 'c':
        o->net.cert_file = optarg;
        break;
    case 'k':
        o->net.key_file = optarg;
        break;
    case 'g':
        ok = cli_guard(name, optarg, &o->service.guard);
        break;
    case 's':
        ok = cli_number(name, "--samples", optarg, 1, BH_SAMPLES_MAX, &number);
        o->service.samples = (uint32_t)number;
        break;
    case 'L':
        ok = cli_link(name, optarg, &o->service.link);
        break;
    case 'w':
        ok = cli_number(name, "--workers", optarg, 1, BH_TLS_WORKERS_MAX, &number);
        o->net.workers = (uint32_t)number;
        break;
    case 'r':
        o->of_sealed = "--reveal";
        ok = cli_reveal(name, optarg, &o->service.reveal);
        break;
    case 'b':
        o->of_sealed = "--logit-bits";
        ok = cli_number(name, "--logit-bits", optarg, 1, BH_LOGIT_BITS_MAX, &number);
        o->service.logit_bits = (uint32_t)number;
        break;
    case 'a':
        o->of_sealed = "--ahead";
        ok = cli_number(name, "--ahead", optarg, 1, BH_AHEAD_MAX, &number);
        o->service.ahead = (uint32_t)number;
        break;
    case 'p':
        o->of_sampled = "--prepare";
        ok = cli_bytes(name, "--prepare", optarg, &o->service.prepare_bytes);
        break;
    case 't':
        ok = cli_number(name, "--threads", optarg, 1, BH_POOL_THREADS_MAX, &number);
        o->threads = (uint32_t)number;
        break;
    case 'i':
        ok = cli_number(name, "--idle-timeout", optarg, 1, 86400, &number);
        o->net.idle_timeout_ms = (uint32_t)number * 1000;
        break;
    case 'q':
        o->net.log = NULL;
        break;
    default:
        ok = false;
    }
    return ok;
}

static bool fits_guard(const serve_options *o)
{
    bool sealed = o->service.guard == BH_GUARD_SEALED;
    if (sealed && o->of_sampled != NULL) {
        cli_usage(name,
                  "%s is for guard sampled: under sealed every client has its own "
                  "queries prepared, and --ahead says how many",
                  o->of_sampled);
    } else if (!sealed && o->of_sealed != NULL) {
        cli_usage(name,
                  "%s is for guard sealed: under sampled clients see the outputs of "
                  "every layer",
                  o->of_sealed);
    }
    return (sealed ? o->of_sampled : o->of_sealed) == NULL;
}

int cmd_serve(int argc, char **argv)
{
    static const struct option longs[] = {
        {"model", required_argument, NULL, 'm'},
        {"listen", required_argument, NULL, 'l'},
        {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},
        {"guard", required_argument, NULL, 'g'},
        {"samples", required_argument, NULL, 's'},
        {"reveal", required_argument, NULL, 'r'},
        {"logit-bits", required_argument, NULL, 'b'},
        {"ahead", required_argument, NULL, 'a'},
        {"link", required_argument, NULL, 'L'},
        {"workers", required_argument, NULL, 'w'},
        {"prepare", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 't'},
        {"idle-timeout", required_argument, NULL, 'i'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    serve_options o = {
        .net = {.workers = 4, .idle_timeout_ms = 60000, .log = print_line},
        .service = {.guard = CLI_GUARD_DEFAULT, .samples = 8, .clock = bh_clock_us},
        .threads = 1,
    };
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "--model", o.model) ||
        !cli_needs(name, "--listen", o.net.listen) ||
        !cli_needs(name, "--cert", o.net.cert_file) ||
        !cli_needs(name, "--key", o.net.key_file) || !fits_guard(&o)) {
        return CLI_USAGE;
    }
    return serve(&o);
}
