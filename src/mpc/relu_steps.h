// SPDX-License-Identifier: Apache-2.0
// The inside of the gate of mpc/relu.h: its state, and the steps of each party.
#ifndef BH_MPC_RELU_STEPS_H
#define BH_MPC_RELU_STEPS_H

#include "mpc/bits.h"
#include "mpc/compare.h"
#include "mpc/digit.h"
#include "mpc/mux.h"
#include "mpc/relu.h"

#define BH_RELU_CASES 4 // rows of mpc/mux.h: of the openings (d, f) of the last AND

struct bh_relu {
    bool is_x;
    size_t count;
    unsigned bits, digits;
    const uint32_t *d; // borrowed
    bh_compare compare;
    bh_rot_received received, product_in; // of the supplies
    bh_rot_sent sent, product_out;
    uint64_t *planes; // owned; those that follow
    uint64_t *sign, *b, *select[2], *swap, *cases[BH_RELU_CASES];
    uint8_t *choices, *product; // owned, Y's: what step 0 brought, what step 5 takes
    uint32_t *result;           // owned
};

static inline bh_rot_sent bh_sent_from(bh_rot_sent t, size_t at)
{
    return (bh_rot_sent){t.m0 + at, t.m1 + at};
}

static inline bh_rot_received bh_received_from(bh_rot_received t, size_t at)
{
    return (bh_rot_received){t.m + at, t.c + at};
}

static inline bh_digit bh_relu_digit(const bh_relu *r, unsigned digit)
{
    return (bh_digit){r->d, r->count, r->bits, digit};
}

static inline size_t bh_relu_digit_at(const bh_relu *r, unsigned digit)
{
    return (size_t)digit * BH_DIGIT_TRANSFERS * r->count;
}

// Bytes of the openings of the comparison's level.
static inline size_t bh_relu_open_bytes(const bh_relu *r)
{
    return bh_compare_openings(r->digits, r->compare.level) * bh_plane_bytes(r->count);
}

// selects: the peer of the message has a transfer for each of BH_RELU_CASES.
static inline bh_mux bh_relu_mux(const bh_relu *r, bool selects)
{
    return (bh_mux){r->count, r->bits, selects, {r->select[0], r->select[1]}};
}

// The last AND: its openings, and this party's share of b.
void bh_relu_finish_sign(bh_relu *r);
// The result, mod 2^bits.
void bh_relu_reduce(bh_relu *r);

void bh_relu_x_write_choices(bh_relu *r, uint8_t *out);
void bh_relu_x_read_tables(bh_relu *r, const uint8_t *in);
void bh_relu_x_write_levels(bh_relu *r, uint8_t *out);
void bh_relu_x_read_cases(bh_relu *r, const uint8_t *in);
void bh_relu_x_write_product(bh_relu *r, uint8_t *out);
void bh_relu_x_read_product(bh_relu *r, const uint8_t *in);

void bh_relu_y_write_tables(bh_relu *r, uint8_t *out);
void bh_relu_y_read_levels(bh_relu *r, const uint8_t *in);
void bh_relu_y_write_cases(bh_relu *r, uint8_t *out);
void bh_relu_y_read_product(bh_relu *r, const uint8_t *in);

#endif
