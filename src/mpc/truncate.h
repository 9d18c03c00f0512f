// SPDX-License-Identifier: Apache-2.0
// Stochastic truncation of shared integers that are known not to be negative, together
// with a change of modulus.
//
// v = v_P + v_Q mod 2^l, 0 <= v < 2^(l-1). The parties end with shares mod 2^k of
//
//   u = (v_P >> f) + (v_Q >> f) + [f > 0] - 2^(l-f) (msb(v_P) OR msb(v_Q))
//
// which is floor(v / 2^f) + 1 with probability ((v mod 2^f) + 1) / 2^f over uniform
// shares, and floor(v / 2^f) otherwise; v itself if f = 0. The OR is one transfer of
// max(0, k - (l - f)) bits: P chooses by its sign, Q sends.
//
//   step 0  P: corrections, 1 bit each
//   step 1  Q: corrections of max(0, k - (l - f)) bits
//
// Q has its share after step 0, P after step 1. No message at all where k <= l - f.
// CT: leaks count, l, f and k, never shares, choices or pads.
#ifndef BH_MPC_TRUNCATE_H
#define BH_MPC_TRUNCATE_H

#include "mpc/rot.h"

typedef struct bh_truncation {
    size_t count;
    unsigned l, f, k; // 2 <= l <= 32, f < l, 1 <= k <= 32
} bh_truncation;

// Transfers that P receives from Q.
size_t bh_truncate_needs(const bh_truncation *t);
size_t bh_truncate_message_bytes(const bh_truncation *t, unsigned step);

// P: writes step 0, later reads step 1. v, u: count elements, reduced here; u may be v.
// transfers: the same at both calls.
void bh_truncate_choose(const bh_truncation *t, uint8_t *message, const uint32_t *v,
                        bh_rot_received transfers);
void bh_truncate_finish(const bh_truncation *t, uint32_t *u, const uint32_t *v,
                        const uint8_t *message, bh_rot_received transfers);
// Q: reads step 0, writes step 1 and its shares u.
void bh_truncate_answer(const bh_truncation *t, uint8_t *reply, uint32_t *u,
                        const uint32_t *v, const uint8_t *message,
                        bh_rot_sent transfers);

// The same function in the clear, of v and either party's share of it, before its
// reduction mod 2^k: what an oracle replays.
static inline uint32_t bh_truncate_clear(uint32_t v, uint32_t v_share, unsigned f)
{
    uint32_t low = (UINT32_C(1) << f) - 1; // f < l <= 32
    return (v >> f) + (f > 0 && (v_share & low) <= (v & low));
}

#endif
