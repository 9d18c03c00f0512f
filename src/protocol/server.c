// SPDX-License-Identifier: Apache-2.0
// The server's engine.
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "protocol/server_state.h"

uint64_t bh_server_now_us(const bh_server *s)
{
    return s->service->clock != NULL ? s->service->clock() : 0;
}

void bh_server_write_time(bh_server *s, size_t at, uint64_t us)
{
    bh_writer *w = &s->outbox.writer;
    size_t end = w->len;
    w->len = at - sizeof us;
    bh_writer_u64(w, us);
    w->len = end;
}

void bh_server_expect(bh_server *s, bh_server_state state, bh_frame_type type,
                      uint32_t len)
{
    bh_frame_reset(&s->in);
    s->state = state;
    s->in.rules[0] = (bh_frame_rule){type, len, len};
}

bh_status bh_server_new(bh_server **out, const bh_service *service)
{
    *out = NULL;
    bh_server *s = bh_alloc(1, sizeof *s);
    if (s == NULL) {
        return BH_ERR_NOMEM;
    }
    s->service = service;
    bh_sampled_server_init(&s->sampled, service->plan, service->model, &s->uniform,
                           service->pool, service->store);
    bh_status status = bh_random_bytes(s->nonce, sizeof s->nonce);
    // A nonce is sent in clear.
    BH_DECLASSIFY(s->nonce, sizeof s->nonce);
    if (status != BH_OK) {
        bh_server_free(s);
        return status;
    }
    bh_server_expect(s, BH_SERVER_WANT_HELLO, BH_FRAME_CLIENT_HELLO,
                     BH_MESSAGE_CLIENT_HELLO_BYTES);
    *out = s;
    return BH_OK;
}

void bh_server_free(bh_server *s)
{
    if (s != NULL) {
        bh_frame_reset(&s->in);
        bh_writer_clear(&s->outbox.writer);
        bh_server_drop_uploads(s);
        bh_free(s->uploads);
        bh_sampled_server_clear(&s->sampled);
        bh_sealed_server_clear(&s->sealed);
        bh_free(s->turn);
        bh_public_key_free(s->pk);
        bh_free(s);
    }
}

static bh_status on_hello(bh_server *s, bh_error *err)
{
    bh_reader r = bh_reader_over(s->in.payload, s->in.len);
    uint16_t version;
    bh_status status = bh_hello_read(&r, BH_ROLE_CLIENT, &version);
    if (status != BH_OK) {
        return bh_fail(err, status, "the peer is no bayhenn client");
    }
    if (version != BH_WIRE_VERSION) {
        return bh_fail(err, BH_ERR_VERSION, "the client speaks version %u", version);
    }
    const bh_writer *manifest = &s->service->manifest;
    size_t len = BH_MESSAGE_SERVER_HELLO_BYTES_MIN + manifest->len;
    bh_frame_begin(&s->outbox.writer, BH_FRAME_SERVER_HELLO, (uint32_t)len);
    bh_hello_begin(&s->outbox.writer, BH_ROLE_SERVER);
    bh_writer_bytes(&s->outbox.writer, s->nonce, sizeof s->nonce);
    bh_writer_bytes(&s->outbox.writer, manifest->data, manifest->len);
    if (s->outbox.writer.status != BH_OK) {
        return bh_fail_plain(err, s->outbox.writer.status);
    }
    status = bh_transcript(s->transcript, s->nonce, s->in.payload,
                           s->outbox.writer.data + s->outbox.writer.len - len, len);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    bh_server_expect(s, BH_SERVER_WANT_KEY, BH_FRAME_CLIENT_KEY,
                     bh_message_key_bytes(s->service->plan));
    return BH_OK;
}

static bh_status on_key(bh_server *s, bh_error *err)
{
    bh_status status = bh_uniform_init(&s->uniform, s->transcript, s->in.payload);
    if (status == BH_OK) {
        status = bh_public_key_load(&s->pk, s->service->plan->he,
                                    s->in.payload + BH_SEED_BYTES, &s->uniform);
    }
    if (status != BH_OK) {
        return bh_fail(err, status, "the client's public key: %s",
                       bh_status_message(status));
    }
    if (s->service->plan->guard == BH_GUARD_SEALED) {
        status = bh_server_start_sealed(s);
        return status == BH_OK ? BH_OK : bh_fail_plain(err, status);
    }
    s->sampled.pk = s->pk;
    s->uploads = bh_alloc(s->service->plan->samples, sizeof *s->uploads);
    if (s->uploads == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_server_expect_upload(s);
    return BH_OK;
}

static bh_status on_frame(bh_server *s, bh_error *err)
{
    switch (s->state) {
    case BH_SERVER_WANT_HELLO:
        return on_hello(s, err);
    case BH_SERVER_WANT_KEY:
        return on_key(s, err);
    case BH_SERVER_WANT_UPLOAD:
        return bh_server_on_upload(s, err);
    case BH_SERVER_WANT_SETUP:
        return bh_server_on_setup(s, err);
    case BH_SERVER_WANT_TURN:
        return bh_server_on_turn(s, err);
    case BH_SERVER_FAILED:
        break;
    }
    return bh_fail_plain(err, BH_ERR_STATE);
}

void bh_server_fail(bh_server *s, bh_status status, size_t complete)
{
    bh_frame_reset(&s->in);
    bh_server_drop_uploads(s);
    bh_sampled_server_clear(&s->sampled);
    bh_sealed_server_clear(&s->sealed);
    bh_free(s->turn);
    s->turn = NULL;
    s->due = 0;
    s->outbox.writer.len = complete;
    s->outbox.writer.status = BH_OK;
    bh_message_write_error(&s->outbox.writer, status == BH_ERR_VERSION
                                                  ? BH_MESSAGE_ERROR_VERSION
                                                  : BH_MESSAGE_ERROR_REFUSED);
    s->state = BH_SERVER_FAILED;
}

bh_status bh_server_feed(bh_server *s, const uint8_t *in, size_t len, bh_error *err)
{
    if (s->state == BH_SERVER_FAILED) {
        return bh_fail_plain(err, BH_ERR_STATE);
    }
    while (len > 0) {
        size_t complete = s->outbox.writer.len, consumed;
        bh_status status = bh_frame_feed(&s->in, in, len, &consumed);
        in += consumed;
        len -= consumed;
        if (status == BH_WANT_MORE) {
            return BH_OK;
        }
        if (status == BH_OK) {
            status = on_frame(s, err);
        } else {
            bh_fail(err, status,
                    "a message that may not come here, or of a wrong length");
        }
        if (status != BH_OK) {
            bh_server_fail(s, status, complete);
            return status;
        }
    }
    return BH_OK;
}

const uint8_t *bh_server_output(const bh_server *s, size_t *len)
{
    return bh_outbox_get(&s->outbox, len);
}

void bh_server_sent(bh_server *s, size_t len)
{
    bh_outbox_sent(&s->outbox, len);
    // Between two queries a session holds little.
    if (!bh_server_is_busy(s) && bh_outbox_waiting(&s->outbox) == 0) {
        bh_writer_clear(&s->outbox.writer);
    }
}

uint64_t bh_server_queries(const bh_server *s)
{
    return s->queries;
}

bool bh_server_is_busy(const bh_server *s)
{
    return s->layer > 0 || s->due > 0 || s->turn != NULL ||
           bh_party_is_busy(&s->sealed.party);
}
