// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>

#include "bench.h"
#include "proxy.h"

static const char name[] = "proxy";

static const char help[] =
    "usage: bayhenn-bench proxy --listen HOST:PORT --connect HOST:PORT --link LINK\n"
    "\n"
    "Carries TCP connections with the delay and the bandwidth of a link, to put\n"
    "between a client and a server on one machine.\n"
    "\n"
    "  --listen HOST:PORT   where clients connect to; port 0 picks a free one\n"
    "  --connect HOST:PORT  the server\n"
    "  --link LINK          10gbit, 1gbit, 100mbit,40ms or BYTES/S,RTT: bandwidth of\n"
    "                       each direction and round trip\n"
    "\n"
    "example:\n"
    "  bayhenn-bench proxy --listen localhost:7444 --connect localhost:7443 \\\n"
    "    --link 100mbit,40ms\n";

typedef struct proxy_options {
    const char *listen, *connect, *link_text;
    bh_link link;
} proxy_options;

// A signal handler gets no argument: the one place where state is global.
static proxy *volatile running;

static void on_signal(int number)
{
    (void)number;
    proxy_stop(running);
}

static bool take(void *user, int c)
{
    proxy_options *o = user;
    switch (c) {
    case 'l':
        o->listen = optarg;
        return true;
    case 'c':
        o->connect = optarg;
        return true;
    case 'k':
        o->link_text = optarg;
        return bench_link(name, optarg, "", &o->link);
    default:
        return false;
    }
}

static int run(const proxy_options *o)
{
    bh_error err = {0};
    proxy *p = NULL;
    bench_need_with(name, proxy_new(&p, o->listen, o->connect, &o->link, &err), &err);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    running = p;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    printf("listening on port %u\n", proxy_port(p));
    fflush(stdout);
    bh_status status = proxy_run(p, &err);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    proxy_free(p);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

int bench_proxy(int argc, char **argv)
{
    static const struct option longs[] = {{"listen", required_argument, NULL, 'l'},
                                          {"connect", required_argument, NULL, 'c'},
                                          {"link", required_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    proxy_options o = {0};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "--listen", o.listen) ||
        !cli_needs(name, "--connect", o.connect) ||
        !cli_needs(name, "--link", o.link_text)) {
        return CLI_USAGE;
    }
    return run(&o);
}
