// SPDX-License-Identifier: Apache-2.0
#include "remote.h"

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

bool remote_options(const char *command, const remote *r, bh_tls_client_options *out)
{
    uint64_t seconds = 60;
    bh_guard guard = BH_GUARD_SAMPLED;
    if (!cli_needs(command, "--connect", r->connect)) {
        return false;
    }
    if ((r->ca == NULL) == (r->fingerprint == NULL)) {
        cli_usage(command, "%s to check the server's certificate",
                  r->ca == NULL ? "--ca or --fingerprint is needed"
                                : "give --ca or --fingerprint, not both,");
        return false;
    }
    if ((r->guard != NULL && !cli_guard(command, r->guard, &guard)) ||
        (r->timeout != NULL &&
         !cli_number(command, "--timeout", r->timeout, 1, 86400, &seconds))) {
        return false;
    }
    *out = (bh_tls_client_options){.connect = r->connect,
                                   .ca_file = r->ca,
                                   .fingerprint = r->fingerprint,
                                   .guard_min = guard,
                                   .timeout_ms = (uint32_t)seconds * 1000};
    return true;
}
