// SPDX-License-Identifier: Apache-2.0
// What AVX-512 code must not do, for ct_control.c. Only where
// bh_cpu_has(BH_CPU_AVX512). secret: 16 words.
#ifndef BH_TESTS_CT_CONTROL_H
#define BH_TESTS_CT_CONTROL_H

#include <stdint.h>

void control_branch_avx512(const uint64_t *secret); // on a lane of an IFMA product
void control_index_avx512(const uint64_t *secret);  // a table, at such a lane
void control_mask_avx512(const uint64_t *secret);   // on the mask of a comparison

#endif
