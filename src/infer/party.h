// SPDX-License-Identifier: Apache-2.0
// One party of a query under guard `sealed`: it follows the script (infer/script.h),
// writes the flights that are its own and reads the other ones. Client and server are
// one code, because a gate treats its parties alike; what only one of them does is
// marked.
#ifndef BH_INFER_PARTY_H
#define BH_INFER_PARTY_H

#include "base/cpu.h"
#include "infer/unit.h"
#include "mpc/relu.h"

typedef struct bh_gate {
    bh_relu *relu;
    uint32_t *d; // what is compared with zero
} bh_gate;

// Read the fields, change none.
typedef struct bh_party {
    const bh_plan *plan; // borrowed
    bool is_client;
    bh_cpu cpu;
    bh_unit *unit;   // owned; NULL between queries
    uint32_t flight; // that comes next; n_flights behind the last
    uint32_t part, move;
    uint32_t *values, *next; // shares; where the next ones are made
    uint32_t *input;         // client: x - r, to be sent; server: as it came
    bool input_waits;        // client: for its flight
    uint8_t *reply;          // of a truncation, to be sent
    bh_rot_received choices; // of a truncation under way
    bh_gate gates[2];        // by number, in turns: one ends while the next begins
    uint32_t *opened;        // client: after the last flight, the opened values
} bh_party;

// Memory for queries is taken when one begins. Begins a query with a unit, which it
// owns from here on, even after an error. Client: x is the quantised input.
// BH_ERR_NOMEM. CT for all of these: leak the plan, not inputs, weights, shares or
// results.
bh_status bh_party_begin(bh_party *p, const bh_plan *plan, bool is_client,
                         bh_unit *unit, const int64_t *x) BH_MUST_CHECK;
void bh_party_clear(bh_party *p); // wipes; {0} is cleared
// The same, but for the unit, which comes back wiped; NULL if there is none.
bh_unit *bh_party_release(bh_party *p);

// Whether a query is under way: not before it begins, nor behind its last flight, when
// only its unit is left to be erased.
static inline bool bh_party_is_busy(const bh_party *p)
{
    return p->unit != NULL && p->flight < p->plan->script->n_flights;
}

// Writes or reads the next flight, script->flight_bytes of it, and moves on. Any bytes
// can be read; those of a peer that deviates give a wrong result. BH_ERR_NOMEM.
bh_status bh_party_write(bh_party *p, uint8_t *message) BH_MUST_CHECK;
bh_status bh_party_read(bh_party *p, const uint8_t *message) BH_MUST_CHECK;

// Client, after the last flight: logits [samples][classes], or the label.
void bh_party_logits(const bh_party *p, double *logits);
uint32_t bh_party_label(const bh_party *p);

#endif
