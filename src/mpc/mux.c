// SPDX-License-Identifier: Apache-2.0
#include "mpc/mux.h"

#include "base/ct.h"
#include "base/memory.h"
#include "mpc/bits.h"

// out = a where the bit is 0, b where it is 1.
static void choose(uint32_t *restrict out, const uint32_t *restrict a,
                   const uint32_t *restrict b, const uint8_t *restrict bits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = a[i] ^ ((a[i] ^ b[i]) & bh_ct_mask32(bits[i]));
    }
}

// The pads of the rows selected, of a block. Returns the row itself if there is one.
static const uint32_t *select_row(const bh_mux *m, const uint32_t *rows, size_t at,
                                  uint32_t out[BH_PLANE_BITS])
{
    const size_t n = bh_plane_len(m->count, at);
    const uint32_t *row = rows + at;
    if (!m->selects) {
        return row;
    }
    uint32_t low[BH_PLANE_BITS], high[BH_PLANE_BITS];
    uint8_t bits[BH_PLANE_BITS];
    bh_spread(bits, m->select[1][at / BH_PLANE_BITS]);
    choose(low, row, row + m->count, bits, n);
    choose(high, row + 2 * m->count, row + 3 * m->count, bits, n);
    bh_spread(bits, m->select[0][at / BH_PLANE_BITS]);
    choose(out, low, high, bits, n);
    bh_wipe(low, sizeof low);
    bh_wipe(high, sizeof high);
    return out;
}

// message = p + (1 - 2b) x - p', share = x b - p, with (p, p') = (m0, m1) swapped.
static void correlate(uint32_t *restrict message, uint32_t *restrict share,
                      const uint32_t *restrict x, const uint8_t *restrict b,
                      const uint8_t *restrict swap, const uint32_t *restrict m0,
                      const uint32_t *restrict m1, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t difference = (m0[i] ^ m1[i]) & bh_ct_mask32(swap[i]);
        uint32_t p = m0[i] ^ difference, chosen = bh_ct_mask32(b[i]);
        message[i] = p - (m1[i] ^ difference) + ((x[i] ^ chosen) - chosen);
        share[i] = (x[i] & chosen) - p;
    }
}

void bh_mux_send(const bh_mux *m, uint8_t *out, uint32_t *share, const uint32_t *x,
                 const uint64_t *b, const uint64_t *swap, bh_rot_sent pads)
{
    uint32_t message[BH_PLANE_BITS], p0[BH_PLANE_BITS], p1[BH_PLANE_BITS];
    uint8_t b_bits[BH_PLANE_BITS], swap_bits[BH_PLANE_BITS];
    for (size_t at = 0; at < m->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(m->count, at);
        bh_spread(b_bits, b[at / BH_PLANE_BITS]);
        bh_spread(swap_bits, swap[at / BH_PLANE_BITS]);
        correlate(message, share + at, x + at, b_bits, swap_bits,
                  select_row(m, pads.m0, at, p0), select_row(m, pads.m1, at, p1), n);
        bh_bits_pack(out, message, n, m->bits);
        out += bh_bits_bytes(n, m->bits); // blocks but the last fill whole bytes
    }
    bh_wipe(p0, sizeof p0);
    bh_wipe(p1, sizeof p1);
    bh_wipe(b_bits, sizeof b_bits);
}

void bh_mux_receive(const bh_mux *m, uint32_t *share, const uint8_t *in,
                    const uint64_t *b, const uint32_t *pads)
{
    uint32_t message[BH_PLANE_BITS], p[BH_PLANE_BITS];
    uint8_t b_bits[BH_PLANE_BITS];
    for (size_t at = 0; at < m->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(m->count, at);
        const uint32_t *pad = select_row(m, pads, at, p);
        bh_bits_unpack(message, in, n, m->bits);
        in += bh_bits_bytes(n, m->bits);
        bh_spread(b_bits, b[at / BH_PLANE_BITS]);
        for (size_t i = 0; i < n; i++) {
            share[at + i] += pad[i] + (message[i] & bh_ct_mask32(b_bits[i]));
        }
    }
    bh_wipe(p, sizeof p);
    bh_wipe(b_bits, sizeof b_bits);
}
