// SPDX-License-Identifier: Apache-2.0
#include "net/channel.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <unistd.h>

#include "net/socket.h"

#define CHUNK 65536
// While this much waits to be sent nothing is computed: enough to keep any link busy
// through the next piece, and all that a peer which does not read makes this side hold.
#define AHEAD_MAX (1u << 20)
#define LINGER_MS 1000

bh_status bh_channel_open(bh_channel *ch, SSL_CTX *context, const BIO_METHOD *method,
                          int fd)
{
    ch->fd = fd;
    ch->ssl = SSL_new(context);
    BIO *bio = ch->ssl != NULL ? bh_tls_socket_bio_new(method, fd) : NULL;
    if (bio == NULL) {
        SSL_free(ch->ssl);
        ch->ssl = NULL;
        close(fd);
        return BH_ERR_TLS;
    }
    SSL_set_bio(ch->ssl, bio, bio);
    return BH_OK;
}

void bh_channel_close(bh_channel *ch)
{
    if (ch->ssl == NULL) {
        return;
    }
    if (!ch->failed && SSL_is_init_finished(ch->ssl)) {
        (void)SSL_shutdown(ch->ssl);
    }
    bh_socket_close_gently(ch->fd, ch->stop_fd, ch->no_linger ? 0 : LINGER_MS);
    SSL_free(ch->ssl);
    ch->ssl = NULL;
}

static bh_pump why_wait_ended(bh_wait wait)
{
    switch (wait) {
    case BH_WAIT_READY:
        return BH_PUMP_PROGRESS;
    case BH_WAIT_TIMEOUT:
        return BH_PUMP_TIMEOUT;
    case BH_WAIT_STOPPED:
        return BH_PUMP_STOPPED;
    default:
        return BH_PUMP_VANISHED;
    }
}

// What an SSL call that moved nothing wants; *events collects POLLIN and POLLOUT.
static bh_pump why_ssl_stopped(bh_channel *ch, int result, short *events)
{
    switch (SSL_get_error(ch->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *events |= POLLIN;
        return BH_PUMP_PROGRESS;
    case SSL_ERROR_WANT_WRITE:
        *events |= POLLOUT;
        return BH_PUMP_PROGRESS;
    case SSL_ERROR_ZERO_RETURN:
        return BH_PUMP_CLOSED;
    default:
        ch->failed = true;
        return BH_PUMP_VANISHED;
    }
}

bh_status bh_channel_handshake(bh_channel *ch, bh_pump *why)
{
    uint64_t deadline = bh_socket_deadline(ch->timeout_ms);
    for (;;) {
        short events = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_do_handshake(ch->ssl);
        if (result == 1) {
            return BH_OK;
        }
        *why = why_ssl_stopped(ch, result, &events);
        if (*why != BH_PUMP_PROGRESS) {
            return ERR_peek_error() != 0 ? BH_ERR_TLS : BH_ERR_IO;
        }
        uint32_t left = bh_socket_left_ms(deadline);
        *why = why_wait_ended(bh_socket_wait(ch->fd, ch->stop_fd, events, left));
        if (*why != BH_PUMP_PROGRESS) {
            ch->failed = true;
            return BH_ERR_IO;
        }
    }
}

static size_t waiting(const bh_engine *engine)
{
    size_t len = 0;
    (void)engine->output(engine->self, &len);
    return len;
}

static bh_pump work_some(const bh_engine *engine, bool *moved, bh_error *err)
{
    if (engine->work == NULL || waiting(engine) >= AHEAD_MAX) {
        return BH_PUMP_PROGRESS;
    }
    bh_status status = engine->work(engine->self, err);
    *moved = *moved || status == BH_OK;
    return status == BH_OK || status == BH_WANT_MORE ? BH_PUMP_PROGRESS
                                                     : BH_PUMP_REFUSED;
}

// Everything that the socket takes now.
static bh_pump write_some(bh_channel *ch, const bh_engine *engine, bool *moved,
                          short *events)
{
    for (;;) {
        size_t len = 0, written = 0;
        const uint8_t *data = engine->output(engine->self, &len);
        if (len == 0) {
            return BH_PUMP_PROGRESS;
        }
        ERR_clear_error();
        int result = SSL_write_ex(ch->ssl, data, len < CHUNK ? len : CHUNK, &written);
        if (result != 1) {
            return why_ssl_stopped(ch, result, events);
        }
        engine->sent(engine->self, written);
        ch->bytes_out += written;
        *moved = true;
    }
}

// What one record holds: what comes of it is sent before the next is read.
static bh_pump read_some(bh_channel *ch, const bh_engine *engine, bool *moved,
                         short *events, bh_error *err)
{
    uint8_t chunk[CHUNK];
    size_t len = 0;
    ERR_clear_error();
    int result = SSL_read_ex(ch->ssl, chunk, sizeof chunk, &len);
    if (result != 1) {
        return why_ssl_stopped(ch, result, events);
    }
    *moved = true;
    ch->bytes_in += len;
    bh_status status = engine->feed(engine->self, chunk, len, err);
    return status == BH_OK || status == BH_WANT_MORE ? BH_PUMP_PROGRESS
                                                     : BH_PUMP_REFUSED;
}

bh_pump bh_channel_pump(bh_channel *ch, const bh_engine *engine, bh_error *err)
{
    bool moved = false;
    short events = 0;
    bh_pump pump = work_some(engine, &moved, err);
    if (pump == BH_PUMP_PROGRESS) {
        pump = write_some(ch, engine, &moved, &events);
    }
    if (pump == BH_PUMP_PROGRESS) {
        pump = read_some(ch, engine, &moved, &events, err);
    }
    if (pump != BH_PUMP_PROGRESS || moved) {
        return pump;
    }
    return why_wait_ended(bh_socket_wait(ch->fd, ch->stop_fd, events, ch->timeout_ms));
}

void bh_channel_flush(bh_channel *ch, const bh_engine *engine, uint32_t timeout_ms)
{
    uint64_t deadline = bh_socket_deadline(timeout_ms);
    while (waiting(engine) > 0 && !ch->failed && bh_socket_left_ms(deadline) > 0) {
        bool moved = false;
        short events = 0;
        if (write_some(ch, engine, &moved, &events) != BH_PUMP_PROGRESS ||
            (!moved && bh_socket_wait(ch->fd, ch->stop_fd, events, timeout_ms) !=
                           BH_WAIT_READY)) {
            return;
        }
    }
}
