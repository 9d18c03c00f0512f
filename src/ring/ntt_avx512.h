// SPDX-License-Identifier: Apache-2.0
// The transforms of the AVX-512 kernels; ranges as in ring/kernels.h.
#ifndef BH_RING_NTT_AVX512_H
#define BH_RING_NTT_AVX512_H

#include "ring/kernels.h"

void bh_ntt_fill_forward_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n);
void bh_ntt_fill_inverse_avx512(const bh_modulus *m, uint64_t *table,
                                const uint64_t *factors, size_t n);
void bh_ntt_forward_avx512(const bh_ntt *t, uint64_t *a);
void bh_ntt_forward_small_avx512(const bh_ntt *t, uint64_t *out, const int32_t *in);
void bh_ntt_inverse_avx512(const bh_ntt *t, uint64_t *a);

#endif
