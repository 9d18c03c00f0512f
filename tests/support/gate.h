// SPDX-License-Identifier: Apache-2.0
// Both parties of a ReLU gate (mpc/relu.h) in one hand.
#ifndef BH_TESTS_SUPPORT_GATE_H
#define BH_TESTS_SUPPORT_GATE_H

#include "mpc/relu.h"
#include "support/dealer.h"

typedef struct gate {
    size_t count;
    unsigned bits;
    bh_rot_supply x_in, x_out, y_in, y_out;
    bh_relu *x, *y;
    uint8_t *messages[BH_RELU_STEPS]; // as they went
} gate;

// Deals and makes both parties. An error leaves nothing behind.
bh_status gate_open(gate *g, size_t count, unsigned bits, const uint32_t *d_x,
                    const uint32_t *d_y, test_rng *rng);
void gate_close(gate *g);

// All six steps; what is behind a message must not be written.
void gate_run(gate *g);

// The sum of the results, mod 2^bits.
uint32_t gate_result(const gate *g, size_t i);

#endif
