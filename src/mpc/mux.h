// SPDX-License-Identifier: Apache-2.0
// Multiplying shared numbers by shared bits: (b_X ^ b_Y)(x_X + x_Y) mod 2^bits is the
// sum of a product of each party's number, of which
//
//   x (b ^ b') = x b + (1 - 2b) x b',    x, b its own, b' the peer's,
//
// takes one transfer in which the peer chooses by its bit. The peer says how its random
// choice differs from b'; with the pads swapped by that, the owner of x sends pad 0 +
// (1 - 2b) x - pad 1 and keeps x b - pad 0.
//
// In one direction of the last AND of a comparison the peer does not yet know b', but
// that it is one of four bits, and has a transfer ready for each. Pads are four rows of
// `count` then, and planes that both know select the row.
// CT: leaks counts and bits; neither numbers nor pads.
#ifndef BH_MPC_MUX_H
#define BH_MPC_MUX_H

#include <stdbool.h>

#include "mpc/planes.h"
#include "mpc/rot.h"

typedef struct bh_mux {
    size_t count;
    unsigned bits;
    bool selects;              // among four rows of pads; otherwise there is one
    const uint64_t *select[2]; // the row is 2 select[0] + select[1]
} bh_mux;

// The owner of x: its message, bh_bits_bytes(count, bits), and its share. b: planes;
// swap: the peer's corrections, those of the row selected.
void bh_mux_send(const bh_mux *m, uint8_t *out, uint32_t *share, const uint32_t *x,
                 const uint64_t *b, const uint64_t *swap, bh_rot_sent pads);
// The peer: adds its share. b: its own bits.
void bh_mux_receive(const bh_mux *m, uint32_t *share, const uint8_t *in,
                    const uint64_t *b, const uint32_t *pads);

#endif
