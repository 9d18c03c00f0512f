// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "bench.h"
#include "machine.h"
#include "net/selfsigned.h"
#include "net/tls.h"
#include "report.h"
#include "subject.h"

static const char name[] = "memory";

enum { CLIENTS_MAX = 64, QUERIES = 2, TIMEOUT_MS = 600000 };

static const char help[] =
    "usage: bayhenn-bench memory (--net NAME | --model FILE) [--samples S]\n"
    "                            [--clients N] [--json]\n"
    "\n"
    "The most memory that a server holds while N clients are connected over TLS and\n"
    "ask all at once, two queries each. The clients are another process: what is\n"
    "shown is the server's alone, its model and libraries included.\n"
    "\n" SUBJECT_HELP "  --clients N    [16]\n"
    "  --json         one line of JSON\n"
    "\n"
    "example:\n"
    "  bayhenn-bench memory --net lenet-caffe --samples 8 --clients 16\n";

typedef struct memory_options {
    subject_options subject;
    uint32_t clients;
    bool json;
} memory_options;

// ---- the clients' process ----

typedef struct asker {
    pthread_t thread;
    pthread_barrier_t *connected;
    const subject *subject;
    const bh_tls_client_options *options;
    uint32_t samples;
    bool ok;
    bh_error err;
} asker;

static void *ask(void *argument)
{
    asker *a = argument;
    bh_tls_client *client = NULL;
    a->ok = bh_tls_client_new(&client, a->options, &a->err) == BH_OK;
    pthread_barrier_wait(a->connected);
    for (int i = 0; i < QUERIES && a->ok; i++) {
        bh_client_result result;
        a->ok = bh_tls_client_query(client, &result, a->subject->pixels, &a->err) ==
                    BH_OK &&
                subject_is_likely(a->subject, result.logits, a->samples);
    }
    bh_tls_client_free(client);
    return NULL;
}

static int ask_all(const memory_options *o, const subject *sub,
                   const bh_tls_client_options *options)
{
    asker askers[CLIENTS_MAX];
    pthread_barrier_t connected;
    int status = CLI_OK;
    pthread_barrier_init(&connected, NULL, o->clients);
    for (uint32_t i = 0; i < o->clients; i++) {
        askers[i] = (asker){.connected = &connected,
                            .subject = sub,
                            .options = options,
                            .samples = o->subject.samples};
        if (pthread_create(&askers[i].thread, NULL, ask, &askers[i]) != 0) {
            exit(cli_fail(name, "cannot start a thread"));
        }
    }
    for (uint32_t i = 0; i < o->clients; i++) {
        pthread_join(askers[i].thread, NULL);
        if (!askers[i].ok && askers[i].err.message[0] == '\0') {
            status = cli_fail(name, "a result is not what clear inference gives");
        } else if (!askers[i].ok) {
            status = cli_fail_with(name, &askers[i].err);
        }
    }
    pthread_barrier_destroy(&connected);
    return status;
}

// Learns the server's port from the pipe.
static int run_clients(const memory_options *o, const bh_selfsigned *identity,
                       int port_fd)
{
    subject sub;
    uint16_t port = 0;
    bh_error err = {0};
    char address[64];
    if (read(port_fd, &port, sizeof port) != sizeof port) {
        return CLI_FAILURE; // the server has said why
    }
    bench_need_with(name, subject_init(&sub, &o->subject, &err), &err);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    const bh_tls_client_options options = {.connect = address,
                                           .ca_file = identity->cert,
                                           .guard = o->subject.guard,
                                           .timeout_ms = TIMEOUT_MS};
    int status = ask_all(o, &sub, &options);
    subject_clear(&sub);
    return status;
}

// ---- the server's process ----

typedef struct figures {
    uint64_t idle, peak;
} figures;

static void *run_server(void *argument)
{
    (void)!bh_tls_server_run(argument, NULL);
    return NULL;
}

// Serves until the clients' process has ended; its exit status is returned.
static int serve(figures *out, bh_tls_server *server, int port_fd, pid_t clients)
{
    pthread_t thread;
    int status = 0;
    uint16_t port = bh_tls_server_port(server);
    if (pthread_create(&thread, NULL, run_server, server) != 0) {
        return cli_fail(name, "cannot start a thread");
    }
    (void)machine_reset_peak_rss();
    out->idle = machine_rss();
    bool told = write(port_fd, &port, sizeof port) == sizeof port;
    bool ended = told && waitpid(clients, &status, 0) == clients && WIFEXITED(status);
    out->peak = machine_peak_rss();
    bh_tls_server_stop(server);
    pthread_join(thread, NULL);
    return ended ? WEXITSTATUS(status) : cli_fail(name, "the clients are gone");
}

static int run_service(figures *out, const memory_options *o,
                       const bh_selfsigned *identity, int port_fd, pid_t clients)
{
    bh_error err = {0};
    bh_model *model = NULL;
    bh_service *service = NULL;
    bh_tls_server *server = NULL;
    const bh_service_options service_options = {.guard = o->subject.guard,
                                                .samples = o->subject.samples};
    const bh_tls_server_options net = {.listen = "127.0.0.1:0",
                                       .cert_file = identity->cert,
                                       .key_file = identity->key,
                                       .workers = o->clients,
                                       .idle_timeout_ms = TIMEOUT_MS};
    bench_need_with(name, subject_load(&model, &o->subject, &err), &err);
    bench_need_with(name, bh_service_new(&service, model, &service_options, &err),
                    &err);
    bench_need_with(name, bh_tls_server_new(&server, service, &net, &err), &err);
    int status = serve(out, server, port_fd, clients);
    bh_tls_server_free(server);
    bh_service_free(service);
    bh_model_free(model);
    return status;
}

// ---- both ----

static void print(const memory_options *o, const figures *f)
{
    const char *net = subject_name(&o->subject);
    if (o->json) {
        report_json(
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "net", net, "guard",
                      bh_guard_name(o->subject.guard), "samples",
                      (json_int_t)o->subject.samples, "clients", (json_int_t)o->clients,
                      "queries", (json_int_t)o->clients * QUERIES, "idle_rss_bytes",
                      (json_int_t)f->idle, "peak_rss_bytes", (json_int_t)f->peak));
        return;
    }
    printf("%s, S = %u: server with %u client%s\n\n"
           "idle %8.1f MB\npeak %8.1f MB\n",
           net, o->subject.samples, o->clients, o->clients == 1 ? "" : "s",
           (double)f->idle / 1e6, (double)f->peak / 1e6);
}

static int run(const memory_options *o)
{
    bh_selfsigned identity;
    figures f = {0};
    int fds[2];
    if (!bh_selfsigned_make(&identity) || pipe(fds) != 0) {
        return cli_fail(name, "cannot make a certificate or a pipe");
    }
    fflush(NULL);           // or the child would print it again
    pid_t clients = fork(); // no thread is running yet
    if (clients == 0) {
        close(fds[1]);
        _exit(run_clients(o, &identity, fds[0]));
    }
    close(fds[0]);
    int status = clients > 0 ? run_service(&f, o, &identity, fds[1], clients)
                             : cli_fail(name, "cannot start a process");
    close(fds[1]);
    bh_selfsigned_remove(&identity);
    if (status == CLI_OK) {
        print(o, &f);
    }
    return status;
}

static bool take(void *user, int c)
{
    memory_options *o = user;
    uint64_t number = 0;
    bool ok = true;
    switch (c) {
    case 'c':
        ok = cli_number(name, "--clients", optarg, 1, CLIENTS_MAX, &number);
        o->clients = (uint32_t)number;
        break;
    case 'j':
        o->json = true;
        break;
    default:
        ok = subject_take(name, &o->subject, c, optarg);
    }
    return ok;
}

int bench_memory(int argc, char **argv)
{
    static const struct option longs[] = {SUBJECT_OPTIONS,
                                          {"clients", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    memory_options o = {.subject = SUBJECT_DEFAULTS, .clients = 16};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !subject_is_named(name, &o.subject)) {
        return CLI_USAGE;
    }
    return run(&o);
}
