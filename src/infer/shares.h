// SPDX-License-Identifier: Apache-2.0
// What a party does to its shares alone, modulo 2^32: sums, differences, rearranging.
// CT: all leak shapes, never shares.
#ifndef BH_INFER_SHARES_H
#define BH_INFER_SHARES_H

#include <stddef.h>
#include <stdint.h>

#include "model/graph.h"

// out may be a or b.
void bh_shares_add(uint32_t *out, const uint32_t *a, uint32_t constant, size_t len);
void bh_shares_sum(uint32_t *out, const uint32_t *a, const uint32_t *b, size_t len);
void bh_shares_subtract(uint32_t *out, const uint32_t *a, const uint32_t *b,
                        size_t len);

// The inputs of each window of a pool, back to back, for tensors of all samples.
void bh_shares_windows(uint32_t *out, const uint32_t *in, const bh_layer *pool,
                       uint32_t samples);
// The sum of each of n windows.
void bh_shares_sums(uint32_t *out, const uint32_t *in, size_t n, uint32_t width);

// A round of a tournament in each of n windows: neighbours (a, b) meet; the last one of
// an odd number goes on as it is. d = a - b, n (width / 2) of them;
void bh_shares_differences(uint32_t *d, const uint32_t *in, size_t n, uint32_t width);
// and, from shares of max(d, 0), out = b + max(a - b, 0): n windows of (width + 1) / 2.
void bh_shares_winners(uint32_t *out, const uint32_t *in, const uint32_t *relu,
                       size_t n, uint32_t width);

#endif
