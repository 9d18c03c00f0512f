// SPDX-License-Identifier: Apache-2.0
#include "mpc/ferret.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/half_tree.h"
#include "mpc/hash.h"
#include "mpc/lpn.h"

enum { TREES = BH_HALF_TREES };

// Tweaks of the hash from here on are those of silent transfers; those below number the
// transfers that a session made before, maybe with the same Delta, and those of trees
// (mpc/hash.h) are above.
#define TWEAKS (UINT64_C(1) << 62)

struct bh_ferret {
    const bh_ferret_params *params;
    bool sends;
    bool failed;
    bh_half_tree *trees;
    bh_lpn *code;
    bh_hasher *hasher;
    bh_block *spent, *kept; // of this iteration and of the next, M each: k, then h of
                            // eight trees after each other
    bh_block *rows;         // the leaves of eight trees
    bh_block *sums;
    bh_block delta; // of a sender
    uint64_t iteration, tweak;
    bh_rot_supply left; // made and not yet asked for: the last n_left
    size_t n_left;
};

// Blocks of the message that eight trees take.
static size_t sums_of(const bh_ferret_params *p)
{
    return (size_t)TREES * (p->h - 1);
}

void bh_ferret_free(bh_ferret *f)
{
    if (f == NULL) {
        return;
    }
    bh_half_tree_free(f->trees);
    bh_lpn_free(f->code);
    bh_hasher_free(f->hasher);
    bh_free(f->spent);
    bh_free(f->kept);
    bh_free(f->rows);
    bh_free(f->sums);
    bh_rot_supply_clear(&f->left);
    bh_free(f);
}

static bh_status allocate(bh_ferret *f)
{
    const size_t m = bh_ferret_spent(f->params), given = bh_ferret_given(f->params);
    f->spent = bh_alloc(m, sizeof *f->spent);
    f->kept = bh_alloc(m, sizeof *f->kept);
    f->rows = bh_alloc((size_t)TREES << f->params->h, sizeof *f->rows);
    f->sums = bh_alloc(sums_of(f->params), sizeof *f->sums);
    if (f->spent == NULL || f->kept == NULL || f->rows == NULL || f->sums == NULL) {
        return BH_ERR_NOMEM;
    }
    return f->sends ? bh_rot_supply_init_sender(&f->left, given)
                    : bh_rot_supply_init_receiver(&f->left, given);
}

// Either party, but for the spent blocks and delta.
static bh_status new_party(bh_ferret **out, const bh_ferret_params *params, bool sends,
                           const uint8_t *transcript)
{
    bh_ferret *f = bh_alloc(1, sizeof *f);
    *out = NULL;
    if (f == NULL) {
        return BH_ERR_NOMEM;
    }
    f->params = params;
    f->sends = sends;
    f->tweak = TWEAKS;
    bh_status status = allocate(f);
    if (status == BH_OK) {
        status = bh_half_tree_new(&f->trees, transcript);
    }
    if (status == BH_OK) {
        status = bh_lpn_new(&f->code, params->k, transcript);
    }
    if (status == BH_OK) {
        status = bh_hasher_new(&f->hasher);
    }
    if (status != BH_OK) {
        bh_ferret_free(f);
        return status;
    }
    *out = f;
    return BH_OK;
}

bh_status bh_ferret_new_sender(bh_ferret **out, const bh_ferret_params *params,
                               const bh_block *q, bh_block delta,
                               const uint8_t *transcript)
{
    *out = NULL;
    uint64_t low = delta.w[0] & 1;
    BH_DECLASSIFY(&low, sizeof low); // always set, or the program is wrong
    if (low == 0) {
        return BH_ERR_ARG;
    }
    bh_status status = new_party(out, params, true, transcript);
    if (status != BH_OK) {
        return status;
    }
    (*out)->delta = delta;
    for (size_t i = 0; i < bh_ferret_spent(params); i++) {
        (*out)->spent[i] = (bh_block){{q[i].w[0] & ~UINT64_C(1), q[i].w[1]}};
    }
    return BH_OK;
}

bh_status bh_ferret_new_receiver(bh_ferret **out, const bh_ferret_params *params,
                                 const bh_block *t, const uint8_t *c,
                                 const uint8_t *transcript)
{
    bh_status status = new_party(out, params, false, transcript);
    if (status != BH_OK) {
        return status;
    }
    for (size_t i = 0; i < bh_ferret_spent(params); i++) {
        const uint64_t low = (t[i].w[0] & ~UINT64_C(1)) | (c[i] & 1);
        (*out)->spent[i] = (bh_block){{low, t[i].w[1]}};
    }
    return BH_OK;
}

// Hashes n transfers to out, from its place `at` on.
static bh_status give(bh_ferret *f, bh_rot_supply *out, size_t at, const bh_block *from,
                      size_t n)
{
    const bh_block none = {{0, 0}};
    bh_status status;
    if (f->sends) {
        status = bh_hash_pads(f->hasher, out->m0 + at, from, none, f->tweak, n);
        if (status == BH_OK) {
            status = bh_hash_pads(f->hasher, out->m1 + at, from, f->delta, f->tweak, n);
        }
    } else {
        status = bh_hash_pads(f->hasher, out->m + at, from, none, f->tweak, n);
        for (size_t i = 0; i < n; i++) {
            out->c[at + i] = from[i].w[0] & 1;
        }
    }
    f->tweak += n;
    return status;
}

// Hands out n transfers: to out, of which *filled are there, and what it has no room
// for to what is left.
static bh_status hand_out(bh_ferret *f, bh_rot_supply *out, size_t *filled,
                          const bh_block *from, size_t n)
{
    const size_t room = out->n - *filled, now = n < room ? n : room;
    bh_status status = BH_OK;
    if (now > 0) {
        status = give(f, out, *filled, from, now);
        *filled += now;
    }
    if (status == BH_OK && now < n) {
        // Counted from the end: those of an iteration that are left are its last.
        status = give(f, &f->left, f->n_left, from + now, n - now);
        f->n_left += n - now;
    }
    return status;
}

// From what is left.
static void take_left(bh_ferret *f, bh_rot_supply *out, size_t *filled)
{
    bh_rot_supply *left = &f->left;
    const size_t there = f->n_left - left->taken, n = out->n < there ? out->n : there;
    if (n > 0 && f->sends) {
        bh_rot_sent taken = bh_rot_take_sent(left, n);
        memcpy(out->m0, taken.m0, n * sizeof *taken.m0);
        memcpy(out->m1, taken.m1, n * sizeof *taken.m1);
        bh_wipe(left->m0 + left->taken - n, n * sizeof *left->m0);
        bh_wipe(left->m1 + left->taken - n, n * sizeof *left->m1);
    } else if (n > 0) {
        bh_rot_received taken = bh_rot_take_received(left, n);
        memcpy(out->m, taken.m, n * sizeof *taken.m);
        memcpy(out->c, taken.c, n * sizeof *taken.c);
        bh_wipe(left->m + left->taken - n, n * sizeof *left->m);
        bh_wipe(left->c + left->taken - n, n * sizeof *left->c);
    }
    *filled = n;
    if (left->taken == f->n_left) {
        left->taken = f->n_left = 0;
    }
}

static bh_status grow(bh_ferret *f, const bh_block *transfers, uint8_t *sent,
                      const uint8_t *received)
{
    const size_t len = sums_of(f->params) * sizeof *f->sums;
    if (!f->sends) {
        memcpy(f->sums, received, len);
        return bh_half_tree_receive(f->trees, f->rows, transfers, f->sums,
                                    f->params->h);
    }
    bh_status status = bh_half_tree_send(f->trees, f->rows, f->sums, transfers,
                                         f->delta, f->params->h);
    // Public: each is masked by a transfer that is spent here, and sent.
    BH_DECLASSIFY(f->sums, len);
    memcpy(sent, f->sums, len);
    return status;
}

// One iteration: its n transfers, eight trees after the other.
static bh_status iterate(bh_ferret *f, bh_rot_supply *out, size_t *filled,
                         uint8_t *sent, const uint8_t *received)
{
    const bh_ferret_params *set = f->params;
    const size_t m = bh_ferret_spent(set), rows = (size_t)TREES << set->h;
    const size_t len = sums_of(set) * sizeof *f->sums;
    bh_status status = bh_half_tree_start(f->trees, f->iteration);
    size_t n_kept = 0;
    bh_lpn_start(f->code, f->iteration++);
    for (size_t i = 0; i < set->tau / TREES && status == BH_OK; i++) {
        status = grow(f, f->spent + set->k + i * TREES * set->h,
                      f->sends ? sent + i * len : NULL,
                      f->sends ? NULL : received + i * len);
        if (status == BH_OK) {
            status = bh_lpn_add(f->code, f->rows, f->spent, rows);
        }
        const size_t keep = m - n_kept < rows ? m - n_kept : rows;
        memcpy(f->kept + n_kept, f->rows, keep * sizeof *f->rows);
        n_kept += keep;
        if (status == BH_OK && keep < rows) {
            status = hand_out(f, out, filled, f->rows + keep, rows - keep);
        }
    }
    bh_block *spent = f->spent;
    f->spent = f->kept;
    f->kept = spent;
    bh_wipe(spent, m * sizeof *spent);
    return status;
}

size_t bh_ferret_bytes(const bh_ferret *f, size_t n)
{
    const size_t there = f->n_left - f->left.taken, given = bh_ferret_given(f->params);
    const size_t missing = n > there ? n - there : 0;
    return (missing / given + (missing % given != 0)) *
           bh_ferret_message_bytes(f->params);
}

// Fills out; the message is sent (by a sender) or received.
static bh_status fill(bh_ferret *f, bh_rot_supply *out, uint8_t *sent,
                      const uint8_t *received)
{
    const size_t all = bh_ferret_bytes(f, out->n),
                 len = bh_ferret_message_bytes(f->params);
    size_t filled;
    if (f->failed) {
        return BH_ERR_STATE;
    }
    take_left(f, out, &filled);
    bh_status status = BH_OK;
    for (size_t at = 0; at < all && status == BH_OK; at += len) {
        status = iterate(f, out, &filled, f->sends ? sent + at : NULL,
                         f->sends ? NULL : received + at);
    }
    if (status != BH_OK) {
        f->failed = true;
        bh_rot_supply_wipe(out);
        if (f->sends) {
            memset(sent, 0, all);
        }
    }
    return status;
}

bh_status bh_ferret_send(bh_ferret *f, bh_rot_supply *out, uint8_t *message)
{
    return fill(f, out, message, NULL);
}

bh_status bh_ferret_receive(bh_ferret *f, bh_rot_supply *out, const uint8_t *message)
{
    return fill(f, out, NULL, message);
}
