// SPDX-License-Identifier: Apache-2.0
// What two parties do under guard `sealed`, move by move, and which message carries
// what: all of it follows from the plan, so both sides derive the same script (R6).
//
// A query goes through its linear layers. The client's input x of a layer is shared as
// r, which it drew and sent encrypted ahead of the query, and x - r, which it sends in
// the clear; the server's W r - s, which the client decrypted ahead, is the client's
// share of the result, and W (x - r) + s + bias is the server's. Then come the moves of
// the segment on shares, all samples side by side.
//
// Messages alternate: flight 0 is the client's, flight 1 the server's, and so on. A
// flight is a concatenation of parts.
//
// Segments: ReLUs wait until behind the max-pools that follow them, with which they
// commute, and the last one is one with the clamp. So a segment is pools, each a local
// rearrangement into windows and then local sums or rounds of a tournament, and at its
// end a clamp and a truncation.
//
//   clamp:  w = lo - base + max(v - lo, 0) - max(v - hi, 0), each where it is needed;
//           base <= w + base <= hi
//   truncation (mpc/truncate.h): u = about w / 2^f; the next input is u + base / 2^f
//
// Roles: of a party that has a share ahead of the other's the move is. In a layer the
// gates take turns in who is X (mpc/relu.h), so that five flights are enough for each,
// and the client is X of the last one, so that the server, who has its share first,
// chooses in the truncation behind it and the client can send the next x - r at once.
#ifndef BH_INFER_SCRIPT_H
#define BH_INFER_SCRIPT_H

#include "bayhenn/session.h"
#include "model/graph.h"
#include "mpc/supplier.h"
#include "mpc/truncate.h"

// Modulus of what is opened as a label, and of sums of logits.
#define BH_SCRIPT_VOTE_BITS 32

typedef enum bh_move_kind {
    BH_MOVE_LINEAR,  // from here on the values are those of the layer's result
    BH_MOVE_WINDOWS, // local: tensors to the windows of a pool, back to back
    BH_MOVE_SUM,     // local: each window to its sum
    BH_MOVE_MAX,     // gate: a round of a tournament in each window
    BH_MOVE_RELU,    // gate
    BH_MOVE_CLAMP,   // gate, or local if it needs neither lo nor hi
    BH_MOVE_TRUNCATE,
    BH_MOVE_VOTE, // local: logits of all samples to one sum a class, with its index
    BH_MOVE_OPEN, // the server's share goes to the client
} bh_move_kind;

typedef struct bh_move {
    bh_move_kind kind;
    uint32_t layer;           // linear layer that it belongs to
    unsigned bits;            // l: modulus of the values in front of it
    size_t in_len, out_len;   // values in front and behind, all samples
    const bh_layer *pool;     // WINDOWS: borrowed from the plan's graph
    uint32_t width;           // SUM, MAX: of a window in front
    bool has_lo, has_hi;      // CLAMP
    int64_t lo, hi, base;     // CLAMP
    int64_t before, behind;   // TRUNCATE: added to the values
    bh_truncation truncation; // TRUNCATE
    bool client_chooses;      // TRUNCATE
    unsigned index_bits;      // VOTE, OPEN: low bits that hold the class, 0: logits
    size_t gate_len;          // comparisons; 0: no gate
    uint32_t gate;            // its number among the gates
    bool client_is_x;         // gate
} bh_move;

// Bits of a value that is opened.
static inline unsigned bh_move_opened_bits(const bh_move *m)
{
    return m->index_bits > 0 ? m->index_bits : m->bits;
}

typedef enum bh_part_kind {
    BH_PART_INPUT,      // the client's x - r
    BH_PART_GATE,       // a step of a gate
    BH_PART_TRUNCATION, // a step of a truncation
    BH_PART_OPENING,    // the server's shares
} bh_part_kind;

typedef struct bh_part {
    bh_part_kind kind;
    uint32_t move, flight;
    unsigned step;
    size_t bytes;
} bh_part;

typedef struct bh_script {
    uint32_t samples, n_layers;
    uint32_t n_moves, n_parts, n_flights;
    bh_move *moves;
    bh_part *parts;          // by flight, in the order in which they are written
    size_t *flight_bytes;    // n_flights
    uint32_t *flight_layers; // of each flight: the linear layer that it belongs to
    size_t longest;          // values of the longest tensor, all samples
    uint32_t n_gates;
    bh_supplier_batch transfers; // of one query
} bh_script;

typedef struct bh_script_options {
    uint32_t samples;
    bh_reveal reveal;
    unsigned logit_bits; // fraction bits that logits keep, 0 .. 24
} bh_script_options;

// l of every linear layer of a quantised graph under this script, in t_bits, is part of
// what it derives: the least at which no value and no difference that is compared can
// wrap, an error of one unit in every accumulator included if acc_max includes it.
// Borrows graph. Errors, each with a sentence that names the layer: BH_ERR_RANGE (more
// than 28 bits), BH_ERR_PARAMS (a layer that cannot be computed on shares: square),
// BH_ERR_NOMEM.
bh_status bh_script_new(bh_script **out, unsigned *t_bits, const bh_graph *graph,
                        const bh_script_options *options, bh_error *err) BH_MUST_CHECK;
void bh_script_free(bh_script *s);

// Inputs that linear layer i is evaluated on: one for all samples at the first.
static inline uint32_t bh_script_inputs(const bh_script *s, uint32_t layer)
{
    return layer == 0 ? 1 : s->samples;
}

// How far a logit is shifted right before it is opened, and what is added to it first
// so that it is not negative: logit = ((u << shift) - offset) * bh_graph_logit_scale.
unsigned bh_script_logit_shift(const bh_graph *graph, unsigned logit_bits,
                               unsigned t_bits);

#endif
