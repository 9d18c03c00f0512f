// SPDX-License-Identifier: Apache-2.0
// What the threads of either side compute in, under any guard.
#ifndef BH_INFER_SCRATCH_H
#define BH_INFER_SCRATCH_H

#include "infer/prepared.h"

// What one thread of the client needs, of n elements each.
typedef struct bh_client_scratch {
    bh_workspace *work;
    int64_t *poly; // a message, or the values at the places of an answer
    uint32_t *places;
} bh_client_scratch;

// For so many threads. BH_ERR_NOMEM and those of bh_workspace_new.
bh_status bh_client_scratch_new(bh_client_scratch **out, const bh_he *he,
                                uint32_t threads) BH_MUST_CHECK;
void bh_client_scratch_free(bh_client_scratch *s, uint32_t threads); // wipes

// The uploads of one input, as a pool computes them.
typedef struct bh_client_upload {
    const bh_plan *plan;
    const bh_secret_key *sk;
    bh_client_scratch *scratch; // one per thread
    const int64_t *x;           // the input
    uint32_t layer;
    uint64_t counter; // uniform part of the first
    uint8_t *out;     // the ciphertexts, back to back
} bh_client_upload;

// Task i of a pool: encrypts the i-th of them. upload: a bh_client_upload. CT: leaks
// the plan, not x.
bh_status bh_client_encrypt(void *upload, size_t i, uint32_t worker) BH_MUST_CHECK;

// What one thread of the server needs.
typedef struct bh_server_scratch {
    bh_maker maker;
    int32_t *spread; // n biases
    uint32_t *share; // n shares of an answer's places
    int64_t *wide;   // the same, as they are unpacked
    uint32_t *places;
} bh_server_scratch;

bh_status bh_server_scratch_new(bh_server_scratch **out, const bh_he *he,
                                uint32_t threads) BH_MUST_CHECK;
void bh_server_scratch_free(bh_server_scratch *s, uint32_t threads); // wipes

#endif
