// SPDX-License-Identifier: Apache-2.0
#include "support/dealer.h"

bh_status dealer_deal(bh_rot_supply *sender, bh_rot_supply *receiver, size_t n,
                      test_rng *rng)
{
    *receiver = (bh_rot_supply){0};
    bh_status status = bh_rot_supply_init_sender(sender, n);
    if (status == BH_OK) {
        status = bh_rot_supply_init_receiver(receiver, n);
    }
    if (status != BH_OK) {
        bh_rot_supply_clear(sender);
        bh_rot_supply_clear(receiver);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t pads = test_rng_next(rng), choice = test_rng_next(rng) >> 63;
        sender->m0[i] = (uint32_t)pads;
        sender->m1[i] = (uint32_t)(pads >> 32);
        receiver->c[i] = (uint8_t)choice;
        receiver->m[i] = choice != 0 ? sender->m1[i] : sender->m0[i];
    }
    return BH_OK;
}

dealer_faults dealer_check(const bh_rot_supply *sender, const bh_rot_supply *receiver)
{
    dealer_faults faults = {0};
    assert_int_equal(sender->n, receiver->n);
    for (size_t i = 0; i < sender->n; i++) {
        const uint32_t m0 = sender->m0[i], m1 = sender->m1[i];
        const unsigned c = receiver->c[i];
        assert_true(c <= 1);
        faults.wrong += receiver->m[i] != (c != 0 ? m1 : m0);
        faults.alike += m0 == m1;
    }
    return faults;
}
