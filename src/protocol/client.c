// SPDX-License-Identifier: Apache-2.0
// The client's engine.
#include <string.h>

#include "base/error.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "infer/sampled.h"
#include "protocol/message.h"

struct bh_client {
    bh_client_state state;
    bh_client_options options;
    bh_frame_reader in;
    bh_outbox outbox;
    uint8_t hello[BH_MESSAGE_CLIENT_HELLO_BYTES];
    bh_plan *plan; // NULL until the manifest has come
    bh_uniform uniform;
    bh_secret_key *sk;
    bh_sampled_client sampled;
    double *probabilities; // n_classes
    bool has_result;
    bh_client_result result;
    bh_client_layer *layers;    // [n_layers]; result.layers
    uint64_t start_us, busy_us; // of the query: its begin, computing since
};

static uint64_t now_us(const bh_client *c)
{
    return c->options.clock != NULL ? c->options.clock() : 0;
}

static double ms_since(const bh_client *c, uint64_t start_us)
{
    return (double)(now_us(c) - start_us) / 1000;
}

static void expect(bh_client *c, bh_frame_type type, uint32_t len_min, uint32_t len_max)
{
    bh_frame_reset(&c->in);
    c->in.rules[0] = (bh_frame_rule){type, len_min, len_max};
    c->in.rules[1] =
        (bh_frame_rule){BH_FRAME_ERROR, BH_MESSAGE_ERROR_BYTES, BH_MESSAGE_ERROR_BYTES};
}

// Nothing but an error may come between two queries.
static void expect_error_only(bh_client *c)
{
    expect(c, BH_FRAME_ERROR, BH_MESSAGE_ERROR_BYTES, BH_MESSAGE_ERROR_BYTES);
}

bh_status bh_client_new(bh_client **out, const bh_client_options *options)
{
    *out = NULL;
    if (bh_guard_name(options->guard_min) == NULL) {
        return BH_ERR_PARAMS;
    }
    bh_client *c = bh_alloc(1, sizeof *c);
    if (c == NULL) {
        return BH_ERR_NOMEM;
    }
    c->options = *options;
    bh_frame_begin(&c->outbox.writer, BH_FRAME_CLIENT_HELLO,
                   BH_MESSAGE_CLIENT_HELLO_BYTES);
    bh_hello_begin(&c->outbox.writer, BH_ROLE_CLIENT);
    bh_writer_u8(&c->outbox.writer, (uint8_t)options->guard_min);
    if (c->outbox.writer.status != BH_OK) {
        bh_client_free(c);
        return BH_ERR_NOMEM;
    }
    memcpy(c->hello, c->outbox.writer.data + BH_FRAME_HEADER_BYTES, sizeof c->hello);
    expect(c, BH_FRAME_SERVER_HELLO, BH_MESSAGE_SERVER_HELLO_BYTES_MIN,
           BH_MESSAGE_SERVER_HELLO_BYTES_MIN + BH_MESSAGE_MANIFEST_BYTES_MAX);
    *out = c;
    return BH_OK;
}

void bh_client_free(bh_client *c)
{
    if (c != NULL) {
        bh_frame_reset(&c->in);
        bh_writer_clear(&c->outbox.writer);
        bh_plan_free(c->plan);
        bh_secret_key_free(c->sk);
        bh_sampled_client_clear(&c->sampled);
        bh_free(c->probabilities);
        bh_free(c->layers);
        bh_free(c);
    }
}

static bh_status read_manifest(bh_client *c, bh_reader *r, bh_error *err)
{
    bh_status status = bh_plan_read(&c->plan, r, err);
    if (status != BH_OK) {
        return status;
    }
    if (bh_reader_finish(r) != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest has bytes behind its end");
    }
    if (c->plan->guard < c->options.guard_min) {
        return bh_fail(err, BH_ERR_GUARD, "the server offers guard '%s', not '%s'",
                       bh_guard_name(c->plan->guard),
                       bh_guard_name(c->options.guard_min));
    }
    if (bh_plan_sum(c->plan).answers > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_TOO_LARGE,
                       "one query would need more answers than one key may serve");
    }
    return BH_OK;
}

// The session's key: new, and bound to this server's nonce by the transcript.
static bh_status send_key(bh_client *c, const uint8_t transcript[32])
{
    uint8_t seed[BH_SEED_BYTES];
    bh_status status = bh_random_bytes(seed, sizeof seed);
    // The seed of a uniform part is sent in clear: it protects nothing.
    BH_DECLASSIFY(seed, sizeof seed);
    if (status == BH_OK) {
        status = bh_uniform_init(&c->uniform, transcript, seed);
    }
    if (status == BH_OK) {
        status = bh_secret_key_new(&c->sk, c->plan->he);
    }
    if (status != BH_OK) {
        return status;
    }
    bh_frame_begin(&c->outbox.writer, BH_FRAME_CLIENT_KEY,
                   bh_message_key_bytes(c->plan));
    bh_writer_bytes(&c->outbox.writer, seed, sizeof seed);
    uint8_t *p0 = bh_writer_extend(&c->outbox.writer, bh_he_poly_bytes(c->plan->he));
    return p0 == NULL ? c->outbox.writer.status
                      : bh_public_key_make(c->sk, p0, &c->uniform);
}

static bh_status on_server_hello(bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint16_t version;
    if (bh_hello_read(&r, BH_ROLE_SERVER, &version) != BH_OK) {
        return bh_fail(err, BH_ERR_PEER, "the peer is no bayhenn server");
    }
    if (version != BH_WIRE_VERSION) {
        return bh_fail(err, BH_ERR_VERSION,
                       "the server speaks protocol version %u, this client version %d",
                       version, BH_WIRE_VERSION);
    }
    const uint8_t *nonce = bh_reader_bytes(&r, 32);
    bh_status status = read_manifest(c, &r, err);
    if (status != BH_OK) {
        return status;
    }
    uint8_t transcript[32];
    status = bh_transcript(transcript, nonce, c->hello, c->in.payload, c->in.len);
    if (status == BH_OK) {
        status = send_key(c, transcript);
    }
    if (status == BH_OK) {
        status = bh_sampled_client_init(&c->sampled, c->plan, c->sk, &c->uniform,
                                        c->options.pool);
    }
    if (status == BH_OK) {
        c->probabilities = bh_alloc(c->plan->graph->n_classes, sizeof(double));
        c->layers = bh_alloc(c->plan->n_layers, sizeof *c->layers);
        status = c->probabilities != NULL && c->layers != NULL ? BH_OK : BH_ERR_NOMEM;
    }
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    expect_error_only(c);
    c->state = BH_CLIENT_READY;
    return BH_OK;
}

static bh_status on_error(const bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint8_t code = bh_reader_u8(&r);
    uint16_t version = bh_reader_u16(&r);
    if (code == BH_MESSAGE_ERROR_VERSION) {
        return bh_fail(err, BH_ERR_VERSION,
                       "the server speaks protocol version %u, this client version %d",
                       version, BH_WIRE_VERSION);
    }
    return bh_fail(err, BH_ERR_PEER,
                   "the server refused a message and ended the session");
}

// Appends the upload of a sample's input.
static bh_status upload(bh_client *c, uint32_t layer, uint32_t sample)
{
    uint64_t start = now_us(c);
    uint32_t len = bh_message_upload_bytes(c->plan, layer);
    bh_writer *w = &c->outbox.writer;
    size_t complete = w->len;
    bh_frame_begin(w, BH_FRAME_UPLOAD, len);
    bh_writer_u32(w, layer);
    bh_writer_u32(w, sample);
    bh_writer_u64(w, c->sampled.counter);
    uint8_t *bytes = bh_writer_extend(w, bh_sampled_upload_bytes(c->plan, layer));
    bh_status status =
        bytes != NULL ? bh_sampled_client_upload(&c->sampled, bytes, layer) : w->status;
    if (status != BH_OK) {
        w->len = complete; // no part of a frame is sent
        return status;
    }
    c->layers[layer].bytes_up += BH_FRAME_HEADER_BYTES + len;
    c->layers[layer].encrypt_ms += ms_since(c, start);
    return BH_OK;
}

static void expect_answer(bh_client *c)
{
    uint32_t len = bh_message_answer_bytes(c->plan, c->sampled.layer);
    expect(c, BH_FRAME_ANSWER, len, len);
}

bh_status bh_client_query(bh_client *c, const uint8_t *pixels, bh_error *err)
{
    if (c->state != BH_CLIENT_READY) {
        return bh_fail(err, BH_ERR_STATE,
                       c->state == BH_CLIENT_SPENT
                           ? "the session's key is used up: connect again"
                           : "the session is not ready for a query");
    }
    c->start_us = now_us(c);
    c->has_result = false;
    memset(c->layers, 0, c->plan->n_layers * sizeof *c->layers);
    bh_sampled_client_start(&c->sampled, pixels);
    bh_status status = upload(c, 0, 0);
    c->busy_us = now_us(c) - c->start_us;
    if (status != BH_OK) {
        c->state = BH_CLIENT_FAILED;
        return bh_fail_plain(err, status);
    }
    c->state = BH_CLIENT_BUSY;
    expect_answer(c);
    return BH_OK;
}

// From the last layer's logits to the prediction.
static void conclude(bh_client *c)
{
    c->result = (bh_client_result){.probabilities = c->probabilities,
                                   .logits = c->sampled.logits,
                                   .layers = c->layers,
                                   .rounds = c->plan->n_layers};
    c->result.prediction =
        bh_predict_from_logits(c->probabilities, c->sampled.logits, c->plan->samples,
                               c->plan->graph->n_classes);
    for (uint32_t i = 0; i < c->plan->n_layers; i++) {
        c->result.bytes_up += c->layers[i].bytes_up;
        c->result.bytes_down += c->layers[i].bytes_down;
        c->result.server_ms += c->layers[i].server_ms;
    }
    c->has_result = true;
    expect_error_only(c);
    uint64_t served = c->sampled.answers + BH_HOOK(answers_before);
    bool spent = served + bh_plan_sum(c->plan).answers > BH_ANSWERS_PER_KEY_MAX;
    c->state = spent ? BH_CLIENT_SPENT : BH_CLIENT_READY;
}

// Bytes that may still wait for a server that sends the answer in turn: it has read the
// upload of that sample, so what waits are the uploads behind that one.
static uint64_t may_wait(const bh_client *c)
{
    uint32_t layer = c->sampled.layer, sample = c->sampled.sample;
    uint64_t this_layer = layer > 0 ? c->plan->samples - 1 - sample : 0, bytes = 0;
    if (this_layer > 0) {
        bytes += this_layer *
                 (BH_FRAME_HEADER_BYTES + bh_message_upload_bytes(c->plan, layer));
    }
    if (layer + 1 < c->plan->n_layers) {
        bytes += (uint64_t)sample *
                 (BH_FRAME_HEADER_BYTES + bh_message_upload_bytes(c->plan, layer + 1));
    }
    return bytes;
}

// What must hold before an answer is decrypted. A server that answers what it was not
// sent could make this side hold upload after upload (R7).
static bh_status check_answer(const bh_client *c, uint32_t layer, uint32_t sample,
                              bh_error *err)
{
    const bh_sampled_client *next = &c->sampled;
    if (layer != next->layer || sample != next->sample) {
        return bh_fail(
            err, BH_ERR_PEER,
            "the server answered layer %u, sample %u, not layer %u, sample %u", layer,
            sample, next->layer, next->sample);
    }
    if (bh_outbox_waiting(&c->outbox) > may_wait(c)) {
        return bh_fail(err, BH_ERR_PEER,
                       "the server answered what it was not yet sent");
    }
    return BH_OK;
}

// Takes one sample's answer, and sends its input of the next layer.
static bh_status on_answer(bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint32_t layer = bh_reader_u32(&r), sample = bh_reader_u32(&r);
    uint64_t server_us = bh_reader_u64(&r), start = now_us(c);
    bh_status status = check_answer(c, layer, sample, err);
    if (status != BH_OK) {
        return status;
    }
    status = bh_sampled_client_take(&c->sampled,
                                    c->in.payload + BH_MESSAGE_SAMPLE_HEADER_BYTES);
    bh_client_layer *stat = &c->layers[layer];
    stat->server_ms += (double)server_us / 1000;
    stat->decrypt_ms += ms_since(c, start);
    stat->done_ms = ms_since(c, c->start_us);
    stat->bytes_down += BH_FRAME_HEADER_BYTES + c->in.len;
    if (status == BH_OK && layer + 1 < c->plan->n_layers) {
        status = upload(c, layer + 1, sample);
    }
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    if (c->sampled.layer < c->plan->n_layers) {
        expect_answer(c);
    } else {
        conclude(c);
    }
    return BH_OK;
}

static bh_status on_frame(bh_client *c, bh_error *err)
{
    switch (c->in.type) {
    case BH_FRAME_SERVER_HELLO:
        return on_server_hello(c, err);
    case BH_FRAME_ANSWER:
        return on_answer(c, err);
    case BH_FRAME_ERROR:
        return on_error(c, err);
    default:
        return bh_fail_plain(err, BH_ERR_PEER);
    }
}

bh_status bh_client_feed(bh_client *c, const uint8_t *in, size_t len, bh_error *err)
{
    if (c->state == BH_CLIENT_FAILED) {
        return bh_fail_plain(err, BH_ERR_STATE);
    }
    uint64_t start = now_us(c);
    bh_status status = BH_OK;
    while (len > 0 && status == BH_OK) {
        size_t consumed;
        status = bh_frame_feed(&c->in, in, len, &consumed);
        in += consumed;
        len -= consumed;
        if (status == BH_OK) {
            status = on_frame(c, err);
        } else if (status != BH_WANT_MORE) {
            bh_fail(err, status,
                    "the server sent a message that may not come here, or "
                    "of a wrong length: is it a bayhenn server?");
        }
    }
    c->busy_us += now_us(c) - start;
    c->result.client_ms = (double)c->busy_us / 1000;
    if (status == BH_OK || status == BH_WANT_MORE) {
        return BH_OK;
    }
    c->state = BH_CLIENT_FAILED;
    c->has_result = false;
    return status;
}

const uint8_t *bh_client_output(const bh_client *c, size_t *len)
{
    return bh_outbox_get(&c->outbox, len);
}

void bh_client_sent(bh_client *c, size_t len)
{
    bh_outbox_sent(&c->outbox, len);
    if (c->state != BH_CLIENT_BUSY && bh_outbox_waiting(&c->outbox) == 0) {
        bh_writer_clear(&c->outbox.writer);
    }
}

bh_client_state bh_client_get_state(const bh_client *c)
{
    return c->state;
}

bh_client_facts bh_client_get_facts(const bh_client *c)
{
    if (c->plan == NULL) {
        return (bh_client_facts){.model_name = "", .dataset = "", .params_name = ""};
    }
    const bh_graph *g = c->plan->graph;
    return (bh_client_facts){
        .guard = c->plan->guard,
        .samples = c->plan->samples,
        .n_classes = g->n_classes,
        .channels = g->input.shape.channels,
        .height = g->input.shape.height,
        .width = g->input.shape.width,
        .model_name = g->name,
        .dataset = g->dataset,
        .params_name = bh_he_name(c->plan->he),
        .security_bits = bh_he_security_bits(c->plan->he),
        .rounds = c->plan->n_layers,
    };
}

const char *bh_client_class_name(const bh_client *c, uint32_t index)
{
    return c->plan != NULL && index < c->plan->graph->n_classes
               ? c->plan->graph->class_names[index]
               : "";
}

bh_status bh_client_get_result(const bh_client *c, bh_client_result *out)
{
    if (!c->has_result) {
        return BH_ERR_STATE;
    }
    *out = c->result;
    return BH_OK;
}
