// SPDX-License-Identifier: Apache-2.0
// What this processor can do, in three levels. Code above the portable level is chosen
// at run time by what bh_cpu_pick says.
#ifndef BH_BASE_CPU_H
#define BH_BASE_CPU_H

#include "bayhenn/bayhenn.h"

typedef enum bh_cpu {
    BH_CPU_PORTABLE,
    BH_CPU_AVX2,   // AVX2, FMA, BMI2
    BH_CPU_AVX512, // AVX-512 F, DQ, BW, VL, IFMA, VBMI, VPOPCNTDQ, and VAES
} bh_cpu;

// "portable", "avx2", "avx512".
const char *bh_cpu_name(bh_cpu level);
// Whether this machine has everything of a level.
int bh_cpu_has(bh_cpu level);
// The best level of this machine, or the one that BH_CPU in the environment names.
// BH_ERR_PARAMS if it names none, or one that this machine lacks.
bh_status bh_cpu_pick(bh_cpu *out) BH_MUST_CHECK;

#endif
