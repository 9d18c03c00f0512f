// SPDX-License-Identifier: Apache-2.0
// What a client sent during some queries, to be fed to other sessions. Their nonces are
// others, so the answers are garbage to that client; the server's work, the sizes and
// the counters are the same.
#ifndef BH_BENCH_RECORDING_H
#define BH_BENCH_RECORDING_H

#include "base/bytes.h"
#include "bayhenn/session.h"

// Messages that a server answers before the next one comes.
#define RECORDING_MESSAGES_MAX 4096

typedef struct recording {
    bh_writer bytes;
    size_t ends[RECORDING_MESSAGES_MAX]; // of each message, in bytes
    size_t n_messages;
    uint32_t queries;
} recording;

// *r is {0}, and is to be cleared in any case.
bh_status recording_make(recording *r, const bh_service *service, const uint8_t *pixels,
                         uint32_t queries, bh_error *err) BH_MUST_CHECK;
void recording_clear(recording *r);

// Plays it to a new session; may be called by several threads.
bh_status recording_play(const recording *r, const bh_service *service,
                         bh_error *err) BH_MUST_CHECK;

#endif
