// SPDX-License-Identifier: Apache-2.0
// What the processor can do: the levels that code with variants is written for.
#ifndef BH_BASE_CPU_H
#define BH_BASE_CPU_H

#include "bayhenn/bayhenn.h"

// A machine of one level has those below it as well.
typedef enum bh_cpu {
    BH_CPU_PORTABLE, // C alone
    BH_CPU_AVX2,     // AVX2, FMA, BMI2
    BH_CPU_AVX512,   // AVX-512 F, DQ, BW, VL, IFMA, VBMI, VPOPCNTDQ, and VAES
} bh_cpu;

// Whether processor and operating system have all of a level.
int bh_cpu_has(bh_cpu level);

// "portable", "avx2", "avx512".
const char *bh_cpu_name(bh_cpu level);

// The best level of this machine, or the one that BH_CPU in the environment names, if
// that is set and not empty. BH_ERR_PARAMS with a sentence if it names none, or one
// that the machine lacks.
bh_status bh_cpu_pick(bh_cpu *out, bh_error *err) BH_MUST_CHECK;

#endif
