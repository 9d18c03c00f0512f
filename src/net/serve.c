// SPDX-License-Identifier: Apache-2.0
#include "net/serve.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "net/clock.h"

#define ERROR_FLUSH_MS 2000
#define QUIET_MS       20   // without a query, before anything is prepared
#define FULL_MS        1000 // until a full store is looked at again

void bh_serve_log(const bh_serving *serving, const char *format, ...)
{
    char line[512];
    va_list args;
    if (serving->log == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    serving->log(serving->user, line);
}

static const uint8_t *engine_output(const void *self, size_t *len)
{
    return bh_server_output(self, len);
}

static void engine_sent(void *self, size_t len)
{
    bh_server_sent(self, len);
}

static bh_status engine_feed(void *self, const uint8_t *in, size_t len, bh_error *err)
{
    return bh_server_feed(self, in, len, err);
}

static bh_status engine_work(void *self, bh_error *err)
{
    return bh_server_work(self, err);
}

static const char *ending(bh_pump pump, const bh_error *err)
{
    switch (pump) {
    case BH_PUMP_VANISHED:
        return "the client vanished";
    case BH_PUMP_TIMEOUT:
        return "the client was silent for too long";
    case BH_PUMP_STOPPED:
        return "the server stops";
    case BH_PUMP_REFUSED:
        return err->message;
    default:
        return "goodbye";
    }
}

// A client with many images asks again at once: that query must not find the processors
// taken. For the same reason one worker prepares, whatever their number.
uint32_t bh_serve_idle(void *serving_)
{
    bh_serving *serving = serving_;
    if (atomic_load(&serving->busy) > 0 || atomic_load(&serving->stopping)) {
        return BH_QUEUE_SLEEP; // until note_busy wakes the queue
    }
    uint64_t since = atomic_load(&serving->quiet_since); // before the clock is read
    uint64_t quiet_ms = (bh_clock_us() - since) / 1000;
    if (quiet_ms < QUIET_MS) {
        return QUIET_MS - (uint32_t)quiet_ms;
    }
    if (atomic_exchange(&serving->preparing, true)) {
        return QUIET_MS;
    }
    bh_status status = bh_service_prepare(serving->service);
    atomic_store(&serving->preparing, false);
    if (status == BH_OK) {
        return 0;
    }
    // Room comes back when a session has erased what served it, which wakes nobody.
    return bh_service_prepared_queries(serving->service) > 0 ? FULL_MS : BH_QUEUE_SLEEP;
}

// Keeps count of the sessions within a query; the end of the last one is when idle
// workers have something to do.
static void note_busy(bh_serving *serving, bool *was, bool is)
{
    if (is && !*was) {
        atomic_fetch_add(&serving->busy, 1);
    }
    if (*was && !is) {
        atomic_store(&serving->quiet_since, bh_clock_us());
        if (atomic_fetch_sub(&serving->busy, 1) == 1) {
            bh_queue_wake(&serving->queue);
        }
    }
    *was = is;
}

static void serve_session(bh_serving *serving, bh_channel *ch, bh_server *session,
                          const char *peer)
{
    const bh_engine engine = {session, engine_work, engine_output, engine_sent,
                              engine_feed};
    bh_error err = {0};
    bh_pump pump = BH_PUMP_PROGRESS;
    bool busy = false;
    while (pump == BH_PUMP_PROGRESS) {
        pump = atomic_load(&serving->stopping) ? BH_PUMP_STOPPED
                                               : bh_channel_pump(ch, &engine, &err);
        note_busy(serving, &busy, bh_server_is_busy(session));
    }
    note_busy(serving, &busy, false);
    if (pump == BH_PUMP_REFUSED) {
        bh_channel_flush(ch, &engine, ERROR_FLUSH_MS);
    }
    bh_serve_log(serving, "%s: %llu answered, %.2f MB in, %.2f MB out; %s", peer,
                 (unsigned long long)bh_server_queries(session),
                 (double)ch->bytes_in / 1e6, (double)ch->bytes_out / 1e6,
                 ending(pump, &err));
}

static void log_handshake(const bh_serving *serving, const char *peer, bh_pump why)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    // The first is what a refusing bh_tls_context_new leaves for a client without ALPN.
    if (ERR_GET_REASON(code) == SSL_R_CALLBACK_FAILED ||
        ERR_GET_REASON(code) == SSL_R_NO_APPLICATION_PROTOCOL) {
        reason = "not a bayhenn client";
    }
    if (reason == NULL) {
        reason = why == BH_PUMP_TIMEOUT ? "the client was silent for too long"
                                        : "the client left";
    }
    bh_serve_log(serving, "%s: no secure connection: %s", peer, reason);
}

void bh_serve_connection(bh_serving *serving, const bh_connection *connection)
{
    bh_channel ch = {.stop_fd = serving->stop_fd,
                     .timeout_ms = serving->idle_timeout_ms};
    bh_pump why = BH_PUMP_PROGRESS;
    bh_server *session = NULL;
    if (bh_channel_open(&ch, serving->context, serving->method, connection->fd) !=
        BH_OK) {
        bh_serve_log(serving, "%s: OpenSSL refuses a connection", connection->peer);
        return;
    }
    SSL_set_accept_state(ch.ssl);
    if (bh_channel_handshake(&ch, &why) != BH_OK) {
        log_handshake(serving, connection->peer, why);
    } else if (bh_server_new(&session, serving->service) != BH_OK) {
        bh_serve_log(serving, "%s: no memory for a session", connection->peer);
    } else {
        serve_session(serving, &ch, session, connection->peer);
    }
    bh_server_free(session);
    bh_channel_close(&ch);
    ERR_clear_error();
}
