// SPDX-License-Identifier: Apache-2.0
// The server under guard `sealed`: setup, preparing, and the flights of a query. A
// client speaks when it is its turn, so that one message at a time is due.
#include "base/error.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "protocol/server_state.h"

// A client's turn: between queries it may prepare or begin one.
static void expect_turn(bh_server *s)
{
    const bh_plan *plan = s->service->plan;
    const bh_party *party = &s->sealed.party;
    bool idle = !bh_party_is_busy(party);
    uint32_t len = bh_message_flight_bytes(plan, idle ? 0 : party->flight);
    bh_server_expect(s, BH_SERVER_WANT_TURN, BH_FRAME_FLIGHT, len);
    if (idle) {
        uint32_t prepare =
            bh_message_prepare_bytes(plan, bh_supplier_read_bytes(s->sealed.supplier));
        s->in.rules[1] = (bh_frame_rule){BH_FRAME_PREPARE, prepare, prepare};
    }
}

bh_status bh_server_start_sealed(bh_server *s)
{
    bh_status status =
        bh_sealed_server_init(&s->sealed, s->service->plan, s->service->model,
                              &s->uniform, s->service->pool, s->transcript);
    s->sealed.pk = s->pk;
    bh_server_expect(s, BH_SERVER_WANT_SETUP, BH_FRAME_SETUP,
                     bh_message_setup_bytes(s->service->plan, 0));
    return status;
}

bh_status bh_server_on_setup(bh_server *s, bh_error *err)
{
    const bh_plan *plan = s->service->plan;
    bh_supplier *supplier = s->sealed.supplier;
    bh_status status = bh_supplier_setup_read(supplier, s->setup_step, s->in.payload);
    if (status != BH_OK) {
        return bh_fail(err, status, "the client's base transfers: %s",
                       bh_status_message(status));
    }
    uint32_t len = bh_message_setup_bytes(plan, s->setup_step + 1);
    bh_frame_begin(&s->outbox.writer, BH_FRAME_SETUP, len);
    uint8_t *out = bh_writer_extend(&s->outbox.writer, len);
    status = out != NULL ? bh_supplier_setup_write(supplier, s->setup_step + 1, out)
                         : BH_ERR_NOMEM;
    if (status != BH_OK) {
        return bh_fail_plain(err, status); // a supplier without an end says no sizes
    }
    s->setup_step += 2;
    if (s->setup_step < BH_SUPPLIER_SETUP_STEPS) {
        bh_server_expect(s, BH_SERVER_WANT_SETUP, BH_FRAME_SETUP,
                         bh_message_setup_bytes(plan, s->setup_step));
    } else {
        expect_turn(s);
    }
    return BH_OK;
}

// What must hold before anything is computed. A counter that does not go on where the
// last upload ended would use a uniform part twice (R8).
static bh_status check_prepare(const bh_server *s, uint64_t counter, bh_error *err)
{
    const bh_plan *plan = s->service->plan;
    uint64_t served = s->sealed.answers + BH_HOOK(answers_before);
    if (counter != s->sealed.counter) {
        return bh_fail(err, BH_ERR_PEER, "an upload with a counter out of sequence");
    }
    if (s->sealed.ready.count >= plan->ahead) {
        return bh_fail(err, BH_ERR_PEER, "more queries prepared than are allowed");
    }
    if (served + bh_plan_sum(plan).answers > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_PEER, "the key has served its answers");
    }
    return BH_OK;
}

static bh_status check_flight(const bh_server *s, uint32_t flight, bh_error *err)
{
    const bh_party *party = &s->sealed.party;
    uint32_t wanted = bh_party_is_busy(party) ? party->flight : 0;
    if (flight != wanted) {
        return bh_fail(err, BH_ERR_PEER, "flight %u, not %u", flight, wanted);
    }
    if (!bh_party_is_busy(party) && s->sealed.ready.count == 0) {
        return bh_fail(err, BH_ERR_PEER, "a query for which nothing is prepared");
    }
    // A client that has read what it answers has left nothing waiting.
    return bh_outbox_waiting(&s->outbox) == 0
               ? BH_OK
               : bh_fail(err, BH_ERR_PEER, "a flight before the last one was read");
}

bh_status bh_server_on_turn(bh_server *s, bh_error *err)
{
    bh_reader r = bh_reader_over(s->in.payload, s->in.len);
    s->due_prepare = s->in.type == BH_FRAME_PREPARE;
    bh_status status = s->due_prepare ? check_prepare(s, bh_reader_u64(&r), err)
                                      : check_flight(s, bh_reader_u32(&r), err);
    if (status != BH_OK) {
        return status;
    }
    s->turn = bh_frame_take(&s->in);
    bh_server_expect(s, BH_SERVER_WANT_TURN, 0, 0); // nothing until it is answered
    return BH_OK;
}

static bh_status prepare(bh_server *s)
{
    const bh_plan *plan = s->service->plan;
    bh_writer *w = &s->outbox.writer;
    uint64_t start = bh_server_now_us(s);
    size_t transfers = bh_supplier_write_bytes(s->sealed.supplier);
    bh_frame_begin(w, BH_FRAME_PREPARED, bh_message_prepared_bytes(plan, transfers));
    bh_writer_u64(w, 0);
    size_t at = w->len;
    uint8_t *out = bh_writer_extend(w, bh_plan_sum(plan).bytes_down + transfers);
    bh_status status =
        out != NULL ? bh_sealed_server_prepare(
                          &s->sealed, out, s->turn + BH_MESSAGE_PREPARE_HEADER_BYTES)
                    : w->status;
    if (status == BH_OK) {
        bh_server_write_time(s, at, bh_server_now_us(s) - start);
    }
    return status;
}

static bh_status answer_flight(bh_server *s)
{
    const bh_plan *plan = s->service->plan;
    bh_party *party = &s->sealed.party;
    bh_writer *w = &s->outbox.writer;
    uint64_t start = bh_server_now_us(s);
    bh_status status = party->unit == NULL ? bh_sealed_server_start(&s->sealed) : BH_OK;
    if (status == BH_OK) {
        status = bh_party_read(party, s->turn + BH_MESSAGE_FLIGHT_HEADER_BYTES);
    }
    if (status != BH_OK) {
        return status;
    }
    uint32_t len = bh_message_flight_bytes(plan, party->flight);
    bh_frame_begin(w, BH_FRAME_FLIGHT, len);
    bh_writer_u32(w, party->flight);
    bh_writer_u64(w, 0);
    size_t at = w->len;
    uint8_t *out = bh_writer_extend(w, len - BH_MESSAGE_FLIGHT_HEADER_BYTES);
    status = out != NULL ? bh_party_write(party, out) : w->status;
    if (status == BH_OK) {
        bh_server_write_time(s, at, bh_server_now_us(s) - start);
    }
    s->queries += party->flight == plan->script->n_flights;
    return status;
}

bh_status bh_server_work_sealed(bh_server *s, bh_error *err)
{
    // Behind the last flight, so that the client need not wait for it.
    if (s->sealed.party.unit != NULL && !bh_party_is_busy(&s->sealed.party)) {
        bh_units_keep(&s->sealed.ready, bh_party_release(&s->sealed.party));
        return BH_OK;
    }
    if (s->turn == NULL) {
        return BH_WANT_MORE;
    }
    size_t complete = s->outbox.writer.len;
    bh_status status = s->due_prepare ? prepare(s) : answer_flight(s);
    bh_free(s->turn);
    s->turn = NULL;
    if (status != BH_OK) {
        bh_server_fail(s, status, complete);
        return bh_fail(err, status, "guard sealed: %s", bh_status_message(status));
    }
    expect_turn(s);
    return BH_OK;
}
