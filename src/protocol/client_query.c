// SPDX-License-Identifier: Apache-2.0
// The client's queries: their beginning and end; under guard `sampled` uploads and
// answers, one sample of one layer each.
#include <string.h>

#include "base/error.h"
#include "base/hooks.h"
#include "protocol/client_state.h"

// Appends the upload of a sample's input.
static bh_status upload(bh_client *c, uint32_t layer, uint32_t sample)
{
    uint64_t start = bh_client_now_us(c);
    uint32_t len = bh_message_upload_bytes(c->plan, layer);
    bh_writer *w = &c->outbox.writer;
    size_t complete = w->len;
    bh_frame_begin(w, BH_FRAME_UPLOAD, len);
    bh_writer_u32(w, layer);
    bh_writer_u32(w, sample);
    bh_writer_u64(w, c->sampled.counter);
    uint8_t *bytes = bh_writer_extend(w, bh_plan_upload_bytes(c->plan, layer));
    bh_status status =
        bytes != NULL ? bh_sampled_client_upload(&c->sampled, bytes, layer) : w->status;
    if (status != BH_OK) {
        w->len = complete; // no part of a frame is sent
        return status;
    }
    c->layers[layer].bytes_up += BH_FRAME_HEADER_BYTES + len;
    c->layers[layer].encrypt_ms += bh_client_ms_since(c, start);
    return BH_OK;
}

static void expect_answer(bh_client *c)
{
    uint32_t len = bh_message_answer_bytes(c->plan, c->sampled.layer);
    bh_client_expect(c, BH_FRAME_ANSWER, len, len);
}

bh_status bh_client_query(bh_client *c, const uint8_t *pixels, bh_error *err)
{
    if (c->state != BH_CLIENT_READY) {
        return bh_fail(err, BH_ERR_STATE,
                       c->state == BH_CLIENT_SPENT
                           ? "the session's key is used up: connect again"
                           : "the session is not ready for a query");
    }
    c->start_us = bh_client_now_us(c);
    c->has_result = false;
    memset(c->layers, 0, c->plan->n_layers * sizeof *c->layers);
    c->result = (bh_client_result){.layers = c->layers};
    c->state = BH_CLIENT_BUSY;
    bh_status status = c->plan->guard == BH_GUARD_SEALED
                           ? bh_client_query_sealed(c, pixels)
                           : bh_client_query_sampled(c, pixels);
    c->busy_us = bh_client_now_us(c) - c->start_us;
    if (status != BH_OK) {
        bh_client_fail(c);
        return bh_fail_plain(err, status);
    }
    return BH_OK;
}

bh_status bh_client_query_sampled(bh_client *c, const uint8_t *pixels)
{
    bh_sampled_client_start(&c->sampled, pixels);
    bh_status status = upload(c, 0, 0);
    expect_answer(c);
    return status;
}

void bh_client_conclude(bh_client *c, const double *logits, uint32_t label, bool spent)
{
    bh_client_result *r = &c->result;
    r->rounds = bh_client_get_facts(c).rounds;
    r->n_layers = c->plan->n_layers;
    r->prediction.label = label;
    if (logits != NULL) {
        r->probabilities = c->probabilities;
        r->logits = logits;
        r->prediction = bh_predict_from_logits(
            c->probabilities, logits, c->plan->samples, c->plan->graph->n_classes);
    }
    for (uint32_t i = 0; i < c->plan->n_layers; i++) {
        r->bytes_up += c->layers[i].bytes_up;
        r->bytes_down += c->layers[i].bytes_down;
        r->server_ms += c->layers[i].server_ms;
    }
    c->has_result = true;
    bh_client_expect_error_only(c);
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
bh_status bh_client_on_answer(bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint32_t layer = bh_reader_u32(&r), sample = bh_reader_u32(&r);
    uint64_t server_us = bh_reader_u64(&r), start = bh_client_now_us(c);
    bh_status status = check_answer(c, layer, sample, err);
    if (status != BH_OK) {
        return status;
    }
    status = bh_sampled_client_take(&c->sampled,
                                    c->in.payload + BH_MESSAGE_SAMPLE_HEADER_BYTES);
    bh_client_layer *stat = &c->layers[layer];
    stat->server_ms += (double)server_us / 1000;
    stat->decrypt_ms += bh_client_ms_since(c, start);
    stat->done_ms = bh_client_ms_since(c, c->start_us);
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
        uint64_t served = c->sampled.answers + BH_HOOK(answers_before);
        bool spent = served + bh_plan_sum(c->plan).answers > BH_ANSWERS_PER_KEY_MAX;
        bh_client_conclude(c, c->sampled.logits, 0, spent);
    }
    return BH_OK;
}
