// SPDX-License-Identifier: Apache-2.0
// Units made ahead (infer/prepared.h), shared by all sessions of a service. Lock-free:
// several threads may call everything but new and free at the same time.
#ifndef BH_INFER_STORE_H
#define BH_INFER_STORE_H

#include "infer/prepared.h"

typedef struct bh_store bh_store;

// A store of at most `bytes` of units, not counting what the allocator adds to each
// block: as many of every layer as fit, for samples 0, 1, ... of one query after the
// other. Borrows both.
bh_status bh_store_new(bh_store **out, const bh_plan *plan, const bh_model *model,
                       uint64_t bytes) BH_MUST_CHECK;
void bh_store_free(bh_store *store); // wipes
// Bytes of the units that one query takes.
uint64_t bh_store_query_bytes(const bh_plan *plan, const bh_model *model);

// Makes one unit. BH_OK: call again, there may be room for more; BH_WANT_MORE: there
// is not.
bh_status bh_store_fill(bh_store *store) BH_MUST_CHECK;

// A unit of this layer, of the member that this sample is drawn from, that is now the
// caller's alone, until it is given back; NULL if none is ready, or there is no store.
bh_prepared *bh_store_take(bh_store *store, uint32_t layer, uint32_t sample);
// Erases a unit that has served, which takes about as long as using it did, and leaves
// its room to be filled again.
void bh_store_give_back(bh_store *store, bh_prepared *unit);

// Units of this layer that are ready, and that there is room for.
size_t bh_store_ready(const bh_store *store, uint32_t layer);
size_t bh_store_capacity(const bh_store *store, uint32_t layer);

#endif
