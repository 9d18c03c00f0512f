// SPDX-License-Identifier: Apache-2.0
#include "infer/schedule.h"

#include "base/memory.h"
#include "mpc/bits.h"
#include "mpc/relu.h"

static void add_part(bh_script *s, bh_part_kind kind, uint32_t move, uint32_t flight,
                     unsigned step, size_t bytes)
{
    s->parts[s->n_parts++] = (bh_part){kind, move, flight, step, bytes};
    s->n_flights = flight + 1 > s->n_flights ? flight + 1 : s->n_flights;
}

static void add_gate(bh_script *s, uint32_t i, uint32_t flight)
{
    bh_move *m = &s->moves[i];
    m->gate = s->n_gates++;
    for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
        add_part(s, BH_PART_GATE, i, flight + step, step,
                 bh_relu_message_bytes(m->gate_len, m->bits, step));
    }
    bh_relu_needs needs = bh_relu_count(m->gate_len, m->bits);
    s->transfers.client_receives +=
        m->client_is_x ? needs.x_receives : needs.y_receives;
    s->transfers.server_receives +=
        m->client_is_x ? needs.y_receives : needs.x_receives;
}

static void add_truncation(bh_script *s, uint32_t i, uint32_t flight)
{
    const bh_move *m = &s->moves[i];
    for (unsigned step = 0; step < 2; step++) {
        add_part(s, BH_PART_TRUNCATION, i, flight + step, step,
                 bh_truncate_message_bytes(&m->truncation, step));
    }
    size_t needs = bh_truncate_needs(&m->truncation);
    s->transfers.client_receives += m->client_chooses ? needs : 0;
    s->transfers.server_receives += m->client_chooses ? 0 : needs;
}

static void add_opening(bh_script *s, uint32_t i, uint32_t flight)
{
    const bh_move *m = &s->moves[i];
    unsigned bits = bh_move_opened_bits(m);
    add_part(s, BH_PART_OPENING, i, flight, 0, bh_bits_bytes(m->in_len, bits));
}

// Takes turns from the gate at move i on; returns the flight of the last one's step 0,
// or `flight` where there is no gate up to `end`.
static uint32_t add_gates(bh_script *s, uint32_t i, uint32_t end, uint32_t flight,
                          bool client_is_x)
{
    uint32_t last = flight;
    for (; i < end; i++) {
        if (s->moves[i].gate_len > 0) {
            s->moves[i].client_is_x = client_is_x;
            add_gate(s, i, flight);
            last = flight;
            flight += BH_RELU_STEPS - 1;
            client_is_x = !client_is_x;
        }
    }
    return last;
}

static uint32_t count_gates(const bh_script *s, uint32_t i, uint32_t end)
{
    uint32_t count = 0;
    for (; i < end; i++) {
        count += s->moves[i].gate_len > 0;
    }
    return count;
}

// A layer whose input comes with `flight`, and whose moves end with the truncation at
// move `end`. Returns the flight of the next layer's input.
static uint32_t schedule_layer(bh_script *s, uint32_t first, uint32_t end,
                               uint32_t flight)
{
    uint32_t gates = count_gates(s, first, end);
    bool client_is_x = gates % 2 == 1;
    uint32_t next = flight + 2;
    if (gates > 0) {
        next = add_gates(s, first, end, flight + !client_is_x, client_is_x) +
               BH_RELU_STEPS;
    }
    add_truncation(s, end, next - 1);
    return next;
}

// The last layer: a truncation that the client chooses in, perhaps a vote, the opening.
static void schedule_end(bh_script *s, uint32_t truncation, uint32_t flight)
{
    uint32_t open = s->n_moves - 1;
    add_truncation(s, truncation, flight);
    flight++;
    if (count_gates(s, truncation, open) > 0) {
        uint32_t last = add_gates(s, truncation, open, flight, false);
        // The server has its share, and a turn, with the last step or behind it.
        flight = last + BH_RELU_STEPS - (last % 2 == 0);
    }
    add_opening(s, open, flight);
}

static void add_parts(bh_script *s)
{
    uint32_t flight = 0;
    for (uint32_t i = 0; i < s->n_moves; i++) {
        const bh_move *m = &s->moves[i];
        if (m->kind != BH_MOVE_LINEAR) {
            continue;
        }
        add_part(s, BH_PART_INPUT, i, flight, 0, bh_bits_bytes(m->in_len, m->bits));
        uint32_t end = i;
        while (s->moves[end].kind != BH_MOVE_TRUNCATE) {
            end++;
        }
        if (m->layer + 1 < s->n_layers) {
            flight = schedule_layer(s, i, end, flight);
        } else {
            schedule_end(s, end, flight);
        }
    }
}

// By flight; parts of one flight stay in the order of their moves.
static void sort_parts(bh_script *s)
{
    for (uint32_t i = 1; i < s->n_parts; i++) {
        bh_part part = s->parts[i];
        uint32_t at = i;
        for (; at > 0 && s->parts[at - 1].flight > part.flight; at--) {
            s->parts[at] = s->parts[at - 1];
        }
        s->parts[at] = part;
    }
}

bh_status bh_schedule(bh_script *s)
{
    add_parts(s);
    sort_parts(s);
    s->flight_bytes = bh_alloc(s->n_flights, sizeof *s->flight_bytes);
    s->flight_layers = bh_alloc(s->n_flights, sizeof *s->flight_layers);
    if (s->flight_bytes == NULL || s->flight_layers == NULL) {
        return BH_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < s->n_parts; i++) {
        s->flight_bytes[s->parts[i].flight] += s->parts[i].bytes;
        s->flight_layers[s->parts[i].flight] = s->moves[s->parts[i].move].layer;
    }
    return BH_OK;
}
