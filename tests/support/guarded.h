// SPDX-License-Identifier: Apache-2.0
// Numbers between two zones that nothing may write to.
#ifndef BH_TESTS_SUPPORT_GUARDED_H
#define BH_TESTS_SUPPORT_GUARDED_H

#include "base/memory.h"
#include "bayes/real.h"
#include "support/test.h"

#define GUARD_LEN   64 // keeps the alignment
#define GUARD_VALUE ((bh_real)-12345.5)

// Every number of them is GUARD_VALUE until it is written.
static inline bh_real *guarded_new(size_t len)
{
    bh_real *room = bh_alloc(len + 2 * GUARD_LEN, sizeof *room);
    assert_non_null(room);
    for (size_t i = 0; i < len + 2 * GUARD_LEN; i++) {
        room[i] = GUARD_VALUE;
    }
    return room + GUARD_LEN;
}

static inline void guarded_free(bh_real *x, size_t len)
{
    for (size_t i = 0; i < GUARD_LEN; i++) {
        if (x[-1 - (ptrdiff_t)i] != GUARD_VALUE || x[len + i] != GUARD_VALUE) {
            fail_msg("something was written outside of %zu numbers", len);
        }
    }
    bh_free(x - GUARD_LEN);
}

// Whole numbers of at most this size: sums of their products are exact in either
// precision, whatever their order, while they stay below 2^24.
static inline void guarded_fill(test_rng *rng, bh_real *x, size_t len, int64_t most)
{
    for (size_t i = 0; i < len; i++) {
        x[i] = (bh_real)test_rng_range(rng, -most, most);
    }
}

static inline bh_real *guarded_random(test_rng *rng, size_t len, int64_t most)
{
    bh_real *x = guarded_new(len);
    guarded_fill(rng, x, len, most);
    return x;
}

#endif
