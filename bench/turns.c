// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

#include "base/error.h"
#include "measure.h"
#include "net/clock.h"

bh_status turns_serve(bh_server *server, const uint8_t *data, size_t len, bh_error *err)
{
    bh_status status = bh_server_feed(server, data, len, err);
    while (status == BH_OK && bh_server_is_busy(server)) {
        status = bh_server_work(server, err);
    }
    return status == BH_WANT_MORE ? BH_OK : status;
}

static bh_status erase(bh_server *server, bh_error *err)
{
    bh_status status = BH_OK;
    while (status == BH_OK) {
        status = bh_server_work(server, err);
    }
    return status == BH_WANT_MORE ? BH_OK : status;
}

static bh_status client_to_server(turns *t, size_t *len, bh_error *err)
{
    const uint8_t *data = bh_client_output(t->client, len);
    if (*len == 0) {
        return BH_OK;
    }
    if (t->on_upload != NULL) {
        t->on_upload(t->user, data, *len);
    }
    double start = measure_now_ns();
    bh_status status = bh_server_feed(t->server, data, *len, err);
    t->server_ns += measure_now_ns() - start;
    start = measure_now_ns();
    bh_client_sent(t->client, *len);
    t->client_ns += measure_now_ns() - start;
    return status;
}

// One piece, as over a link, where the client has its part before the next is done.
static bh_status work_once(turns *t, bool *worked, bh_error *err)
{
    double start = measure_now_ns();
    bh_status status =
        bh_server_is_busy(t->server) ? bh_server_work(t->server, err) : BH_WANT_MORE;
    t->server_ns += measure_now_ns() - start;
    *worked = status == BH_OK;
    return status == BH_WANT_MORE ? BH_OK : status;
}

static bh_status server_to_client(turns *t, size_t *len, bh_error *err)
{
    const uint8_t *data = bh_server_output(t->server, len);
    if (*len == 0) {
        return BH_OK;
    }
    double start = measure_now_ns();
    bh_status status = bh_client_feed(t->client, data, *len, err);
    t->client_ns += measure_now_ns() - start;
    start = measure_now_ns();
    bh_server_sent(t->server, *len);
    t->server_ns += measure_now_ns() - start;
    return status;
}

// Moves bytes until neither side has any.
static bh_status take_turns(turns *t, bh_error *err)
{
    bh_status status = BH_OK;
    bool worked = true;
    for (size_t up = 0, down = 0; status == BH_OK && (worked || up + down > 0);) {
        status = client_to_server(t, &up, err);
        if (status == BH_OK) {
            status = work_once(t, &worked, err);
        }
        if (status == BH_OK) {
            status = server_to_client(t, &down, err);
        }
    }
    return status;
}

bh_status turns_open(turns *t, const bh_service *service, bh_pool *pool, bh_error *err)
{
    const bh_client_options options = {.clock = bh_clock_us, .pool = pool};
    bh_status status = bh_server_new(&t->server, service);
    if (status == BH_OK) {
        status = bh_client_new(&t->client, &options);
    }
    return status == BH_OK ? take_turns(t, err) : bh_fail_plain(err, status);
}

bh_status turns_query(turns *t, bh_client_result *out, const uint8_t *pixels,
                      bh_error *err)
{
    double start = measure_now_ns();
    bh_status status = bh_client_query(t->client, pixels, err);
    t->client_ns = measure_now_ns() - start;
    t->server_ns = 0;
    if (status == BH_OK) {
        status = take_turns(t, err);
    }
    start = measure_now_ns();
    if (status == BH_OK) {
        status = erase(t->server, err);
    }
    t->erase_ns = measure_now_ns() - start;
    return status == BH_OK ? bh_client_get_result(t->client, out) : status;
}

void turns_close(turns *t)
{
    bh_client_free(t->client);
    bh_server_free(t->server);
    *t = (turns){0};
}
