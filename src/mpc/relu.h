// SPDX-License-Identifier: Apache-2.0
// max(d, 0) of shared integers, the one gate that every activation is made of: ReLU
// itself, max(a, b) = b + max(a - b, 0), clamps.
//
// d = d_X + d_Y mod 2^l as a two's complement number. X and Y end with shares mod 2^l
// of d if d >= 0 and of 0 otherwise. X moves first; the gate takes six flights, X Y X Y
// X Y, and Y has its share after the fifth (step 4), X after the sixth (step 5). The
// sign comes from a comparison of l - 1 bits by digits of 4 bits (CrypTFlow2, CCS
// 2020): one 1-of-16 transfer a digit gives shares of (greater, equal), a tree of ANDs
// on bit triples with openings in alternating flights combines them, and the last AND
// is fused with the multiplexer: see relu.c.
//
//   step 0  X: m corrections of 4 bits
//   step 1  Y: m tables of 16 entries; its openings of tree level 1
//   step 2  X: openings of levels 1, 2
//   step 3  Y: openings of levels 2, 3; corrections of its four possible choices
//   step 4  X: openings of level 3; product for Y's choice; correction of its choice
//   step 5  Y: product for X's choice
//
// CT: leaks count and bits, never shares, choices or pads.
#ifndef BH_MPC_RELU_H
#define BH_MPC_RELU_H

#include <stdbool.h>

#include "mpc/rot.h"

#define BH_RELU_STEPS    6
#define BH_RELU_BITS_MIN 2
#define BH_RELU_BITS_MAX 32

typedef struct bh_relu bh_relu;

// Transfers that one batch takes: those that X receives and those that Y receives.
typedef struct bh_relu_needs {
    size_t x_receives, y_receives;
} bh_relu_needs;
bh_relu_needs bh_relu_count(size_t count, unsigned bits);

// Bytes of the message of a step, 0 .. 5; the same for any values.
size_t bh_relu_message_bytes(size_t count, unsigned bits, unsigned step);

// A batch of `count` values of `bits` bits, l. d: this party's shares, reduced mod 2^l
// here; they stay borrowed until the gate is done. The supplies lend their transfers
// now and have to outlive the gate. Both parties take from the supply of each direction
// in the same order. Errors: BH_ERR_NOMEM, BH_ERR_ARG for bits out of range.
bh_status bh_relu_new(bh_relu **out, bool is_x, size_t count, unsigned bits,
                      const uint32_t *d, bh_rot_supply *receive,
                      bh_rot_supply *send) BH_MUST_CHECK;
void bh_relu_free(bh_relu *r); // wipes

// X writes steps 0, 2, 4 and reads 1, 3, 5; Y the others; each in order. message has
// bh_relu_message_bytes. Whatever bytes come, reading stays within bounds; a peer that
// deviates makes the result wrong, no more.
void bh_relu_write(bh_relu *r, unsigned step, uint8_t *message);
void bh_relu_read(bh_relu *r, unsigned step, const uint8_t *message);

// This party's shares of the result, reduced mod 2^l, after step 5 was read (X) or step
// 4 was read (Y).
const uint32_t *bh_relu_result(const bh_relu *r);

#endif
