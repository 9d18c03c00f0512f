// SPDX-License-Identifier: Apache-2.0
#include "mpc/base_ot.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "mpc/curve.h"

enum { POINT = BH_POINT_BYTES };

_Static_assert(BH_BASE_OT_POINT_BYTES == BH_POINT_BYTES, "points are compressed");

struct bh_base_sender {
    uint8_t scalar[32]; // a, big-endian
    uint8_t offer[POINT];
};

// A key of transfer i from everything that was said of it, and a shared point.
static bh_status derive_key(bh_block *key, uint8_t i, const uint8_t offer[POINT],
                            const uint8_t reply[POINT], uint8_t shared[POINT])
{
    static const char label[15] = "bayhenn base ot";
    uint8_t said[sizeof label + 1 + 2 * POINT], digest[32];
    BH_SECRET(shared, POINT); // of a scalar that was shown to OpenSSL as public
    memcpy(said, label, sizeof label);
    said[sizeof label] = i;
    memcpy(said + sizeof label + 1, offer, POINT);
    memcpy(said + sizeof label + 1 + POINT, reply, POINT);
    bh_status status = bh_hash(digest, said, sizeof said, shared, POINT);
    memcpy(key, digest, sizeof *key);
    bh_wipe(digest, sizeof digest);
    bh_wipe(shared, POINT);
    return status;
}

// ---- sender

static bh_status make_offer(bh_curve *c, bh_base_sender *s)
{
    bh_status status = bh_curve_draw_scalar(c, s->scalar);
    if (status == BH_OK) {
        status = bh_curve_multiply(c, c->points[0], NULL);
    }
    return status == BH_OK ? bh_curve_write(c, s->offer, c->points[0]) : status;
}

bh_status bh_base_sender_new(bh_base_sender **out,
                             uint8_t offer[BH_BASE_OT_OFFER_BYTES])
{
    bh_curve c;
    *out = NULL;
    memset(offer, 0, POINT);
    bh_base_sender *s = bh_alloc(1, sizeof *s);
    if (s == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = bh_curve_init(&c);
    if (status == BH_OK) {
        status = make_offer(&c, s);
    }
    bh_curve_clear(&c);
    if (status != BH_OK) {
        bh_base_sender_free(s);
        return status;
    }
    memcpy(offer, s->offer, POINT);
    *out = s;
    return BH_OK;
}

void bh_base_sender_free(bh_base_sender *s)
{
    bh_free(s);
}

// c->points[1] = -a A, for all transfers.
static bh_status begin_finish(bh_curve *c, const bh_base_sender *s)
{
    bh_status status = bh_curve_set_scalar(c, s->scalar);
    if (status == BH_OK) {
        status = bh_curve_read(c, c->points[0], s->offer);
    }
    if (status == BH_OK) {
        status = bh_curve_multiply(c, c->points[1], c->points[0]);
    }
    if (status == BH_OK && EC_POINT_invert(c->group, c->points[1], c->ctx) != 1) {
        status = BH_ERR_CRYPTO;
    }
    return status;
}

// Both keys of transfer i: of a B and of a B - a A. The latter is infinite if B is A,
// which no receiver sends whose scalar is not zero.
static bh_status finish_one(bh_curve *c, const bh_base_sender *s, bh_block keys[2],
                            uint8_t i, const uint8_t reply[POINT])
{
    uint8_t shared[2][POINT];
    EC_POINT *received = c->points[0], *product = c->points[2];
    bh_status status = memcmp(reply, s->offer, POINT) != 0 ? BH_OK : BH_ERR_ENCODING;
    if (status == BH_OK) {
        status = bh_curve_read(c, received, reply);
    }
    if (status == BH_OK) {
        status = bh_curve_multiply(c, product, received);
    }
    if (status == BH_OK) {
        status = bh_curve_write(c, shared[0], product);
    }
    if (status == BH_OK &&
        EC_POINT_add(c->group, product, product, c->points[1], c->ctx) != 1) {
        status = BH_ERR_CRYPTO;
    }
    if (status == BH_OK) {
        status = bh_curve_write(c, shared[1], product);
    }
    for (size_t b = 0; b < 2 && status == BH_OK; b++) {
        status = derive_key(&keys[b], i, s->offer, reply, shared[b]);
    }
    bh_wipe(shared, sizeof shared);
    return status;
}

bh_status bh_base_sender_finish(const bh_base_sender *s, bh_block (*keys)[2],
                                const uint8_t *reply)
{
    bh_curve c;
    bh_status status = bh_curve_init(&c);
    if (status == BH_OK) {
        status = begin_finish(&c, s);
    }
    for (size_t i = 0; i < BH_KAPPA && status == BH_OK; i++) {
        status = finish_one(&c, s, keys[i], (uint8_t)i, reply + i * POINT);
    }
    bh_curve_clear(&c);
    if (status != BH_OK) {
        memset(keys, 0, BH_KAPPA * sizeof *keys);
    }
    return status;
}

// ---- receiver

// The second of two points' encodings where the mask is all ones.
static void select_point(uint8_t out[POINT], const uint8_t if_clear[POINT],
                         const uint8_t if_set[POINT], uint64_t mask)
{
    for (size_t i = 0; i < POINT; i++) {
        out[i] = (uint8_t)bh_ct_select(mask, if_set[i], if_clear[i]);
    }
}

// b G and b G + A are both computed, whatever the choice is. points[0] is A.
static bh_status reply_one(bh_curve *c, uint8_t reply[POINT], uint64_t chosen)
{
    uint8_t candidates[2][POINT];
    EC_POINT *point = c->points[1];
    bh_status status = bh_curve_multiply(c, point, NULL);
    if (status == BH_OK) {
        status = bh_curve_write(c, candidates[0], point);
    }
    if (status == BH_OK &&
        EC_POINT_add(c->group, point, point, c->points[0], c->ctx) != 1) {
        status = BH_ERR_CRYPTO;
    }
    if (status == BH_OK) {
        status = bh_curve_write(c, candidates[1], point);
    }
    if (status == BH_OK) {
        select_point(reply, candidates[0], candidates[1], chosen);
        // b is uniform, so either is a uniform point.
        BH_DECLASSIFY(reply, POINT);
    }
    bh_wipe(candidates, sizeof candidates);
    return status;
}

static bh_status receive_one(bh_curve *c, bh_block *key, uint8_t i,
                             uint8_t reply[POINT], const uint8_t offer[POINT],
                             uint64_t chosen)
{
    uint8_t scalar[32], shared[POINT];
    bh_status status = bh_curve_draw_scalar(c, scalar);
    bh_wipe(scalar, sizeof scalar);
    if (status == BH_OK) {
        status = reply_one(c, reply, chosen);
    }
    if (status == BH_OK) {
        status = bh_curve_multiply(c, c->points[2], c->points[0]);
    }
    if (status == BH_OK) {
        status = bh_curve_write(c, shared, c->points[2]);
    }
    return status == BH_OK ? derive_key(key, i, offer, reply, shared) : status;
}

bh_status bh_base_receive(uint8_t *reply, bh_block *keys, bh_block choices,
                          const uint8_t *offer)
{
    bh_curve c;
    bh_status status = bh_curve_init(&c);
    if (status == BH_OK) {
        status = bh_curve_read(&c, c.points[0], offer);
    }
    for (unsigned i = 0; i < BH_KAPPA && status == BH_OK; i++) {
        status = receive_one(&c, &keys[i], (uint8_t)i, reply + (size_t)i * POINT, offer,
                             bh_block_bit_mask(choices, i));
    }
    bh_curve_clear(&c);
    if (status != BH_OK) {
        memset(keys, 0, BH_KAPPA * sizeof *keys);
        memset(reply, 0, BH_BASE_OT_REPLY_BYTES);
    }
    return status;
}
