// SPDX-License-Identifier: Apache-2.0
// What the hooks saw of one query, and the query that they saw.
#ifndef BH_TESTS_SUPPORT_RECORD_H
#define BH_TESTS_SUPPORT_RECORD_H

#include "model/model.h"
#include "support/session.h"

#define RECORD_STAGES 3 // of shares (base/hooks.h)

typedef struct record {
    uint32_t n_layers, samples;
    int64_t *input;            // the quantised image
    int32_t **weights, **bias; // [layer * samples + sample]
    // Guard `sampled`: outputs of linear layers at the client, [layer * samples +
    // sample].
    int64_t **outputs;
    size_t *output_lengths;
    // Guard `sealed`.
    uint32_t **shares[2][RECORD_STAGES]; // [client][stage][layer]
    size_t *lengths[RECORD_STAGES];      // [layer]
    bh_client_result result;             // borrowed from the session
} record;

// One query, moving at most `chunk` bytes at a time; it must succeed.
void record_query(record *r, session *p, const bh_model *model, const uint8_t *pixels,
                  size_t chunk);
void record_clear(record *r);

// How many of the recorded weights and biases the member that their sample belongs to
// cannot have drawn.
size_t record_count_foreign(const record *r, const bh_model *model);

#endif
