// SPDX-License-Identifier: Apache-2.0
// One digit of a comparison (mpc/compare.h): X has a digit alpha of 4 bits, Y a digit
// beta; they end with shares, by exclusive or, of [alpha > beta] and [alpha == beta].
//
// Y's shares are random bits that it has already; the table that they make of its
// digit, with an entry for every alpha, is a 1-of-16 transfer from four random
// transfers of which Y is the sender. Each pad is a row of 16 fields, and the mask of
// field j is the sum of field j of the four pads that j's bits choose, so X, who has
// chosen by the bits of alpha, can take the mask off its own field only. X says by 4
// bits how its choices differ from alpha.
//
// Fields have 2 bits: greater, equal. In the lowest digit, whose `equal` no comparison
// asks for, they have one, and half of each pad stays unused.
// CT: leaks counts, bits and which digit it is; neither shares nor pads.
#ifndef BH_MPC_DIGIT_H
#define BH_MPC_DIGIT_H

#include "mpc/planes.h"
#include "mpc/rot.h"

#define BH_DIGIT_TRANSFERS 4 // for a digit; those of a digit lie behind each other

// A batch of one digit. alpha is d mod 2^(bits - 1), beta 2^(bits - 1) - 1 less that;
// their digits are counted from the lowest, 0.
typedef struct bh_digit {
    const uint32_t *d;
    size_t count;
    unsigned bits, index;
} bh_digit;

static inline size_t bh_digit_choice_bytes(size_t count)
{
    return count / 2 + count % 2;
}

static inline size_t bh_digit_table_bytes(size_t count, unsigned digit)
{
    return count * (digit == 0 ? 2 : 4);
}

// X: corrections, two to a byte. transfers: BH_DIGIT_TRANSFERS * count.
void bh_digit_choose(const bh_digit *b, uint8_t *out, bh_rot_received transfers);
// Y: tables from the corrections that came. g, e: planes of its shares; e is not read
// for digit 0.
void bh_digit_answer(const bh_digit *b, uint8_t *out, const uint8_t *choices,
                     const uint64_t *g, const uint64_t *e, bh_rot_sent transfers);
// X: planes of its shares; e is not written for digit 0.
void bh_digit_finish(const bh_digit *b, uint64_t *g, uint64_t *e, const uint8_t *tables,
                     bh_rot_received transfers);

#endif
