// SPDX-License-Identifier: Apache-2.0
#include "support/session.h"

#include <stdbool.h>

#include "protocol/service.h"
#include "support/test.h"

bh_status session_start(session *s, const bh_model *model, uint32_t samples,
                        bh_error *err)
{
    return session_start_on(s, model, samples, NULL, err);
}

bh_status session_start_on(session *s, const bh_model *model, uint32_t samples,
                           bh_pool *pool, bh_error *err)
{
    bh_service_options options = {.guard = BH_GUARD_SAMPLED, .samples = samples};
    *s = (session){.pool = pool};
    bh_status status = bh_service_new(&s->service, model, &options, err);
    if (status == BH_OK) {
        s->service->pool = pool;
        status = session_open(s);
    }
    return status;
}

bh_status session_start_with(session *s, const bh_model *model,
                             const bh_service_options *options, bh_error *err)
{
    *s = (session){.pool = options->pool};
    bh_status status = bh_service_new(&s->service, model, options, err);
    return status == BH_OK ? session_open(s) : status;
}

void session_end(session *s)
{
    session_close(s);
    bh_service_free(s->service);
    s->service = NULL;
}

bh_status session_open(session *s)
{
    bh_status status = bh_server_new(&s->server, s->service);
    bh_client_options options = {.guard = s->service->plan->guard, .pool = s->pool};
    return status == BH_OK ? bh_client_new(&s->client, &options) : status;
}

void session_close(session *s)
{
    bh_client_free(s->client);
    bh_server_free(s->server);
    s->client = NULL;
    s->server = NULL;
}

static size_t at_most(size_t len, size_t chunk)
{
    return len < chunk ? len : chunk;
}

bh_status session_serve(session *s, const uint8_t *in, size_t len, bh_error *err)
{
    bh_status status = bh_server_feed(s->server, in, len, err);
    while (status == BH_OK) {
        status = bh_server_work(s->server, err);
    }
    return status == BH_WANT_MORE ? BH_OK : status;
}

bh_status session_pump(session *s, size_t chunk, bh_error *err)
{
    bh_status status = BH_OK;
    bool worked = false;
    for (size_t up = 1, down = 1; status == BH_OK && (worked || up + down > 0);) {
        const uint8_t *data = bh_client_output(s->client, &up);
        up = at_most(up, chunk);
        if (up > 0) {
            status = bh_server_feed(s->server, data, up, err);
            bh_client_sent(s->client, up);
        }
        if (status == BH_OK) { // one piece between any two messages
            status = bh_server_work(s->server, err);
            worked = status == BH_OK;
            status = status == BH_WANT_MORE ? BH_OK : status;
        }
        data = bh_server_output(s->server, &down);
        down = at_most(down, chunk);
        if (status == BH_OK && down > 0) {
            status = bh_client_feed(s->client, data, down, err);
            bh_server_sent(s->server, down);
        }
    }
    return status;
}

bh_status session_query(session *s, const uint8_t *pixels, size_t chunk, bh_error *err)
{
    bh_status status = bh_client_query(s->client, pixels, err);
    return status == BH_OK ? session_pump(s, chunk, err) : status;
}

void session_connect(session *s, const bh_model *model, uint32_t samples, size_t chunk)
{
    bh_error err = {0};
    bh_status status = session_start(s, model, samples, &err);
    if (status == BH_OK) {
        status = session_pump(s, chunk, &err);
    }
    if (status != BH_OK) {
        fail_msg("%s: %s", bh_status_name(status), err.message);
    }
    assert_int_equal(bh_client_get_state(s->client), BH_CLIENT_READY);
}
