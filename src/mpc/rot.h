// SPDX-License-Identifier: Apache-2.0
// Random oblivious transfers, the one correlation that everything in mpc is made of:
// the sender has pairs of random pads, the receiver a random bit c and the pad m_c of
// each. A pad has 32 bits, as much as any step of this layer masks with one.
//
// A supply holds the transfers of one direction that were made ahead; each is taken
// once, in order, and both parties take the same numbers, since what is to be computed
// is public (R6).
// CT: all functions leak numbers and sizes, never pads or choices.
#ifndef BH_MPC_ROT_H
#define BH_MPC_ROT_H

#include <stddef.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

// Transfers that are sent: pads m0[i], m1[i].
typedef struct bh_rot_sent {
    const uint32_t *m0, *m1;
} bh_rot_sent;

// Transfers that are received: choice c[i], 0 or 1, and the pad m[i] of it.
typedef struct bh_rot_received {
    const uint32_t *m;
    const uint8_t *c;
} bh_rot_received;

// The transfers of one direction, of one party. Either m0 and m1, or m and c.
typedef struct bh_rot_supply {
    size_t n, taken;
    uint32_t *m0, *m1; // owned; of a sender
    uint32_t *m;       // owned; of a receiver
    uint8_t *c;
} bh_rot_supply;

// Room for n transfers, to be filled in. {0} is cleared. BH_ERR_NOMEM; clear it then.
bh_status bh_rot_supply_init_sender(bh_rot_supply *s, size_t n) BH_MUST_CHECK;
bh_status bh_rot_supply_init_receiver(bh_rot_supply *s, size_t n) BH_MUST_CHECK;
void bh_rot_supply_clear(bh_rot_supply *s); // wipes
// Erases the transfers; the room stays, to be filled in again.
void bh_rot_supply_wipe(bh_rot_supply *s);

// The next n transfers, borrowed from the supply. The caller knows that they are there
// (an assertion of the program, not of the peer).
bh_rot_sent bh_rot_take_sent(bh_rot_supply *s, size_t n);
bh_rot_received bh_rot_take_received(bh_rot_supply *s, size_t n);

#endif
