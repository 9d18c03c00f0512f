// SPDX-License-Identifier: Apache-2.0
// The client under guard `sealed`: setup, preparing, and the flights of a query.
#include <string.h>

#include "base/error.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "protocol/client_state.h"

// What the server sends next.
static void expect_next(bh_client *c)
{
    const bh_party *party = &c->sealed.party;
    uint32_t len;
    if (c->setup_step < BH_SUPPLIER_SETUP_STEPS) {
        len = bh_message_setup_bytes(c->plan, c->setup_step);
        bh_client_expect(c, BH_FRAME_SETUP, len, len);
    } else if (c->sealed.making != NULL) {
        len = bh_message_prepared_bytes(c->plan,
                                        bh_supplier_read_bytes(c->sealed.supplier));
        bh_client_expect(c, BH_FRAME_PREPARED, len, len);
    } else if (party->unit != NULL) {
        len = bh_message_flight_bytes(c->plan, party->flight);
        bh_client_expect(c, BH_FRAME_FLIGHT, len, len);
    } else {
        bh_client_expect_error_only(c);
    }
}

static bh_status send_setup(bh_client *c, unsigned step)
{
    uint32_t len = bh_message_setup_bytes(c->plan, step);
    bh_frame_begin(&c->outbox.writer, BH_FRAME_SETUP, len);
    uint8_t *out = bh_writer_extend(&c->outbox.writer, len);
    c->setup_step = step + 1;
    return out != NULL ? bh_supplier_setup_write(c->sealed.supplier, step, out)
                       : BH_ERR_NOMEM;
}

bh_status bh_client_start_sealed(bh_client *c, const uint8_t transcript[32])
{
    bh_status status =
        bh_sealed_client_init(&c->sealed, c->plan, c->sk, c->options.pool, transcript);
    if (status == BH_OK) {
        status = send_setup(c, 0);
    }
    expect_next(c);
    return status;
}

bh_status bh_client_on_setup(bh_client *c, bh_error *err)
{
    bh_status status =
        bh_supplier_setup_read(c->sealed.supplier, c->setup_step, c->in.payload);
    if (status != BH_OK) {
        return bh_fail(err, status, "the server's base transfers: %s",
                       bh_status_message(status));
    }
    c->setup_step++;
    if (c->setup_step < BH_SUPPLIER_SETUP_STEPS) {
        status = send_setup(c, c->setup_step);
    }
    if (status == BH_OK && c->state == BH_CLIENT_CONNECTING &&
        bh_supplier_is_ready(c->sealed.supplier)) {
        c->state = BH_CLIENT_READY; // what is left of the setup comes with answers
    }
    expect_next(c);
    return status == BH_OK ? BH_OK : bh_fail_plain(err, status);
}

static uint64_t answers_left(const bh_client *c)
{
    uint64_t served = c->sealed.answers + BH_HOOK(answers_before);
    return served < BH_ANSWERS_PER_KEY_MAX ? BH_ANSWERS_PER_KEY_MAX - served : 0;
}

static bool can_prepare(const bh_client *c)
{
    return bh_plan_sum(c->plan).answers <= answers_left(c);
}

// What is known of the unit that is made next, or now: it goes behind those that are
// ready.
static bh_client_preparing *making(bh_client *c)
{
    const bh_units *ready = &c->sealed.ready;
    return &c->prepared[(ready->first + ready->count) % BH_AHEAD_MAX];
}

static bh_status send_prepare(bh_client *c)
{
    bh_writer *w = &c->outbox.writer;
    size_t complete = w->len;
    size_t transfers = bh_supplier_write_bytes(c->sealed.supplier);
    uint32_t len = bh_message_prepare_bytes(c->plan, transfers);
    c->prepare_start_us = bh_client_now_us(c);
    bh_frame_begin(w, BH_FRAME_PREPARE, len);
    bh_writer_u64(w, c->sealed.counter);
    uint8_t *out = bh_writer_extend(w, bh_plan_sum(c->plan).bytes_up + transfers);
    bh_status status =
        out != NULL ? bh_sealed_client_prepare(&c->sealed, out) : w->status;
    if (status != BH_OK) {
        w->len = complete; // no part of a frame is sent
        return status;
    }
    making(c)->bytes_up = BH_FRAME_HEADER_BYTES + len;
    // A part of the setup's last message may have come already: it is next anyway.
    if (c->setup_step == BH_SUPPLIER_SETUP_STEPS) {
        expect_next(c);
    }
    return BH_OK;
}

// Writes the flights that are this side's turn.
static bh_status send_flight(bh_client *c)
{
    bh_party *party = &c->sealed.party;
    bh_writer *w = &c->outbox.writer;
    size_t complete = w->len;
    uint32_t len = bh_message_flight_bytes(c->plan, party->flight);
    bh_client_layer *stat = &c->layers[c->plan->script->flight_layers[party->flight]];
    bh_frame_begin(w, BH_FRAME_FLIGHT, len);
    bh_writer_u32(w, party->flight);
    bh_writer_u64(w, 0);
    uint8_t *out = bh_writer_extend(w, len - BH_MESSAGE_FLIGHT_HEADER_BYTES);
    bh_status status = out != NULL ? bh_party_write(party, out) : w->status;
    if (status != BH_OK) {
        w->len = complete;
    }
    stat->bytes_up += BH_FRAME_HEADER_BYTES + len;
    return status;
}

static bh_status start(bh_client *c, const uint8_t *pixels)
{
    const bh_client_preparing *taken = &c->prepared[c->sealed.ready.first];
    c->start_us = c->busy_from_us = bh_client_now_us(c); // preparing is not in it
    c->busy_us = 0;
    c->result.prepare_bytes_up = taken->bytes_up;
    c->result.prepare_bytes_down = taken->bytes_down;
    c->result.prepare_ms = taken->ms;
    c->result.prepare_server_ms = taken->server_ms;
    bh_status status = bh_sealed_client_start(&c->sealed, pixels);
    if (status == BH_OK) {
        status = send_flight(c);
    }
    expect_next(c);
    return status;
}

bh_status bh_client_query_sealed(bh_client *c, const uint8_t *pixels)
{
    if (c->sealed.ready.count > 0) {
        return start(c, pixels);
    }
    size_t len = bh_shape_len(c->plan->graph->input.shape);
    c->pixels = bh_alloc(len, 1);
    if (c->pixels == NULL) {
        return BH_ERR_NOMEM;
    }
    memcpy(c->pixels, pixels, len);
    return send_prepare(c);
}

bh_status bh_client_prepare(bh_client *c, bh_error *err)
{
    if (c->state != BH_CLIENT_READY) {
        return bh_fail(err, BH_ERR_STATE, "the session is not ready to prepare");
    }
    if (c->plan->guard != BH_GUARD_SEALED || c->sealed.ready.count >= c->plan->ahead ||
        !can_prepare(c)) {
        return BH_WANT_MORE;
    }
    c->state = BH_CLIENT_BUSY;
    bh_status status = send_prepare(c);
    if (status != BH_OK) {
        bh_client_fail(c);
        return bh_fail_plain(err, status);
    }
    return BH_OK;
}

uint32_t bh_client_prepared(const bh_client *c)
{
    return c->sealed.ready.count;
}

bh_status bh_client_on_prepared(bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    if (bh_outbox_waiting(&c->outbox) > 0) {
        return bh_fail(err, BH_ERR_PEER,
                       "the server answered what it was not yet sent");
    }
    bh_client_preparing *stat = making(c);
    stat->server_ms = (double)bh_reader_u64(&r) / 1000;
    stat->bytes_down = BH_FRAME_HEADER_BYTES + c->in.len;
    bh_status status = bh_sealed_client_take(
        &c->sealed, c->in.payload + BH_MESSAGE_PREPARE_HEADER_BYTES);
    stat->ms = bh_client_ms_since(c, c->prepare_start_us);
    if (status == BH_OK && c->pixels != NULL) {
        status = start(c, c->pixels);
        bh_free(c->pixels);
        c->pixels = NULL;
    } else if (status == BH_OK) {
        c->state = BH_CLIENT_READY;
        expect_next(c);
    }
    return status == BH_OK ? BH_OK : bh_fail_plain(err, status);
}

static void conclude(bh_client *c)
{
    uint32_t label = 0;
    bh_sealed_client_end(&c->sealed, &label);
    bool logits = c->plan->reveal == BH_REVEAL_LOGITS;
    bool spent = c->sealed.ready.count == 0 && !can_prepare(c);
    bh_client_conclude(c, logits ? c->sealed.logits : NULL, label, spent);
}

bh_status bh_client_on_flight(bh_client *c, bh_error *err)
{
    bh_party *party = &c->sealed.party;
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint32_t flight = bh_reader_u32(&r);
    uint64_t server_us = bh_reader_u64(&r), start_us = bh_client_now_us(c);
    if (flight != party->flight || bh_outbox_waiting(&c->outbox) > 0) {
        return bh_fail(err, BH_ERR_PEER,
                       "the server sent flight %u, not %u, or what it was not yet "
                       "asked for",
                       flight, party->flight);
    }
    bh_client_layer *stat = &c->layers[c->plan->script->flight_layers[flight]];
    bh_status status =
        bh_party_read(party, c->in.payload + BH_MESSAGE_FLIGHT_HEADER_BYTES);
    stat->server_ms += (double)server_us / 1000;
    stat->bytes_down += BH_FRAME_HEADER_BYTES + c->in.len;
    bool over = party->flight == c->plan->script->n_flights;
    if (status == BH_OK && !over) {
        status = send_flight(c);
    }
    stat->decrypt_ms += bh_client_ms_since(c, start_us);
    stat->done_ms = bh_client_ms_since(c, c->start_us);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    if (over) {
        conclude(c);
    } else {
        expect_next(c);
    }
    return BH_OK;
}
