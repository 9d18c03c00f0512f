// SPDX-License-Identifier: Apache-2.0
#include "mpc/digit.h"

#include "base/ct.h"
#include "base/memory.h"
#include "mpc/bits.h"

// For the digits above the lowest and for that: which fields have bit k of their number
// set; the fields' bits `greater` and `equal`.
typedef struct layout {
    uint32_t set[BH_DIGIT_TRANSFERS], greater, equal;
} layout;

static const layout two_bits = {
    {0xcccccccc, 0xf0f0f0f0, 0xff00ff00, 0xffff0000}, 0x55555555, 0xaaaaaaaa};
static const layout one_bit = {{0xaaaa, 0xcccc, 0xf0f0, 0xff00}, 0xffff, 0};

// Digits of a block. flip: zero for alpha, all ones for beta.
static void take_digits(const bh_digit *b, uint32_t *restrict out, size_t at, size_t n,
                        uint32_t flip)
{
    const uint32_t *d = b->d + at, mask = bh_bits_mask(b->bits - 1);
    const unsigned shift = 4 * b->index;
    for (size_t i = 0; i < n; i++) {
        out[i] = (((d[i] ^ flip) & mask) >> shift) & 15;
    }
}

void bh_digit_choose(const bh_digit *b, uint8_t *out, bh_rot_received transfers)
{
    uint32_t digits[BH_PLANE_BITS];
    uint8_t both[BH_PLANE_BITS];
    for (size_t at = 0; at < b->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(b->count, at), half = bh_digit_choice_bytes(n);
        const uint8_t *c0 = transfers.c + at, *c1 = c0 + b->count, *c2 = c1 + b->count,
                      *c3 = c2 + b->count;
        take_digits(b, digits, at, n, 0);
        for (size_t i = 0; i < n; i++) {
            both[i] =
                (uint8_t)(digits[i] ^ (c0[i] | c1[i] << 1 | c2[i] << 2 | c3[i] << 3));
        }
        if (n % 2 != 0) {
            both[n] = 0;
        }
        for (size_t i = 0; i < half; i++) {
            out[i] = (uint8_t)(both[i] | both[half + i] << 4);
        }
        out += half;
    }
    bh_wipe(digits, sizeof digits);
    bh_wipe(both, sizeof both);
}

// Entries [j > digit] and [j == digit] of every field j, and Y's shares on top.
static void make_tables(const layout *f, uint32_t *restrict table,
                        const uint32_t *restrict digits, const uint8_t *restrict g,
                        const uint8_t *restrict e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t equal = UINT32_MAX;
        for (unsigned k = 0; k < BH_DIGIT_TRANSFERS; k++) {
            equal &= ~(f->set[k] ^ bh_ct_mask32(digits[i] >> k & 1));
        }
        // A number of a single bit, less twice it, is the bits above.
        const uint32_t lowest = equal & f->greater, above = (0 - lowest) ^ lowest;
        table[i] = ((above ^ bh_ct_mask32(g[i])) & f->greater) ^
                   ((equal ^ bh_ct_mask32(e[i])) & f->equal);
    }
}

// The mask of transfer k: field j is m1's if bit k of j differs from the correction's,
// m0's otherwise.
static inline uint32_t mask_of(uint32_t set, uint32_t correction, uint32_t m0,
                               uint32_t m1)
{
    return m0 ^ ((m0 ^ m1) & (set ^ bh_ct_mask32(correction & 1)));
}

static void mask_tables(const layout *f, uint32_t *restrict table,
                        const uint8_t *restrict choices, bh_rot_sent pads,
                        size_t stride, size_t n)
{
    const uint32_t *a0 = pads.m0, *a1 = a0 + stride, *a2 = a1 + stride,
                   *a3 = a2 + stride;
    const uint32_t *b0 = pads.m1, *b1 = b0 + stride, *b2 = b1 + stride,
                   *b3 = b2 + stride;
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = choices[i];
        table[i] ^= mask_of(f->set[0], c, a0[i], b0[i]) ^
                    mask_of(f->set[1], c >> 1, a1[i], b1[i]) ^
                    mask_of(f->set[2], c >> 2, a2[i], b2[i]) ^
                    mask_of(f->set[3], c >> 3, a3[i], b3[i]);
    }
}

static void store_tables(uint8_t *restrict out, const uint32_t *restrict table,
                         size_t n, unsigned digit)
{
    for (size_t i = 0; i < n && digit != 0; i++) {
        bh_store_le32(out + 4 * i, table[i]);
    }
    for (size_t i = 0; i < n && digit == 0; i++) {
        out[2 * i] = (uint8_t)table[i];
        out[2 * i + 1] = (uint8_t)(table[i] >> 8);
    }
}

static void load_tables(uint32_t *restrict table, const uint8_t *restrict in, size_t n,
                        unsigned digit)
{
    for (size_t i = 0; i < n && digit != 0; i++) {
        table[i] = bh_load_le32(in + 4 * i);
    }
    for (size_t i = 0; i < n && digit == 0; i++) {
        table[i] = in[2 * i] | (uint32_t)in[2 * i + 1] << 8;
    }
}

void bh_digit_answer(const bh_digit *b, uint8_t *out, const uint8_t *choices,
                     const uint64_t *g, const uint64_t *e, bh_rot_sent transfers)
{
    uint32_t digits[BH_PLANE_BITS], table[BH_PLANE_BITS];
    uint8_t choice[BH_PLANE_BITS] = {0}, g_bits[BH_PLANE_BITS], e_bits[BH_PLANE_BITS];
    const layout *f = b->index == 0 ? &one_bit : &two_bits;
    for (size_t at = 0; at < b->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(b->count, at), half = bh_digit_choice_bytes(n);
        const bh_rot_sent pads = {transfers.m0 + at, transfers.m1 + at};
        for (size_t i = 0; i < half; i++) {
            choice[i] = choices[i] & 15;
            choice[half + i] = choices[i] >> 4;
        }
        choices += half;
        bh_spread(g_bits, g[at / BH_PLANE_BITS]);
        bh_spread(e_bits, b->index == 0 ? 0 : e[at / BH_PLANE_BITS]);
        take_digits(b, digits, at, n, UINT32_MAX);
        make_tables(f, table, digits, g_bits, e_bits, n);
        mask_tables(f, table, choice, pads, b->count, n);
        store_tables(out, table, n, b->index);
        out += bh_digit_table_bytes(n, b->index);
    }
    bh_wipe(digits, sizeof digits);
    bh_wipe(table, sizeof table);
    bh_wipe(g_bits, sizeof g_bits);
    bh_wipe(e_bits, sizeof e_bits);
}

// The field of X's digit, as the low bits of a byte.
static void take_fields(uint8_t *restrict out, const uint32_t *restrict table,
                        const uint32_t *restrict digits, unsigned field_bits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(table[i] >> (digits[i] * field_bits));
    }
}

void bh_digit_finish(const bh_digit *b, uint64_t *g, uint64_t *e, const uint8_t *tables,
                     bh_rot_received transfers)
{
    uint32_t digits[BH_PLANE_BITS], table[BH_PLANE_BITS];
    uint8_t fields[BH_PLANE_BITS] = {0};
    for (size_t at = 0; at < b->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(b->count, at);
        load_tables(table, tables, n, b->index);
        tables += bh_digit_table_bytes(n, b->index);
        for (unsigned k = 0; k < BH_DIGIT_TRANSFERS; k++) {
            const uint32_t *m = transfers.m + k * b->count + at;
            for (size_t i = 0; i < n; i++) {
                table[i] ^= m[i];
            }
        }
        take_digits(b, digits, at, n, 0);
        take_fields(fields, table, digits, b->index == 0 ? 1 : 2, n);
        g[at / BH_PLANE_BITS] = bh_gather(fields, 0);
        if (b->index != 0) {
            e[at / BH_PLANE_BITS] = bh_gather(fields, 1);
        }
    }
    bh_wipe(digits, sizeof digits);
    bh_wipe(table, sizeof table);
    bh_wipe(fields, sizeof fields);
}
