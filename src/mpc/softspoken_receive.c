// SPDX-License-Identifier: Apache-2.0
#include "mpc/softspoken.h"

#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/planes.h"
#include "mpc/softspoken_party.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "columns travel as they lie in memory");

struct bh_softspoken_receiver {
    bh_softspoken_party *party;
};

// Where the transfers of a call go: as blocks, or hashed as pads.
typedef struct sink {
    bh_block *blocks; // or NULL
    uint32_t *pads;
    uint8_t *choices;
} sink;

bh_status bh_softspoken_receiver_new(bh_softspoken_receiver **out, unsigned k,
                                     uint8_t *setup, const bh_block (*keys)[2])
{
    *out = NULL;
    bh_softspoken_receiver *r = bh_alloc(1, sizeof *r);
    bh_block *nodes = bh_alloc((size_t)BH_KAPPA / k << k, sizeof *nodes);
    bh_status status = r != NULL && nodes != NULL
                           ? bh_softspoken_party_new(&r->party, k)
                           : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = bh_ggm_grow(nodes, k, setup, keys, r->party->hasher);
    }
    if (status == BH_OK) {
        status = bh_softspoken_party_set_leaves(r->party, nodes);
    }
    bh_free(nodes);
    if (status != BH_OK) {
        memset(setup, 0, BH_SOFTSPOKEN_SETUP_BYTES);
        bh_softspoken_receiver_free(r);
        return status;
    }
    *out = r;
    return BH_OK;
}

void bh_softspoken_receiver_free(bh_softspoken_receiver *r)
{
    if (r != NULL) {
        bh_softspoken_party_free(r->party);
        bh_free(r);
    }
}

// Fills the matrix with t, the choices, and the message of a chunk of n: for every tree
// but the first the bytes of the difference between its u and the choices. Bits behind
// the n-th belong to no transfer.
static bh_status receive_columns(bh_softspoken_party *p, uint8_t *message, size_t n)
{
    const size_t groups = bh_softspoken_party_groups(n), bytes = bh_plane_bytes(n);
    bh_status status = bh_softspoken_party_sum_tree(p, 0, groups, false);
    memcpy(p->choices, p->u, sizeof p->choices);
    for (unsigned j = 1; j < p->trees && status == BH_OK; j++, message += bytes) {
        status = bh_softspoken_party_sum_tree(p, j, groups, false);
        for (size_t i = 0; i < groups * BH_GROUP_WORDS; i++) {
            p->u[i] ^= p->choices[i];
        }
        memcpy(message, p->u, bytes);
        // The sender lacks a leaf of every tree, so that each u is masked by a stream.
        BH_DECLASSIFY(message, bytes);
    }
    return status;
}

static bh_status receive_group(bh_softspoken_party *p, const sink *to, size_t at,
                               uint64_t tweak, size_t n)
{
    if (to->blocks != NULL) {
        memcpy(to->blocks + at, p->blocks, n * sizeof *to->blocks);
        return BH_OK;
    }
    return bh_hash_pads(p->hasher, to->pads + at, p->blocks, (bh_block){{0}}, tweak, n);
}

static bh_status receive_chunk(bh_softspoken_party *p, const sink *to, size_t first,
                               uint8_t *message, size_t n)
{
    bh_status status = receive_columns(p, message, n);
    if (status != BH_OK) {
        return status;
    }
    bh_plane_spread(to->choices + first, p->choices, n);
    for (size_t at = 0; at < n && status == BH_OK; at += BH_GROUP) {
        p->kernels->transpose(p->blocks, p->matrix[0] + at / 64);
        status = receive_group(p, to, first + at, p->transfers + at,
                               n - at < BH_GROUP ? n - at : BH_GROUP);
    }
    bh_softspoken_party_advance(p, n);
    return status;
}

static bh_status receive(bh_softspoken_party *p, const sink *to, uint8_t *message,
                         size_t n)
{
    bh_status status = BH_OK;
    size_t chunk;
    for (size_t at = 0; at < n && status == BH_OK; at += chunk) {
        chunk = n - at < BH_CHUNK ? n - at : BH_CHUNK;
        status = receive_chunk(p, to, at, message, chunk);
        message += bh_softspoken_message_bytes(p->k, chunk);
    }
    return status;
}

bh_status bh_softspoken_receive(bh_softspoken_receiver *r, bh_rot_supply *out,
                                uint8_t *message)
{
    const sink to = {.pads = out->m, .choices = out->c};
    bh_status status = receive(r->party, &to, message, out->n);
    if (status != BH_OK) {
        memset(out->m, 0, out->n * sizeof *out->m);
        memset(out->c, 0, out->n);
        memset(message, 0, bh_softspoken_message_bytes(r->party->k, out->n));
    }
    return status;
}

bh_status bh_softspoken_receive_correlated(bh_softspoken_receiver *r, bh_block *t,
                                           uint8_t *c, size_t n, uint8_t *message)
{
    const sink to = {.blocks = t, .choices = c};
    bh_status status = receive(r->party, &to, message, n);
    if (status != BH_OK) {
        memset(t, 0, n * sizeof *t);
        memset(c, 0, n);
        memset(message, 0, bh_softspoken_message_bytes(r->party->k, n));
    }
    return status;
}
