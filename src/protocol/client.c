// SPDX-License-Identifier: Apache-2.0
// The client's engine.
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/input.h"
#include "protocol/client_state.h"

uint64_t bh_client_now_us(const bh_client *c)
{
    return c->options.clock != NULL ? c->options.clock() : 0;
}

double bh_client_ms_since(const bh_client *c, uint64_t start_us)
{
    return (double)(bh_client_now_us(c) - start_us) / 1000;
}

void bh_client_expect(bh_client *c, bh_frame_type type, uint32_t len_min,
                      uint32_t len_max)
{
    bh_frame_reset(&c->in);
    c->in.rules[0] = (bh_frame_rule){type, len_min, len_max};
    c->in.rules[1] =
        (bh_frame_rule){BH_FRAME_ERROR, BH_MESSAGE_ERROR_BYTES, BH_MESSAGE_ERROR_BYTES};
}

void bh_client_expect_error_only(bh_client *c)
{
    bh_client_expect(c, BH_FRAME_ERROR, BH_MESSAGE_ERROR_BYTES, BH_MESSAGE_ERROR_BYTES);
}

void bh_client_fail(bh_client *c)
{
    bh_frame_reset(&c->in);
    bh_sealed_client_clear(&c->sealed);
    bh_free(c->pixels);
    c->pixels = NULL;
    c->has_result = false;
    c->state = BH_CLIENT_FAILED;
}

bh_status bh_client_new(bh_client **out, const bh_client_options *options)
{
    *out = NULL;
    if (options->guard != 0 && bh_guard_name(options->guard) == NULL) {
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
    bh_writer_u8(&c->outbox.writer, (uint8_t)options->guard);
    if (c->outbox.writer.status != BH_OK) {
        bh_client_free(c);
        return BH_ERR_NOMEM;
    }
    memcpy(c->hello, c->outbox.writer.data + BH_FRAME_HEADER_BYTES, sizeof c->hello);
    bh_client_expect(c, BH_FRAME_SERVER_HELLO, BH_MESSAGE_SERVER_HELLO_BYTES_MIN,
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
        bh_sealed_client_clear(&c->sealed);
        bh_free(c->pixels);
        bh_free(c->probabilities);
        bh_free(c->layers);
        bh_free(c);
    }
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

static bh_status on_frame(bh_client *c, bh_error *err)
{
    switch (c->in.type) {
    case BH_FRAME_SERVER_HELLO:
        return bh_client_on_hello(c, err);
    case BH_FRAME_ANSWER:
        return bh_client_on_answer(c, err);
    case BH_FRAME_SETUP:
        return bh_client_on_setup(c, err);
    case BH_FRAME_PREPARED:
        return bh_client_on_prepared(c, err);
    case BH_FRAME_FLIGHT:
        return bh_client_on_flight(c, err);
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
    c->busy_from_us = bh_client_now_us(c);
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
    c->busy_us += bh_client_now_us(c) - c->busy_from_us;
    c->result.client_ms = (double)c->busy_us / 1000;
    if (status == BH_OK || status == BH_WANT_MORE) {
        return BH_OK;
    }
    bh_client_fail(c);
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
        .columns = g->input.n_columns,
        .model_name = g->name,
        .dataset = g->dataset,
        .params_name = bh_he_name(c->plan->he),
        .security_bits = bh_he_security_bits(c->plan->he),
        .rounds = c->plan->script != NULL ? c->plan->script->n_flights / 2
                                          : c->plan->n_layers,
        .reveal = c->plan->reveal,
        .ahead = c->plan->script != NULL ? c->plan->ahead : 0,
    };
}

const char *bh_client_class_name(const bh_client *c, uint32_t index)
{
    return c->plan != NULL && index < c->plan->graph->n_classes
               ? c->plan->graph->class_names[index]
               : "";
}

bh_status bh_client_encode_row(const bh_client *c, uint8_t *pixels, const float *values,
                               size_t n, bh_error *err)
{
    if (c->plan == NULL) {
        return bh_fail_plain(err, BH_ERR_STATE);
    }
    const bh_input *in = &c->plan->graph->input;
    if (in->n_columns == 0) {
        return bh_fail(err, BH_ERR_ARG, "the model takes images, not rows of a table");
    }
    if (n != in->n_columns) {
        return bh_fail(err, BH_ERR_ARG, "the row has %zu values; the model takes %u", n,
                       in->n_columns);
    }
    for (uint32_t j = 0; j < in->n_columns; j++) {
        pixels[j] = bh_column_pixel(in, j, values[j]);
    }
    return BH_OK;
}

bh_status bh_client_get_result(const bh_client *c, bh_client_result *out)
{
    if (!c->has_result) {
        return BH_ERR_STATE;
    }
    *out = c->result;
    return BH_OK;
}
