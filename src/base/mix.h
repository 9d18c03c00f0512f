// SPDX-License-Identifier: Apache-2.0
// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): reproducible numbers, not for secrets.
#ifndef BH_BASE_MIX_H
#define BH_BASE_MIX_H

#include <stdint.h>

#define BH_MIX_STEP UINT64_C(0x9e3779b97f4a7c15)

// The generator's output at this state, whose next state is state + BH_MIX_STEP. Every
// bit of the result depends on every bit of the state.
static inline uint64_t bh_mix(uint64_t state)
{
    uint64_t z = state + BH_MIX_STEP;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
