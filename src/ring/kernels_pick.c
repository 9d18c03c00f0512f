// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"
#include "ring/kernels.h"

// From the fastest to the slowest. `fits` asks for what a variant's arithmetic needs of
// a prime and of a transform's length.
typedef struct variant {
    const bh_kernels *kernels;
    bh_cpu level;
    int (*fits)(uint64_t q, size_t n);
} variant;

static int any(uint64_t q, size_t n)
{
    (void)q;
    (void)n;
    return 1;
}

#if defined(__x86_64__)
// Doubles, four in a register.
static int fits_avx2(uint64_t q, size_t n)
{
    return q >> 15 != 0 && q >> 50 == 0 && n >= 16;
}

// Words and quotients of 52 bits, eight in a register.
static int fits_avx512(uint64_t q, size_t n)
{
    return q >> 45 != 0 && n >= 64;
}
#endif

static const variant variants[] = {
#if defined(__x86_64__)
    {&bh_kernels_avx512, BH_CPU_AVX512, fits_avx512},
    {&bh_kernels_avx2, BH_CPU_AVX2, fits_avx2},
#endif
    {&bh_kernels_portable, BH_CPU_PORTABLE, any},
};

#define N_VARIANTS (sizeof variants / sizeof variants[0])

static int fits_all(const variant *v, size_t n, const uint64_t *primes, size_t n_primes)
{
    for (size_t i = 0; i < n_primes; i++) {
        if (!v->fits(primes[i], n)) {
            return 0;
        }
    }
    return 1;
}

bh_status bh_kernels_pick(const bh_kernels **out, size_t n, const uint64_t *primes,
                          size_t n_primes)
{
    bh_cpu level;
    bh_status status = bh_cpu_pick(&level, NULL);
    if (status != BH_OK) {
        return status;
    }
    for (size_t i = 0; i < N_VARIANTS; i++) {
        if (variants[i].level <= level && fits_all(&variants[i], n, primes, n_primes)) {
            *out = variants[i].kernels;
            return BH_OK;
        }
    }
    return BH_ERR_PARAMS;
}

const bh_kernels *bh_kernels_get(size_t index, int *usable)
{
    if (index >= N_VARIANTS) {
        return NULL;
    }
    *usable = bh_cpu_has(variants[index].level);
    return variants[index].kernels;
}
