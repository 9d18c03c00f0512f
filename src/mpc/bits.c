// SPDX-License-Identifier: Apache-2.0
#include "mpc/bits.h"

void bh_bits_pack(uint8_t *out, const uint32_t *in, size_t count, unsigned bits)
{
    uint64_t waiting = 0;
    unsigned n_waiting = 0; // below 8 between numbers
    for (size_t i = 0; i < count; i++) {
        waiting |= (uint64_t)(in[i] & bh_bits_mask(bits)) << n_waiting;
        for (n_waiting += bits; n_waiting >= 8; n_waiting -= 8) {
            *out++ = (uint8_t)waiting;
            waiting >>= 8;
        }
    }
    if (n_waiting > 0) {
        *out = (uint8_t)waiting;
    }
}

void bh_bits_unpack(uint32_t *out, const uint8_t *in, size_t count, unsigned bits)
{
    uint64_t waiting = 0;
    unsigned n_waiting = 0;
    for (size_t i = 0; i < count; i++) {
        for (; n_waiting < bits; n_waiting += 8) {
            waiting |= (uint64_t)*in++ << n_waiting;
        }
        out[i] = (uint32_t)waiting & bh_bits_mask(bits);
        waiting >>= bits;
        n_waiting -= bits;
    }
}
