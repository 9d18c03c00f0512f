// SPDX-License-Identifier: Apache-2.0
// Fixed-point rounding. CT: leaks the shift, not the value.
#ifndef BH_MODEL_FIXED_H
#define BH_MODEL_FIXED_H

#include <stdint.h>

// floor(v / 2^f). f <= 62. Shifting v + 2^63 instead of v keeps the operand
// non-negative, for which C defines the shift.
static inline int64_t bh_floor_shift(int64_t v, uint32_t f)
{
    const uint64_t offset = UINT64_C(1) << 63;
    return (int64_t)((((uint64_t)v + offset) >> f) - (offset >> f));
}

// floor((v + 2^(f-1)) / 2^f), or v if f = 0: nearest, ties towards plus infinity.
// f <= 62 and v + 2^(f-1) < 2^63.
static inline int64_t bh_round_shift(int64_t v, uint32_t f)
{
    return bh_floor_shift(v + (int64_t)((UINT64_C(1) << f) >> 1), f);
}

#endif
