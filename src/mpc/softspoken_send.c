// SPDX-License-Identifier: Apache-2.0
#include "mpc/softspoken.h"

#include <string.h>

#include "base/memory.h"
#include "mpc/planes.h"
#include "mpc/softspoken_party.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "columns travel as they lie in memory");

struct bh_softspoken_sender {
    bh_softspoken_party *party;
    bh_block delta;
};

// Where the transfers of a call go: as blocks, or hashed as both pads.
typedef struct sink {
    bh_block *blocks; // or NULL
    uint32_t *m0, *m1;
} sink;

bh_status bh_softspoken_sender_new(bh_softspoken_sender **out, unsigned k,
                                   const uint8_t *setup, const bh_block *keys,
                                   bh_block delta)
{
    *out = NULL;
    bh_softspoken_sender *s = bh_alloc(1, sizeof *s);
    bh_block *nodes = bh_alloc((size_t)BH_KAPPA / k << k, sizeof *nodes);
    bh_status status = s != NULL && nodes != NULL
                           ? bh_softspoken_party_new(&s->party, k)
                           : BH_ERR_NOMEM;
    if (status == BH_OK) {
        s->delta = delta;
        status = bh_ggm_grow_punctured(nodes, k, setup, keys, delta, s->party->hasher);
    }
    if (status == BH_OK) {
        status = bh_softspoken_party_set_leaves(s->party, nodes);
    }
    bh_free(nodes);
    if (status != BH_OK) {
        bh_softspoken_sender_free(s);
        return status;
    }
    *out = s;
    return BH_OK;
}

void bh_softspoken_sender_free(bh_softspoken_sender *s)
{
    if (s != NULL) {
        bh_softspoken_party_free(s->party);
        bh_free(s);
    }
}

// Adds a received column to the rows of a tree that have their bit of delta set: w =
// v + Delta_j u becomes v + Delta_j c.
static void correct_rows(bh_softspoken_sender *s, unsigned j, const uint8_t *column,
                         size_t n)
{
    bh_softspoken_party *p = s->party;
    uint64_t *words = p->u;
    memset(words, 0, sizeof p->u);
    memcpy(words, column, bh_plane_bytes(n));
    for (unsigned row = j * p->k; row < (j + 1) * p->k; row++) {
        const uint64_t mask = bh_block_bit_mask(s->delta, row);
        for (size_t i = 0; i < bh_plane_words(n); i++) {
            p->matrix[row][i] ^= words[i] & mask;
        }
    }
}

// Fills the matrix with q.
static bh_status send_columns(bh_softspoken_sender *s, const uint8_t *message, size_t n)
{
    const size_t groups = bh_softspoken_party_groups(n), bytes = bh_plane_bytes(n);
    bh_status status = bh_softspoken_party_sum_tree(s->party, 0, groups, true);
    for (unsigned j = 1; j < s->party->trees && status == BH_OK;
         j++, message += bytes) {
        status = bh_softspoken_party_sum_tree(s->party, j, groups, true);
        correct_rows(s, j, message, n);
    }
    return status;
}

static bh_status send_group(bh_softspoken_sender *s, const sink *to, size_t at,
                            uint64_t tweak, size_t n)
{
    const bh_softspoken_party *p = s->party;
    if (to->blocks != NULL) {
        memcpy(to->blocks + at, p->blocks, n * sizeof *to->blocks);
        return BH_OK;
    }
    bh_status status =
        bh_hash_pads(p->hasher, to->m0 + at, p->blocks, (bh_block){{0}}, tweak, n);
    if (status == BH_OK) {
        status = bh_hash_pads(p->hasher, to->m1 + at, p->blocks, s->delta, tweak, n);
    }
    return status;
}

static bh_status send_chunk(bh_softspoken_sender *s, const sink *to, size_t first,
                            const uint8_t *message, size_t n)
{
    bh_softspoken_party *p = s->party;
    bh_status status = send_columns(s, message, n);
    for (size_t at = 0; at < n && status == BH_OK; at += BH_GROUP) {
        p->kernels->transpose(p->blocks, p->matrix[0] + at / 64);
        status = send_group(s, to, first + at, p->transfers + at,
                            n - at < BH_GROUP ? n - at : BH_GROUP);
    }
    bh_softspoken_party_advance(p, n);
    return status;
}

static bh_status send_all(bh_softspoken_sender *s, const sink *to,
                          const uint8_t *message, size_t n)
{
    bh_status status = BH_OK;
    size_t chunk;
    for (size_t at = 0; at < n && status == BH_OK; at += chunk) {
        chunk = n - at < BH_CHUNK ? n - at : BH_CHUNK;
        status = send_chunk(s, to, at, message, chunk);
        message += bh_softspoken_message_bytes(s->party->k, chunk);
    }
    return status;
}

bh_status bh_softspoken_send(bh_softspoken_sender *s, bh_rot_supply *out,
                             const uint8_t *message)
{
    const sink to = {.m0 = out->m0, .m1 = out->m1};
    bh_status status = send_all(s, &to, message, out->n);
    if (status != BH_OK) {
        memset(out->m0, 0, out->n * sizeof *out->m0);
        memset(out->m1, 0, out->n * sizeof *out->m1);
    }
    return status;
}

bh_status bh_softspoken_send_correlated(bh_softspoken_sender *s, bh_block *q, size_t n,
                                        const uint8_t *message)
{
    const sink to = {.blocks = q};
    bh_status status = send_all(s, &to, message, n);
    if (status != BH_OK) {
        memset(q, 0, n * sizeof *q);
    }
    return status;
}
