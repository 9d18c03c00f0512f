// SPDX-License-Identifier: Apache-2.0
// With signs p and q of v_P and v_Q, p OR q = q + p (1 - q): P chooses by p, and Q's
// message is the difference between what 0 and 1 give it.
#include "mpc/truncate.h"

#include "base/ct.h"
#include "base/memory.h"
#include "base/secret.h"
#include "mpc/bits.h"
#include "mpc/planes.h"

// Bits that the transfer of the OR has; 0: there is none.
static unsigned or_bits(const bh_truncation *t)
{
    return t->k > t->l - t->f ? t->k - (t->l - t->f) : 0;
}

size_t bh_truncate_needs(const bh_truncation *t)
{
    return or_bits(t) > 0 ? t->count : 0;
}

size_t bh_truncate_message_bytes(const bh_truncation *t, unsigned step)
{
    if (or_bits(t) == 0) {
        return 0;
    }
    return bh_bits_bytes(t->count, step == 0 ? 1 : or_bits(t));
}

static inline uint32_t sign_of(const bh_truncation *t, uint32_t v)
{
    return (v >> (t->l - 1)) & 1;
}

// A share of the result from shares of v and, where it matters, of the OR.
static inline uint32_t shifted(const bh_truncation *t, uint32_t v, uint32_t w,
                               uint32_t one)
{
    uint32_t high = (v & bh_bits_mask(t->l)) >> t->f;
    uint32_t wraps = or_bits(t) > 0 ? w << (t->l - t->f) : 0;
    return (high + one - wraps) & bh_bits_mask(t->k);
}

void bh_truncate_choose(const bh_truncation *t, uint8_t *message, const uint32_t *v,
                        bh_rot_received transfers)
{
    uint8_t bits[BH_PLANE_BITS] = {0};
    for (size_t at = 0; at < t->count && or_bits(t) > 0; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(t->count, at);
        for (size_t i = 0; i < n; i++) {
            bits[i] = (uint8_t)(sign_of(t, v[at + i]) ^ transfers.c[at + i]);
        }
        uint64_t word = bh_gather(bits, 0);
        bh_plane_store(message + at / 8, &word, n);
    }
    // Public: masked by choices that only P has.
    BH_DECLASSIFY(message, bh_truncate_message_bytes(t, 0));
    bh_wipe(bits, sizeof bits);
}

void bh_truncate_finish(const bh_truncation *t, uint32_t *u, const uint32_t *v,
                        const uint8_t *message, bh_rot_received transfers)
{
    uint32_t w[BH_PLANE_BITS] = {0};
    for (size_t at = 0; at < t->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(t->count, at);
        if (or_bits(t) > 0) {
            bh_bits_unpack(w, message, n, or_bits(t));
            message += bh_bits_bytes(n, or_bits(t));
            for (size_t i = 0; i < n; i++) {
                w[i] =
                    transfers.m[at + i] + (w[i] & bh_ct_mask32(sign_of(t, v[at + i])));
            }
        }
        for (size_t i = 0; i < n; i++) {
            u[at + i] = shifted(t, v[at + i], w[i], 0);
        }
    }
    bh_wipe(w, sizeof w);
}

// Q's share of the OR, and what P adds to its own if it chooses 1.
static void share_or(const bh_truncation *t, uint32_t *restrict w,
                     uint32_t *restrict difference, const uint32_t *restrict v,
                     const uint8_t *restrict swap, const uint32_t *restrict m0,
                     const uint32_t *restrict m1, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t swapped = (m0[i] ^ m1[i]) & bh_ct_mask32(swap[i]);
        uint32_t p = m0[i] ^ swapped, sign = sign_of(t, v[i]);
        w[i] = sign - p;
        difference[i] = p + (1 - sign) - (m1[i] ^ swapped);
    }
}

void bh_truncate_answer(const bh_truncation *t, uint8_t *reply, uint32_t *u,
                        const uint32_t *v, const uint8_t *message,
                        bh_rot_sent transfers)
{
    uint32_t w[BH_PLANE_BITS] = {0}, difference[BH_PLANE_BITS];
    uint8_t swap[BH_PLANE_BITS], *at_reply = reply;
    for (size_t at = 0; at < t->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(t->count, at);
        if (or_bits(t) > 0) {
            uint64_t word = 0;
            bh_plane_load(&word, message + at / 8, n);
            bh_spread(swap, word);
            share_or(t, w, difference, v + at, swap, transfers.m0 + at,
                     transfers.m1 + at, n);
            bh_bits_pack(at_reply, difference, n, or_bits(t));
            at_reply += bh_bits_bytes(n, or_bits(t));
        }
        for (size_t i = 0; i < n; i++) {
            u[at + i] = shifted(t, v[at + i], w[i], t->f > 0);
        }
    }
    // Public: masked by the pad that P did not choose.
    BH_DECLASSIFY(reply, bh_truncate_message_bytes(t, 1));
    bh_wipe(w, sizeof w);
}
