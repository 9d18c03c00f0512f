// SPDX-License-Identifier: Apache-2.0
// What answering one sample of one linear layer takes and no client has a part in: a
// function of (seed, layer, sample) alone. It is made when a sample is due, from the
// query's seed, or ahead of any query, from a seed of its own, and kept in a store of
// bounded size until a query takes it. Either way it serves once (R5).
//
// Weights of different layers and samples are independent, so any unit of a layer may
// serve any sample of any query.
//
// A unit holds what was drawn. What can be made ahead from that without the client's
// key or uploads, and belongs here once src/he can take it:
//   the transform of every bh_linear_pack_weights(in_block, out_block), each tile's
//   same per answer, from streams "encryption of zero": the transform of u, and e0, e1
//   per answer, from stream "flooding": f at the answer's places
#ifndef BH_INFER_PREPARED_H
#define BH_INFER_PREPARED_H

#include "base/random.h"
#include "infer/plan.h"
#include "model/model.h"

typedef struct bh_prepared {
    uint32_t layer;
    // What its streams start from, those that sanitise its answers included. No other
    // unit has the same.
    uint8_t seed[BH_SEED_BYTES];
    uint32_t sample;
    int32_t *weights, *bias; // drawn; of the layer's posterior
} bh_prepared;

// Room for any of `layers` consecutive layers. {0} is cleared. BH_ERR_NOMEM; clear it
// then too.
bh_status bh_prepared_init(bh_prepared *unit, const bh_model *model, uint32_t layer,
                           uint32_t layers) BH_MUST_CHECK;
void bh_prepared_clear(bh_prepared *unit); // wipes

// Draws. Errors: those of bh_draw_layer; nothing drawn is left then.
// CT: leaks the plan, not the seed or what is drawn.
bh_status bh_prepared_make(bh_prepared *unit, const bh_model *model,
                           const uint8_t seed[BH_SEED_BYTES], uint32_t layer,
                           uint32_t sample) BH_MUST_CHECK;

// Units made ahead, shared by all sessions of a service. Lock-free: several threads may
// call everything but new and free at the same time.
typedef struct bh_store bh_store;

// A store of at most `bytes`, as many units of every layer as fit. Borrows both.
bh_status bh_store_new(bh_store **out, const bh_plan *plan, const bh_model *model,
                       uint64_t bytes) BH_MUST_CHECK;
void bh_store_free(bh_store *store); // wipes

// Makes one unit. BH_OK: call again, there may be room for more; BH_WANT_MORE: there is
// none.
bh_status bh_store_fill(bh_store *store) BH_MUST_CHECK;

// A unit of this layer that is now the caller's alone, until it is given back; NULL if
// none is ready, or there is no store.
bh_prepared *bh_store_take(bh_store *store, uint32_t layer);
// Erases it: it has served.
void bh_store_give_back(bh_store *store, bh_prepared *unit);

// Units of this layer that are ready, and that there is room for.
size_t bh_store_ready(const bh_store *store, uint32_t layer);
size_t bh_store_capacity(const bh_store *store, uint32_t layer);

#endif
