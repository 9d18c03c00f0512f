// SPDX-License-Identifier: Apache-2.0
// What answering one sample of one linear layer takes and no client has a part in: a
// function of (seed, layer, sample) alone. It is made when a sample is due, from the
// query's seed, or ahead of any query, from a seed of its own, and kept in a store of
// bounded size until a query takes it. Either way it serves once (R5).
//
// Weights of different layers and samples are independent, so any unit of a layer may
// serve any sample of any query that is drawn from the same member (model/model.h).
#ifndef BH_INFER_PREPARED_H
#define BH_INFER_PREPARED_H

#include "base/random.h"
#include "infer/plan.h"
#include "model/model.h"

// What one thread makes units with.
typedef struct bh_maker {
    bh_workspace *work;
    bh_stream *stream;
    int32_t *poly; // n coefficients
} bh_maker;

// {0} is cleared. Clear it after an error, too.
bh_status bh_maker_init(bh_maker *m, const bh_he *he) BH_MUST_CHECK;
void bh_maker_clear(bh_maker *m); // wipes

typedef struct bh_prepared {
    uint32_t layer, sample;      // which say the posterior that it is drawn from
    uint8_t seed[BH_SEED_BYTES]; // of all that follows; no other unit has the same
    bh_answer_keys keys;         // of what sanitises its answers
    int32_t *weights, *bias;     // drawn
    // Only of units made ahead, which save a query the transforms; NULL otherwise.
    uint64_t *factors; // of every (out_block, in_block), bh_he_factor_words each
    bh_zero **zeros;   // of every answer
    uint32_t n_zeros;
} bh_prepared;

// Room for what is drawn for any layer of the plan. {0} is cleared. BH_ERR_NOMEM; clear
// it then too.
bh_status bh_prepared_init(bh_prepared *unit, const bh_plan *plan,
                           const bh_model *model) BH_MUST_CHECK;
// Room for one layer, transforms and zeros included.
bh_status bh_prepared_init_ahead(bh_prepared *unit, const bh_plan *plan,
                                 const bh_model *model, uint32_t layer) BH_MUST_CHECK;
// The bytes that this takes.
uint64_t bh_prepared_bytes_ahead(const bh_plan *plan, const bh_model *model,
                                 uint32_t layer);
void bh_prepared_clear(bh_prepared *unit); // wipes

// Draws, and transforms where there is room for it. Errors: those of the streams.
// CT: leaks the plan, not the seed or what is drawn.
bh_status bh_prepared_make(bh_prepared *unit, bh_maker *m, const bh_plan *plan,
                           const bh_model *model, const uint8_t seed[BH_SEED_BYTES],
                           uint32_t layer, uint32_t sample) BH_MUST_CHECK;

// Begins an answer in m->work: the sum of the products of its layer's uploads, all of
// one input, with the unit's weights.
bh_status bh_prepared_multiply(const bh_prepared *unit, bh_maker *m,
                               const bh_plan *plan, bh_upload *const *uploads,
                               uint32_t answer) BH_MUST_CHECK;

// Erases what was made; the room stays.
void bh_prepared_wipe(bh_prepared *unit, const bh_plan *plan, const bh_model *model);

#endif
