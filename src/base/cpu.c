// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char *const names[] = {
    [BH_CPU_PORTABLE] = "portable", [BH_CPU_AVX2] = "avx2", [BH_CPU_AVX512] = "avx512"};

#if defined(__x86_64__)

#include <cpuid.h>

// The builtins ask the operating system too; their names for AES and VAES are newer
// than clang 14.
static int has_vaes(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 25 & 1) &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 9 & 1);
}

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma") &&
           __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vpopcntdq") && has_vaes();
}

#else

static int has_avx2(void)
{
    return 0;
}

static int has_avx512(void)
{
    return 0;
}

#endif

int bh_cpu_has(bh_cpu level)
{
    switch (level) {
    case BH_CPU_PORTABLE:
        return 1;
    case BH_CPU_AVX2:
        return has_avx2();
    case BH_CPU_AVX512:
        return has_avx512();
    }
    return 0;
}

const char *bh_cpu_name(bh_cpu level)
{
    return names[level];
}

static bh_status pick_forced(bh_cpu *out, const char *forced, bh_error *err)
{
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (strcmp(forced, names[level]) == 0) {
            *out = (bh_cpu)level;
            return bh_cpu_has(*out)
                       ? BH_OK
                       : bh_fail(err, BH_ERR_PARAMS,
                                 "BH_CPU is \"%s\", but this processor lacks it",
                                 forced);
        }
    }
    return bh_fail(err, BH_ERR_PARAMS,
                   "BH_CPU is \"%.100s\"; it takes portable, avx2 or avx512", forced);
}

bh_status bh_cpu_pick(bh_cpu *out, bh_error *err)
{
    const char *forced = getenv("BH_CPU");
    *out = BH_CPU_PORTABLE;
    if (forced != NULL && forced[0] != '\0') {
        return pick_forced(out, forced, err);
    }
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        if (bh_cpu_has((bh_cpu)level)) {
            *out = (bh_cpu)level;
        }
    }
    return BH_OK;
}
