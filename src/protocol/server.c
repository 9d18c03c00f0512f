// SPDX-License-Identifier: Apache-2.0
// The server's engine.
#include <string.h>

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
    uint8_t nonce[32];
    bh_uniform uniform;
    bh_public_key *pk;
    bh_sampled_server sampled; // and whose answer comes next
    uint32_t layer, sample;    // whose upload comes next
    uint64_t counter;          // that it has to begin with
    uint64_t answers;          // ciphertexts answered under this key, or due
    // Answers whose upload has come, in order; at most S (check_upload).
    uint32_t due;
    uint8_t **uploads; // [S]: payloads of due samples
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
           bh_message_upload_bytes(s->service->plan, s->layer));
}

static void drop_uploads(bh_server *s)
{
    for (uint32_t i = 0; s->uploads != NULL && i < s->service->plan->samples; i++) {
        bh_free(s->uploads[i]);
        s->uploads[i] = NULL;
    }
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
    expect(s, WANT_HELLO, BH_FRAME_CLIENT_HELLO, BH_MESSAGE_CLIENT_HELLO_BYTES);
    *out = s;
    return BH_OK;
}

void bh_server_free(bh_server *s)
{
    if (s != NULL) {
        bh_frame_reset(&s->in);
        bh_writer_clear(&s->outbox.writer);
        drop_uploads(s);
        bh_free(s->uploads);
        bh_sampled_server_clear(&s->sampled);
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
    status = bh_transcript(s->uniform.transcript, s->nonce, s->in.payload,
                           s->outbox.writer.data + s->outbox.writer.len - len, len);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    expect(s, WANT_KEY, BH_FRAME_CLIENT_KEY, bh_message_key_bytes(s->service->plan));
    return BH_OK;
}

static bh_status on_key(bh_server *s, bh_error *err)
{
    memcpy(s->uniform.seed, s->in.payload, BH_SEED_BYTES);
    bh_status status = bh_public_key_load(&s->pk, s->service->plan->he,
                                          s->in.payload + BH_SEED_BYTES, &s->uniform);
    if (status != BH_OK) {
        return bh_fail(err, status, "the client's public key: %s",
                       bh_status_message(status));
    }
    s->sampled.pk = s->pk;
    s->uploads = bh_alloc(s->service->plan->samples, sizeof *s->uploads);
    if (s->uploads == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    expect_upload(s);
    return BH_OK;
}

// Bytes that may still wait for a client that sends the upload in turn: it has read the
// answer of the layer before to the same sample, so what waits are the answers behind
// that one, S - 1 of them, less those that are not computed yet.
static uint64_t may_wait(const bh_server *s)
{
    const bh_plan *plan = s->service->plan;
    uint64_t bytes = 0;
    for (uint32_t k = s->sample + 1; k + s->due < s->sample + plan->samples; k++) {
        bytes +=
            BH_FRAME_HEADER_BYTES +
            bh_message_answer_bytes(plan, k < plan->samples ? s->layer - 1 : s->layer);
    }
    return bytes;
}

// Whether a client that reads and sends in turn can be where it says that it is (R7):
// one that does not read makes this side hold no more than S answers, and S uploads.
static bool has_read_answers(const bh_server *s)
{
    size_t waiting = bh_outbox_waiting(&s->outbox);
    if (s->layer == 0) {
        return s->due == 0 && waiting == 0;
    }
    return s->due < s->service->plan->samples && waiting <= may_wait(s);
}

// What must hold before anything is computed. A counter that does not go on where the
// last upload ended would use a uniform part twice (R8).
static bh_status check_upload(const bh_server *s, uint64_t new_answers, bh_error *err)
{
    bh_reader r = bh_reader_over(s->in.payload, s->in.len);
    uint32_t layer = bh_reader_u32(&r), sample = bh_reader_u32(&r);
    uint64_t counter = bh_reader_u64(&r);
    uint64_t served = s->answers + BH_HOOK(answers_before);
    if (layer != s->layer || sample != s->sample) {
        return bh_fail(err, BH_ERR_PEER,
                       "an upload for layer %u, sample %u, not layer %u, sample %u",
                       layer, sample, s->layer, s->sample);
    }
    if (counter != s->counter) {
        return bh_fail(err, BH_ERR_PEER, "an upload with a counter out of sequence");
    }
    if (!has_read_answers(s)) {
        return bh_fail(err, BH_ERR_PEER, "an upload before the last answer was read");
    }
    if (served + new_answers > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_PEER, "the key has served its answers");
    }
    return BH_OK;
}

// The uploads of layer 0 stand for all samples.
static bh_status on_upload(bh_server *s, bh_error *err)
{
    const bh_plan *plan = s->service->plan;
    const bh_linear *l = &plan->layers[s->layer].linear;
    uint32_t due = s->layer == 0 ? plan->samples : 1;
    bh_status status = check_upload(s, (uint64_t)due * l->n_answers, err);
    if (status != BH_OK) {
        return status;
    }
    s->answers += (uint64_t)due * l->n_answers;
    s->counter += l->n_uploads;
    s->due += due;
    s->uploads[s->sample] = bh_frame_take(&s->in);
    s->sample = (s->sample + due) % plan->samples;
    s->layer = (s->layer + (s->sample == 0)) % plan->n_layers;
    expect_upload(s);
    return BH_OK;
}

static uint64_t now_us(const bh_server *s)
{
    return s->service->clock != NULL ? s->service->clock() : 0;
}

// Appends the frames of the next answers with room for their ciphertexts; at[k]: where
// the k-th one's begin.
static bh_status begin_answers(bh_server *s, size_t *at, uint32_t count)
{
    bh_writer *w = &s->outbox.writer;
    const bh_plan *plan = s->service->plan;
    for (uint32_t k = 0; k < count; k++) {
        bh_frame_begin(w, BH_FRAME_ANSWER,
                       bh_message_answer_bytes(plan, s->sampled.layer));
        bh_writer_u32(w, s->sampled.layer);
        bh_writer_u32(w, s->sampled.sample + k);
        bh_writer_u64(w, 0);
        at[k] = w->len;
        bh_writer_extend(w, bh_sampled_answer_bytes(plan, s->sampled.layer));
    }
    return w->status;
}

// An answer's share of the time that `count` of them took, into its frame.
static void write_times(bh_server *s, const size_t *at, uint32_t count, uint64_t us)
{
    bh_writer *w = &s->outbox.writer;
    size_t end = w->len;
    for (uint32_t k = 0; k < count; k++) {
        w->len = at[k] - sizeof(uint64_t);
        bh_writer_u64(w, us * (k + 1) / count - us * k / count);
    }
    w->len = end;
}

// Computes the next `count` answers.
static bh_status answer(bh_server *s, uint32_t count)
{
    size_t at[BH_SAMPLES_MAX];
    bh_server_job jobs[BH_SAMPLES_MAX];
    uint32_t first = s->sampled.sample;
    uint64_t start = now_us(s);
    bh_status status = begin_answers(s, at, count);
    for (uint32_t k = 0; k < count && status == BH_OK; k++) {
        const uint8_t *payload = s->uploads[first + k];
        jobs[k] = (bh_server_job){
            .upload = payload != NULL ? payload + BH_MESSAGE_SAMPLE_HEADER_BYTES : NULL,
            .answer = s->outbox.writer.data + at[k]};
    }
    if (status == BH_OK) {
        status = bh_sampled_server_answer(&s->sampled, jobs, count);
    }
    for (uint32_t k = 0; k < count; k++) {
        bh_free(s->uploads[first + k]);
        s->uploads[first + k] = NULL;
    }
    if (status == BH_OK) {
        write_times(s, at, count, now_us(s) - start);
    }
    return status;
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
    drop_uploads(s);
    bh_sampled_server_clear(&s->sampled);
    s->due = 0;
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
        if (status == BH_OK) {
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

bh_status bh_server_work(bh_server *s, bh_error *err)
{
    if (s->state == FAILED) {
        return bh_fail_plain(err, BH_ERR_STATE);
    }
    if (s->due == 0) {
        return BH_WANT_MORE;
    }
    const bh_sampled_server *next = &s->sampled;
    uint32_t layer = next->layer, left = s->service->plan->samples - next->sample;
    uint32_t count = s->due < left ? s->due : left;
    count = count < next->side_by_side ? count : next->side_by_side;
    size_t complete = s->outbox.writer.len;
    bh_status status = answer(s, count);
    if (status != BH_OK) {
        fail(s, status, complete);
        return bh_fail(err, status, "linear layer %u: %s", layer + 1,
                       bh_status_message(status));
    }
    s->due -= count;
    s->queries += next->layer == 0 && next->sample == 0; // it was the last answer
    return BH_OK;
}

const uint8_t *bh_server_output(const bh_server *s, size_t *len)
{
    return bh_outbox_get(&s->outbox, len);
}

void bh_server_sent(bh_server *s, size_t len)
{
    bh_outbox_sent(&s->outbox, len);
    if (!bh_server_is_busy(s) && bh_outbox_waiting(&s->outbox) == 0) {
        bh_writer_clear(
            &s->outbox.writer); // between two queries a session holds little
    }
}

uint64_t bh_server_queries(const bh_server *s)
{
    return s->queries;
}

bool bh_server_is_busy(const bh_server *s)
{
    return s->layer > 0 || s->due > 0;
}
