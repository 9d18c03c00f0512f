// SPDX-License-Identifier: Apache-2.0
// Random transfers from a trusted dealer: both parties' supplies at once.
#ifndef BH_TESTS_SUPPORT_DEALER_H
#define BH_TESTS_SUPPORT_DEALER_H

#include "mpc/rot.h"
#include "support/test.h"

// n transfers of one direction, new in both supplies. BH_ERR_NOMEM clears both.
bh_status dealer_deal(bh_rot_supply *sender, bh_rot_supply *receiver, size_t n,
                      test_rng *rng);

// What is wrong with both parties' transfers: those of which the receiver has not the
// pad that it chose, and those whose pads are alike, as of 2^32 one is by chance.
typedef struct dealer_faults {
    size_t wrong, alike;
} dealer_faults;
dealer_faults dealer_check(const bh_rot_supply *sender, const bh_rot_supply *receiver);

#endif
