// SPDX-License-Identifier: Apache-2.0
// The options that name a server, shared by infer, eval and info.
#ifndef BH_CLI_REMOTE_H
#define BH_CLI_REMOTE_H

#include "cli.h"
#include "net/tls.h"

typedef struct remote {
    const char *connect, *ca, *fingerprint, *guard, *timeout;
    // The guard that the server has to offer: neither is the weaker one for both sides,
    // so that no other one will do. 0: any, where no image is sent.
    bh_guard wanted;
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
    "  --guard NAME         the server has to offer this one [sealed]:\n"              \
    "                       sealed hides images from a server that follows the\n"      \
    "                       protocol, and the model's weights from clients;\n"         \
    "                       sampled hides images even from a server that cheats,\n"    \
    "                       and the weights from nobody\n"                             \
    "  --timeout SECONDS    longest silence to wait through [60]\n"

// Takes an option if it is one of these.
bool remote_take(remote *r, int option, const char *value);

// Whether any of them was given.
bool remote_is_given(const remote *r);

// Options for the library; complains (usage) and returns false if they do not fit.
// Where --guard is not given, `wanted` stays as it is.
bool remote_options(const char *command, remote *r, bh_tls_client_options *out);

// Connects, and refuses a server with another guard than the wanted one before it gets
// an image. Complains and returns an exit status.
int remote_open(const char *command, const remote *r,
                const bh_tls_client_options *options, bh_tls_client **out);

// A new connection in place of one that was lost; BH_ERR_PEER for another model behind
// it. After an error the old one stays, which can only be freed.
bh_status remote_renew(const bh_tls_client_options *options, bh_tls_client **connection,
                       bh_error *err) BH_MUST_CHECK;

#endif
