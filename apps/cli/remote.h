// SPDX-License-Identifier: Apache-2.0
// The options that name a server, shared by infer, eval and info.
#ifndef BH_CLI_REMOTE_H
#define BH_CLI_REMOTE_H

#include "cli.h"
#include "net/tls.h"

typedef struct remote {
    const char *connect, *ca, *fingerprint, *guard, *timeout;
} remote;

// Values for the `val` of the options below, above every character.
enum {
    REMOTE_CONNECT = 1000,
    REMOTE_CA,
    REMOTE_FINGERPRINT,
    REMOTE_GUARD,
    REMOTE_TIMEOUT,
};

#define REMOTE_OPTIONS                                                                 \
    {"connect", required_argument, NULL, REMOTE_CONNECT},                              \
        {"ca", required_argument, NULL, REMOTE_CA},                                    \
        {"fingerprint", required_argument, NULL, REMOTE_FINGERPRINT},                  \
        {"guard", required_argument, NULL, REMOTE_GUARD},                              \
    {                                                                                  \
        "timeout", required_argument, NULL, REMOTE_TIMEOUT                             \
    }

#define REMOTE_HELP                                                                    \
    "  --connect HOST:PORT  the server; port 7443 where none is given\n"               \
    "  --ca FILE            its certificate must lead to one in FILE (PEM) ...\n"      \
    "  --fingerprint HEX    ... or have this SHA-256\n"                                \
    "  --guard NAME         refuse a server that offers a weaker guard [sampled]\n"    \
    "  --timeout SECONDS    longest silence to wait through [60]\n"

// Takes an option if it is one of these.
bool remote_take(remote *r, int option, const char *value);

// Whether any of them was given.
bool remote_is_given(const remote *r);

// Options for the library; complains (usage) and returns false if they do not fit.
bool remote_options(const char *command, const remote *r, bh_tls_client_options *out);

#endif
