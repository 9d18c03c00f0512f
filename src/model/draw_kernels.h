// SPDX-License-Identifier: Apache-2.0
// The law of model/draw.h in fixed point, and its vector form.
#ifndef BH_MODEL_DRAW_KERNELS_H
#define BH_MODEL_DRAW_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "model/draw.h"

// A and B of the law: c_1 2^44 / s and c_3 2^80 / s^3, where s^2 = 2^24 (10 + 1/6) -
// 1/6 is the variance of N, and c_1 = 0.99367, c_3 = 0.0021396 give c_1 x + c_3 x^3 the
// second and fourth moments of the normal law for x = N / s.
#define BH_DRAW_LINEAR INT64_C(1338485727)
#define BH_DRAW_CUBIC  UINT64_C(1161142459)

#define BH_DRAW_E_BITS 19 // fraction bits of a deviate
#define BH_DRAW_E_MAX  ((int64_t)BH_DRAW_CLIP << BH_DRAW_E_BITS)

// out[i] = the weight that words[i] draws from mean[i] and dev[i], i < n. Only where
// bh_cpu_has(BH_CPU_AVX512). CT: leaks n.
void bh_draw_avx512(int32_t *out, const uint64_t *words, const int32_t *mean,
                    const int32_t *dev, size_t n, uint32_t w_max);

#endif
