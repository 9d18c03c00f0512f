// SPDX-License-Identifier: Apache-2.0
// What a query under guard `sealed` uses up, and the units that a session has of it.
#ifndef BH_INFER_UNIT_H
#define BH_INFER_UNIT_H

#include "infer/plan.h"

// What a query takes and no input has a part in: made ahead of it, used once. Shares of
// linear layer i are modulo 2^l, l of that layer.
typedef struct bh_unit {
    uint32_t *words; // what the next three point into
    size_t n_words;
    uint32_t **input; // client: r, of all inputs of a layer
    uint32_t *
        *output; // this party's share of W r, of all samples; bias in the server's
    int32_t **weights; // server: the drawn W, of all samples
    bh_rot_supply receive, send;
} bh_unit;

// Room for one query of a plan. BH_ERR_NOMEM.
bh_status bh_unit_new(bh_unit **out, const bh_plan *plan, bool is_client) BH_MUST_CHECK;
void bh_unit_free(bh_unit *unit); // wipes
// Erases what it holds; the room stays, for another query of the same plan.
void bh_unit_wipe(bh_unit *unit);
// The bytes that it takes.
uint64_t bh_unit_bytes(const bh_plan *plan, bool is_client);

// Units that wait for queries; used in order.
typedef struct bh_units {
    uint32_t first, count;
    bh_unit *items[BH_AHEAD_MAX];
    bh_unit *spare; // of a query that is over, wiped: room for the next one; or NULL
} bh_units;

void bh_units_add(bh_units *u, bh_unit *unit);
bh_unit *bh_units_take(bh_units *u); // the oldest; there is one
void bh_units_clear(bh_units *u);    // wipes
// Room for one more: the spare one, or a new one. BH_ERR_NOMEM.
bh_status bh_units_room(bh_units *u, bh_unit **out, const bh_plan *plan,
                        bool is_client) BH_MUST_CHECK;
// A wiped unit becomes the spare one.
void bh_units_keep(bh_units *u, bh_unit *unit);

#endif
