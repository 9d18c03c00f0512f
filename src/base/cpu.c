// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"portable", "avx2", "avx512"};

const char *bh_cpu_name(bh_cpu level)
{
    return names[level];
}

int bh_cpu_has(bh_cpu level)
{
#if defined(__x86_64__)
    switch (level) {
    case BH_CPU_PORTABLE:
        return 1;
    case BH_CPU_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi2");
    case BH_CPU_AVX512:
        return bh_cpu_has(BH_CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512ifma") &&
               __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vpopcntdq") &&
               __builtin_cpu_supports("vaes");
    }
    return 0;
#else
    return level == BH_CPU_PORTABLE;
#endif
}

bh_status bh_cpu_pick(bh_cpu *out)
{
    const char *forced = getenv("BH_CPU");
    for (int level = BH_CPU_AVX512; level >= BH_CPU_PORTABLE; level--) {
        if ((forced == NULL || strcmp(forced, names[level]) == 0) &&
            bh_cpu_has((bh_cpu)level)) {
            *out = (bh_cpu)level;
            return BH_OK;
        }
    }
    return BH_ERR_PARAMS;
}
