// SPDX-License-Identifier: Apache-2.0
#include "bayes/kernels/levels.h"
#include "bayes/rng.h"

const bh_train_kernels *bh_train_kernels_of(bh_cpu level)
{
#ifdef __x86_64__
    static const bh_train_kernels *const all[] = {
        &bh_train_kernels_portable, &bh_train_kernels_avx2, &bh_train_kernels_avx512};
    return bh_cpu_has(level) ? all[level] : NULL;
#else
    return level == BH_CPU_PORTABLE ? &bh_train_kernels_portable : NULL;
#endif
}

const bh_train_kernels *bh_train_kernels_pick(void)
{
    bh_cpu level;
    if (bh_cpu_pick(&level, NULL) != BH_OK) {
        level = BH_CPU_PORTABLE;
    }
    return bh_train_kernels_of(level);
}

bh_noise bh_noise_make(uint64_t seed)
{
    bh_train_rng rng = bh_train_rng_make(seed);
    bh_noise noise;
    for (size_t i = 0; i < 4; i++) {
        for (size_t l = 0; l < BH_LANES; l++) {
            noise.state[i][l] = (uint32_t)(bh_train_rng_next(&rng) >> 32);
        }
    }
    return noise;
}
