// SPDX-License-Identifier: Apache-2.0
// The moves of a party (infer/party.h) on its shares: what it computes between
// messages. CT: leak the script, never shares.
#ifndef BH_INFER_MOVES_H
#define BH_INFER_MOVES_H

#include "infer/party.h"

static inline const bh_move *bh_moves_current(const bh_party *p)
{
    return &p->plan->script->moves[p->move];
}

// Makes moves from the current one on, until one needs a message. BH_ERR_NOMEM.
bh_status bh_moves_run(bh_party *p) BH_MUST_CHECK;
// The current move has had its messages: goes on behind it.
bh_status bh_moves_next(bh_party *p) BH_MUST_CHECK;

// What the last message of a move leads to: this party's share of a gate's result; the
// result of a linear layer, p->input having come; of a truncation, in p->next.
void bh_moves_take_gate(bh_party *p, const bh_move *m);
void bh_moves_server_linear(bh_party *p, const bh_move *m);
void bh_moves_end_truncation(bh_party *p, const bh_move *m);

// Forgets a gate whose last message was written or read.
void bh_moves_end_gate(bh_gate *g);

#endif
