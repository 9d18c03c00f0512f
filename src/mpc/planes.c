// SPDX-License-Identifier: Apache-2.0
#include "mpc/planes.h"

#include <string.h>

#include "base/memory.h"

void bh_plane_gather(uint64_t *plane, const uint8_t *bytes, size_t count)
{
    const size_t whole = count / BH_PLANE_BITS, rest = count % BH_PLANE_BITS;
    for (size_t i = 0; i < whole; i++) {
        plane[i] = bh_gather(bytes + i * BH_PLANE_BITS, 0);
    }
    if (rest != 0) {
        uint8_t last[BH_PLANE_BITS] = {0};
        memcpy(last, bytes + whole * BH_PLANE_BITS, rest);
        plane[whole] = bh_gather(last, 0);
        bh_wipe(last, sizeof last);
    }
}

void bh_plane_spread(uint8_t *bytes, const uint64_t *plane, size_t count)
{
    const size_t whole = count / BH_PLANE_BITS, rest = count % BH_PLANE_BITS;
    for (size_t i = 0; i < whole; i++) {
        bh_spread(bytes + i * BH_PLANE_BITS, plane[i]);
    }
    if (rest != 0) {
        uint8_t last[BH_PLANE_BITS];
        bh_spread(last, plane[whole]);
        memcpy(bytes + whole * BH_PLANE_BITS, last, rest);
        bh_wipe(last, sizeof last);
    }
}

// The bits that are used of a last word that is not full.
static uint64_t rest_mask(size_t count)
{
    return (UINT64_C(1) << (count % BH_PLANE_BITS)) - 1;
}

void bh_plane_store(uint8_t *out, const uint64_t *plane, size_t count)
{
    size_t whole = count / BH_PLANE_BITS;
    for (size_t i = 0; i < whole; i++) {
        bh_store_le64(out + 8 * i, plane[i]);
    }
    if (count % BH_PLANE_BITS != 0) {
        uint64_t rest = plane[whole] & rest_mask(count);
        for (size_t i = 8 * whole; i < bh_plane_bytes(count); i++) {
            out[i] = (uint8_t)rest;
            rest >>= 8;
        }
    }
}

void bh_plane_load(uint64_t *plane, const uint8_t *in, size_t count)
{
    size_t whole = count / BH_PLANE_BITS;
    for (size_t i = 0; i < whole; i++) {
        plane[i] = bh_load_le64(in + 8 * i);
    }
    if (count % BH_PLANE_BITS != 0) {
        uint64_t rest = 0;
        for (size_t i = 8 * whole; i < bh_plane_bytes(count); i++) {
            rest |= (uint64_t)in[i] << (8 * (i % 8));
        }
        plane[whole] = rest & rest_mask(count);
    }
}
