// SPDX-License-Identifier: Apache-2.0
// Building the constants of a transform.
#ifndef BH_RING_NTT_H
#define BH_RING_NTT_H

#include "ring/kernels.h"

// q prime, q = 1 mod 2n (BH_ERR_PARAMS otherwise). psi is the smallest primitive 2n-th
// root of unity: uniform parts are drawn in transformed form, so its choice is part of
// the wire format.
bh_status bh_ntt_init(bh_ntt *t, uint64_t q, size_t n,
                      const bh_kernels *kernels) BH_MUST_CHECK;
void bh_ntt_clear(bh_ntt *t);

#endif
