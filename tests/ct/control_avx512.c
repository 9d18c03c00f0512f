// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#if defined(__x86_64__)

#include <stdio.h>

#include "ring/avx512.h"

static v8 product(const uint64_t *secret)
{
    return v8_mul_lo(_mm512_setzero_si512(), v8_load(secret), v8_load(secret + 8));
}

static uint64_t first_lane(v8 x)
{
    return (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(x));
}

void control_branch_avx512(const uint64_t *secret)
{
    if (first_lane(product(secret)) & 1) {
        printf("odd\n");
    }
}

void control_index_avx512(const uint64_t *secret)
{
    static const volatile char table[64] = "a table";
    (void)table[first_lane(product(secret)) & 63];
}

// Short enough for the compiler to make a choice between vectors of it, which it turns
// back into a branch when it comes to instructions.
void control_mask_avx512(const uint64_t *secret)
{
    static volatile uint64_t out;
    v8 x = product(secret), half = v8_all(UINT64_C(1) << 51);
    if (_mm512_cmpge_epu64_mask(x, half)) {
        x = _mm512_sub_epi64(x, half);
    }
    out = first_lane(x);
    (void)out;
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void control_branch_avx512(const uint64_t *secret)
{
    (void)secret;
}

void control_index_avx512(const uint64_t *secret)
{
    (void)secret;
}

void control_mask_avx512(const uint64_t *secret)
{
    (void)secret;
}

#endif
