// SPDX-License-Identifier: Apache-2.0
#include "mpc/compare.h"

#include "base/memory.h"

// Bits of the difference of two pads: b, b' and Y's shares of a digit.
enum { BIT_B, BIT_B2, BIT_GREATER, BIT_EQUAL, BIT_LOWEST, DIFFERENCE_BITS };

// Digits or nodes that a level combines.
static unsigned width_at(unsigned digits, unsigned level)
{
    for (unsigned i = 0; i < level; i++) {
        digits = (digits + 1) / 2;
    }
    return digits;
}

unsigned bh_compare_openings(unsigned digits, unsigned level)
{
    return 3 * (width_at(digits, level) / 2) - 1;
}

static unsigned max_openings(unsigned digits)
{
    unsigned max = 0;
    for (unsigned level = 0; level < BH_COMPARE_LEVELS; level++) {
        unsigned n = bh_compare_openings(digits, level);
        max = n > max ? n : max;
    }
    return max;
}

// The next plane of the comparison's memory.
static uint64_t *next(uint64_t **at, size_t words)
{
    uint64_t *plane = *at;
    *at += words;
    return plane;
}

bh_status bh_compare_init(bh_compare *t, bool is_x, unsigned digits, size_t count)
{
    *t = (bh_compare){.count = count,
                      .words = bh_plane_words(count),
                      .digits = digits,
                      .width = digits,
                      .one = is_x ? UINT64_MAX : 0};
    const unsigned nodes = bh_compare_nodes(digits), open = max_openings(digits);
    const size_t n_planes = 2 * digits + 5 * nodes + 2 * open;
    t->planes = bh_alloc(n_planes * t->words, sizeof *t->planes);
    if (t->planes == NULL) {
        return BH_ERR_NOMEM;
    }
    uint64_t *at = t->planes;
    for (unsigned i = 0; i < digits; i++) {
        t->g[i] = next(&at, t->words);
        t->e[i] = next(&at, t->words);
    }
    for (unsigned i = 0; i < nodes; i++) {
        bh_triple *r = &t->triples[i];
        r->a = next(&at, t->words);
        for (unsigned j = 0; j < 2; j++) {
            r->b[j] = next(&at, t->words);
            r->c[j] = next(&at, t->words);
        }
    }
    for (unsigned i = 0; i < open; i++) {
        t->mine[i] = next(&at, t->words);
        t->theirs[i] = next(&at, t->words);
    }
    return BH_OK;
}

void bh_compare_clear(bh_compare *t)
{
    bh_free(t->planes);
    *t = (bh_compare){0};
}

// What planes are gathered from, of a block of one node's transfers: bits 0 and 1 of
// the pad and the choice; the difference of the pads and bits 0 and 1 of the first.
static void squeeze(uint8_t *restrict in, uint8_t *restrict out,
                    bh_rot_received received, bh_rot_sent sent, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        in[i] = (uint8_t)((received.m[i] & 3) | (uint32_t)received.c[i] << 2);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t difference = (sent.m0[i] ^ sent.m1[i]) & ((1 << DIFFERENCE_BITS) - 1);
        out[i] = (uint8_t)(difference | sent.m0[i] << DIFFERENCE_BITS);
    }
}

static void prepare_node(bh_compare *t, unsigned node, bh_rot_received received,
                         bh_rot_sent sent)
{
    uint8_t in[BH_PLANE_BITS] = {0}, out[BH_PLANE_BITS] = {0};
    const bh_triple *r = &t->triples[node];
    for (size_t at = 0, w = 0; at < t->count; at += BH_PLANE_BITS, w++) {
        squeeze(in, out, (bh_rot_received){received.m + at, received.c + at},
                (bh_rot_sent){sent.m0 + at, sent.m1 + at}, bh_plane_len(t->count, at));
        r->a[w] = bh_gather(in, 2);
        for (unsigned j = 0; j < 2; j++) {
            r->b[j][w] = bh_gather(out, BIT_B + j);
            r->c[j][w] = (r->a[w] & r->b[j][w]) ^ bh_gather(in, j) ^
                         bh_gather(out, DIFFERENCE_BITS + j);
        }
        if (t->one == 0) {
            t->g[node + 1][w] = bh_gather(out, BIT_GREATER);
            t->e[node + 1][w] = bh_gather(out, BIT_EQUAL);
        }
        if (t->one == 0 && node == 0) {
            t->g[0][w] = bh_gather(out, BIT_LOWEST);
        }
    }
    bh_wipe(in, sizeof in);
    bh_wipe(out, sizeof out);
}

void bh_compare_prepare(bh_compare *t, bh_rot_received received, bh_rot_sent sent)
{
    for (unsigned i = 0; i < bh_compare_nodes(t->digits); i++) {
        size_t at = i * t->count;
        prepare_node(t, i, (bh_rot_received){received.m + at, received.c + at},
                     (bh_rot_sent){sent.m0 + at, sent.m1 + at});
    }
}

static void add(uint64_t *restrict out, const uint64_t *restrict a,
                const uint64_t *restrict b, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        out[i] = a[i] ^ b[i];
    }
}

// Openings of a level: d and f of the lowest node, then d, f and f' of each.
static unsigned opening_at(unsigned node)
{
    return node == 0 ? 0 : 3 * node - 1;
}

void bh_compare_open(bh_compare *t)
{
    for (unsigned i = 0; i < t->width / 2; i++) {
        const bh_triple *r = &t->triples[t->done + i];
        uint64_t **out = &t->mine[opening_at(i)];
        add(out[0], t->e[2 * i + 1], r->a, t->words);
        add(out[1], t->g[2 * i], r->b[0], t->words);
        if (i > 0) {
            add(out[2], t->e[2 * i], r->b[1], t->words);
        }
    }
}

void bh_compare_store(const bh_compare *t, uint8_t *out)
{
    for (unsigned i = 0; i < bh_compare_openings(t->digits, t->level); i++) {
        bh_plane_store(out + i * bh_plane_bytes(t->count), t->mine[i], t->count);
    }
}

void bh_compare_load(bh_compare *t, const uint8_t *in)
{
    for (unsigned i = 0; i < bh_compare_openings(t->digits, t->level); i++) {
        bh_plane_load(t->theirs[i], in + i * bh_plane_bytes(t->count), t->count);
    }
}

// out = d f ^ d b ^ f a ^ c, d f at one party only; d and f as opened. Added to what
// `out` has, or in its place.
static void multiply(const bh_compare *t, unsigned node, unsigned which, uint64_t *out,
                     bool added)
{
    const bh_triple *r = &t->triples[t->done + node];
    const unsigned at = opening_at(node), at_f = at + 1 + which;
    const uint64_t keep = added ? UINT64_MAX : 0;
    for (size_t i = 0; i < t->words; i++) {
        uint64_t d = t->mine[at][i] ^ t->theirs[at][i];
        uint64_t f = t->mine[at_f][i] ^ t->theirs[at_f][i];
        out[i] = (out[i] & keep) ^ (d & f & t->one) ^ (d & r->b[which][i]) ^
                 (f & r->a[i]) ^ r->c[which][i];
    }
}

void bh_compare_combine(bh_compare *t)
{
    const unsigned nodes = t->width / 2;
    for (unsigned i = 0; i < nodes; i++) {
        uint64_t *g_hi = t->g[2 * i + 1], *e_lo = t->e[2 * i];
        multiply(t, i, 0, g_hi, true);
        if (i > 0) {
            multiply(t, i, 1, e_lo, false);
        }
        t->g[i] = g_hi;
        t->e[i] = e_lo;
    }
    if (t->width % 2 != 0) {
        t->g[nodes] = t->g[t->width - 1];
        t->e[nodes] = t->e[t->width - 1];
    }
    t->done += nodes;
    t->width = (t->width + 1) / 2;
    t->level++;
}

const bh_triple *bh_compare_last(const bh_compare *t)
{
    return &t->triples[bh_compare_nodes(t->digits) - 1];
}
