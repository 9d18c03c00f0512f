// SPDX-License-Identifier: Apache-2.0
// The server's engine.
#include "base/error.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "infer/sampled.h"
#include "protocol/message.h"
#include "protocol/service.h"

typedef enum server_state { WANT_HELLO, WANT_KEY, WANT_UPLOAD, FAILED } server_state;

struct bh_server {
    const bh_service *service; // borrowed
    server_state state;
    bh_frame_reader in;
    bh_outbox outbox;
    uint8_t nonce[32], transcript[32];
    bh_uniform uniform; // set with the client's key
    bh_public_key *pk;
    bh_sampled_server sampled;
    uint64_t queries;
};

static void expect(bh_server *s, server_state state, bh_frame_type type, uint32_t len)
{
    bh_frame_reset(&s->in);
    s->state = state;
    s->in.rules[0] = (bh_frame_rule){type, len, len};
}

static void expect_upload(bh_server *s)
{
    expect(s, WANT_UPLOAD, BH_FRAME_UPLOAD,
           bh_message_upload_bytes(s->service->plan, s->sampled.layer));
}

bh_status bh_server_new(bh_server **out, const bh_service *service)
{
    *out = NULL;
    bh_server *s = bh_alloc(1, sizeof *s);
    if (s == NULL) {
        return BH_ERR_NOMEM;
    }
    s->service = service;
    s->sampled = (bh_sampled_server){
        .plan = service->plan, .model = service->model, .uniform = &s->uniform};
    bh_status status = bh_random_bytes(s->nonce, sizeof s->nonce);
    // A nonce is sent in clear.
    BH_DECLASSIFY(s->nonce, sizeof s->nonce);
    if (status != BH_OK) {
        bh_server_free(s);
        return status;
    }
    expect(s, WANT_HELLO, BH_FRAME_CLIENT_HELLO, BH_MESSAGE_CLIENT_HELLO_BYTES);
    *out = s;
    return BH_OK;
}

void bh_server_free(bh_server *s)
{
    if (s != NULL) {
        bh_frame_reset(&s->in);
        bh_writer_clear(&s->outbox.writer);
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
    expect(s, WANT_KEY, BH_FRAME_CLIENT_KEY, bh_message_key_bytes(s->service->plan));
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
    s->sampled.pk = s->pk;
    expect_upload(s);
    return BH_OK;
}

// What must hold before anything is computed. A counter that does not go on where the
// last upload ended would use a uniform part twice (R8).
static bh_status check_upload(const bh_server *s, uint32_t layer, uint64_t counter,
                              bh_error *err)
{
    const bh_sampled_server *now = &s->sampled;
    uint64_t served = now->answers + BH_HOOK(answers_before);
    if (layer != now->layer) {
        return bh_fail(err, BH_ERR_PEER, "an upload for layer %u, not %u", layer,
                       now->layer);
    }
    if (counter != now->counter) {
        return bh_fail(err, BH_ERR_PEER, "an upload with a counter out of sequence");
    }
    if (served + now->plan->layers[layer].ciphertexts_down > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_PEER, "the key has served its answers");
    }
    return BH_OK;
}

static uint64_t now_us(const bh_server *s)
{
    return s->service->clock != NULL ? s->service->clock() : 0;
}

// Appends the answer to the upload that was received. Its time is known at the end.
static bh_status answer(bh_server *s, uint32_t layer, bh_error *err)
{
    uint64_t start = now_us(s);
    bh_frame_begin(&s->outbox.writer, BH_FRAME_ANSWER,
                   bh_message_answer_bytes(s->service->plan, layer));
    bh_writer_u32(&s->outbox.writer, layer);
    size_t time_at = s->outbox.writer.len;
    bh_writer_u64(&s->outbox.writer, 0);
    bh_status status = s->outbox.writer.status;
    if (status == BH_OK) {
        status =
            bh_sampled_server_answer(&s->sampled, &s->outbox.writer,
                                     s->in.payload + BH_MESSAGE_LAYER_HEADER_BYTES);
    }
    if (status != BH_OK) {
        return bh_fail(err, status, "linear layer %u: %s", layer + 1,
                       bh_status_message(status));
    }
    size_t end = s->outbox.writer.len;
    s->outbox.writer.len = time_at;
    bh_writer_u64(&s->outbox.writer, now_us(s) - start);
    s->outbox.writer.len = end;
    return BH_OK;
}

static bh_status on_upload(bh_server *s, bh_error *err)
{
    bh_reader r = bh_reader_over(s->in.payload, s->in.len);
    uint32_t layer = bh_reader_u32(&r);
    uint64_t counter = bh_reader_u64(&r);
    bh_status status = check_upload(s, layer, counter, err);
    if (status == BH_OK) {
        status = answer(s, layer, err);
    }
    if (status != BH_OK) {
        return status;
    }
    s->queries += s->sampled.layer == 0; // it was the last layer
    expect_upload(s);
    return BH_OK;
}

static bh_status on_frame(bh_server *s, bh_error *err)
{
    switch (s->state) {
    case WANT_HELLO:
        return on_hello(s, err);
    case WANT_KEY:
        return on_key(s, err);
    case WANT_UPLOAD:
        return on_upload(s, err);
    case FAILED:
        break;
    }
    return bh_fail_plain(err, BH_ERR_STATE);
}

// Ends the session. What was being written is dropped if it is no whole frame, and one
// error message that tells nothing of the cause follows.
static void fail(bh_server *s, bh_status status, size_t complete)
{
    bh_frame_reset(&s->in);
    bh_wipe(s->sampled.seed, sizeof s->sampled.seed);
    s->outbox.writer.len = complete;
    s->outbox.writer.status = BH_OK;
    bh_message_write_error(&s->outbox.writer, status == BH_ERR_VERSION
                                                  ? BH_MESSAGE_ERROR_VERSION
                                                  : BH_MESSAGE_ERROR_REFUSED);
    s->state = FAILED;
}

bh_status bh_server_feed(bh_server *s, const uint8_t *in, size_t len, bh_error *err)
{
    if (s->state == FAILED) {
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
        if (status == BH_OK && complete > 0) {
            // Nobody has a reason to go on before an answer was read, and a client that
            // did could make this side hold answer after answer.
            status =
                bh_fail(err, BH_ERR_PEER, "a message before the last answer was read");
        } else if (status == BH_OK) {
            status = on_frame(s, err);
        } else {
            bh_fail(err, status,
                    "a message that may not come here, or of a wrong length");
        }
        if (status != BH_OK) {
            fail(s, status, complete);
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
}

uint64_t bh_server_queries(const bh_server *s)
{
    return s->queries;
}
