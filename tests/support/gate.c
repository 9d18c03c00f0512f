// SPDX-License-Identifier: Apache-2.0
#include "support/gate.h"

#include <string.h>

#include "base/memory.h"
#include "mpc/bits.h"

enum { CANARY = 0xa5, CANARY_BYTES = 16 };

static bh_status deal(gate *g, test_rng *rng)
{
    const bh_relu_needs needs = bh_relu_count(g->count, g->bits);
    bh_status status = dealer_deal(&g->y_out, &g->x_in, needs.x_receives, rng);
    if (status == BH_OK) {
        status = dealer_deal(&g->x_out, &g->y_in, needs.y_receives, rng);
    }
    for (unsigned step = 0; step < BH_RELU_STEPS && status == BH_OK; step++) {
        size_t bytes = bh_relu_message_bytes(g->count, g->bits, step);
        g->messages[step] = bh_alloc(bytes + CANARY_BYTES, 1);
        if (g->messages[step] == NULL) {
            return BH_ERR_NOMEM;
        }
        memset(g->messages[step], CANARY, bytes + CANARY_BYTES);
    }
    return status;
}

bh_status gate_open(gate *g, size_t count, unsigned bits, const uint32_t *d_x,
                    const uint32_t *d_y, test_rng *rng)
{
    *g = (gate){.count = count, .bits = bits};
    bh_status status = deal(g, rng);
    if (status == BH_OK) {
        status = bh_relu_new(&g->x, true, count, bits, d_x, &g->x_in, &g->x_out);
    }
    if (status == BH_OK) {
        status = bh_relu_new(&g->y, false, count, bits, d_y, &g->y_in, &g->y_out);
    }
    if (status != BH_OK) {
        gate_close(g);
        return status;
    }
    assert_int_equal(g->x_in.taken, g->x_in.n);
    assert_int_equal(g->x_out.taken, g->x_out.n);
    assert_int_equal(g->y_in.taken, g->y_in.n);
    assert_int_equal(g->y_out.taken, g->y_out.n);
    return BH_OK;
}

void gate_close(gate *g)
{
    bh_relu_free(g->x);
    bh_relu_free(g->y);
    bh_rot_supply_clear(&g->x_in);
    bh_rot_supply_clear(&g->x_out);
    bh_rot_supply_clear(&g->y_in);
    bh_rot_supply_clear(&g->y_out);
    for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
        bh_free(g->messages[step]);
    }
    *g = (gate){0};
}

void gate_run(gate *g)
{
    for (unsigned step = 0; step < BH_RELU_STEPS; step++) {
        bh_relu *from = step % 2 == 0 ? g->x : g->y, *to = step % 2 == 0 ? g->y : g->x;
        size_t bytes = bh_relu_message_bytes(g->count, g->bits, step);
        bh_relu_write(from, step, g->messages[step]);
        for (size_t i = 0; i < CANARY_BYTES; i++) {
            assert_int_equal(g->messages[step][bytes + i], CANARY);
        }
        bh_relu_read(to, step, g->messages[step]);
    }
}

uint32_t gate_result(const gate *g, size_t i)
{
    const uint32_t mask = bh_bits_mask(g->bits);
    uint32_t x = bh_relu_result(g->x)[i], y = bh_relu_result(g->y)[i];
    assert_true(x <= mask && y <= mask);
    return (x + y) & mask;
}
