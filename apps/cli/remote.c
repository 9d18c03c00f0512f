// SPDX-License-Identifier: Apache-2.0
#include "remote.h"

#include <string.h>

#include "base/error.h"

bool remote_take(remote *r, int option, const char *value)
{
    switch (option) {
    case REMOTE_CONNECT:
        r->connect = value;
        return true;
    case REMOTE_CA:
        r->ca = value;
        return true;
    case REMOTE_FINGERPRINT:
        r->fingerprint = value;
        return true;
    case REMOTE_GUARD:
        r->guard = value;
        return true;
    case REMOTE_TIMEOUT:
        r->timeout = value;
        return true;
    default:
        return false;
    }
}

bool remote_is_given(const remote *r)
{
    return r->connect != NULL || r->ca != NULL || r->fingerprint != NULL ||
           r->guard != NULL || r->timeout != NULL;
}

bool remote_options(const char *command, remote *r, bh_tls_client_options *out)
{
    uint64_t seconds = 60;
    if (!cli_needs(command, "--connect", r->connect)) {
        return false;
    }
    if ((r->ca == NULL) == (r->fingerprint == NULL)) {
        cli_usage(command, "%s to check the server's certificate",
                  r->ca == NULL ? "--ca or --fingerprint is needed"
                                : "give --ca or --fingerprint, not both,");
        return false;
    }
    if ((r->guard != NULL && !cli_guard(command, r->guard, &r->wanted)) ||
        (r->timeout != NULL &&
         !cli_number(command, "--timeout", r->timeout, 1, 86400, &seconds))) {
        return false;
    }
    *out = (bh_tls_client_options){.connect = r->connect,
                                   .ca_file = r->ca,
                                   .fingerprint = r->fingerprint,
                                   .guard = r->wanted,
                                   .timeout_ms = (uint32_t)seconds * 1000};
    return true;
}

static int refuse(const char *command, bh_guard offered)
{
    return cli_fail(command, "%s",
                    offered == BH_GUARD_SAMPLED
                        ? "the server offers guard sampled, which hides your images "
                          "but not its model's weights: --guard sampled accepts that"
                        : "the server offers guard sealed, which hides your images "
                          "only from a server that follows the protocol: --guard "
                          "sealed accepts that");
}

int remote_open(const char *command, const remote *r,
                const bh_tls_client_options *options, bh_tls_client **out)
{
    bh_error err = {0};
    bh_status status = bh_tls_client_new(out, options, &err);
    if (status == BH_ERR_GUARD) { // there are two
        return refuse(command, r->wanted == BH_GUARD_SEALED ? BH_GUARD_SAMPLED
                                                            : BH_GUARD_SEALED);
    }
    return status == BH_OK ? CLI_OK : cli_fail_with(command, &err);
}

static bool same_model(const bh_client_facts *f, const bh_client_facts *g)
{
    return f->guard == g->guard && f->reveal == g->reveal && f->samples == g->samples &&
           f->n_classes == g->n_classes && f->channels == g->channels &&
           f->height == g->height && f->width == g->width &&
           strcmp(f->model_name, g->model_name) == 0 &&
           strcmp(f->dataset, g->dataset) == 0;
}

bh_status remote_renew(const bh_tls_client_options *options, bh_tls_client **connection,
                       bh_error *err)
{
    bh_tls_client *again = NULL;
    bh_status status = bh_tls_client_new(&again, options, err);
    if (status != BH_OK) {
        return status;
    }
    bh_client_facts before = bh_client_get_facts(bh_tls_client_engine(*connection));
    bh_client_facts now = bh_client_get_facts(bh_tls_client_engine(again));
    if (!same_model(&before, &now)) {
        bh_tls_client_free(again);
        return bh_fail(err, BH_ERR_PEER, "the server offers another model than before");
    }
    bh_tls_client_free(*connection);
    *connection = again;
    return BH_OK;
}
