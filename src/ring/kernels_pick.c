// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "ring/kernels.h"

// From the fastest to the slowest. `runs_here` asks the CPU, `fits` the prime.
typedef struct variant {
    const bh_kernels *kernels;
    int (*runs_here)(void);
    int (*fits)(uint64_t q);
} variant;

static int always(void)
{
    return 1;
}

static int any_prime(uint64_t q)
{
    return q >> BH_MODULUS_BITS_MAX == 0;
}

static const variant variants[] = {
    {&bh_kernels_portable, always, any_prime},
};

#define N_VARIANTS (sizeof variants / sizeof variants[0])

static int is_usable(const variant *v, const uint64_t *primes, size_t n_primes)
{
    for (size_t i = 0; i < n_primes; i++) {
        if (!v->fits(primes[i])) {
            return 0;
        }
    }
    return v->runs_here();
}

bh_status bh_kernels_pick(const bh_kernels **out, const uint64_t *primes,
                          size_t n_primes)
{
    const char *forced = getenv("BH_CPU");
    for (size_t i = 0; i < N_VARIANTS; i++) {
        int wanted = forced == NULL || strcmp(forced, variants[i].kernels->name) == 0;
        if (wanted && is_usable(&variants[i], primes, n_primes)) {
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
    *usable = variants[index].runs_here();
    return variants[index].kernels;
}
