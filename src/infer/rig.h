// SPDX-License-Identifier: Apache-2.0
// Keys, layers and memory that operations are measured on.
#ifndef BH_INFER_RIG_H
#define BH_INFER_RIG_H

#include "base/random.h"
#include "infer/plan.h"
#include "model/draw.h"

#define BH_RIG_T_BITS 24
// Products are measured over so many uploads: more than a core's nearest cache holds.
#define BH_RIG_UPLOADS 8
// The same of factors, which come from memory: 4 MiB.
#define BH_RIG_FACTORS 64
#define BH_RIG_DRAWS   16384 // weights drawn at once
#define BH_RIG_SIDE    32    // of the image whose segment is measured: its square <= n

// What the operations work on: three layers, of which `many` has an output at every
// place, `few` has few, and `full` fills a polynomial with weights; all data are zeros,
// since no operation's time depends on them.
typedef struct bh_rig {
    bh_he *he;
    bh_linear many, few, full;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_uniform uniform;
    bh_upload *uploads[BH_RIG_UPLOADS];
    uint64_t *factors;             // prepared: BH_RIG_FACTORS of them; or NULL
    bh_zero *zero_many, *zero_few; // prepared, or NULL
    bh_workspace *work;
    bh_answer_keys keys;
    bh_stream_key draw_key;
    bh_stream *stream;
    bh_int_posterior posterior;
    bh_graph *graph;
    int64_t *values, *message, *scratch;
    int32_t *zeros, *weights; // 4 n
    int32_t *poly, *spread;
    uint32_t *share;
    uint32_t *places;
    uint8_t *ciphertext, *bytes; // an upload; an answer
    uint64_t counter;
    uint8_t seed[BH_SEED_BYTES];
} bh_rig;

// prepared: with what a server makes ahead. {0} is cleared; clear it after an error
// too. BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG.
bh_status bh_rig_init(bh_rig *r, bh_guard guard, bool prepared) BH_MUST_CHECK;
void bh_rig_clear(bh_rig *r); // wipes

#endif
