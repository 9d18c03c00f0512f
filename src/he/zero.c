// SPDX-License-Identifier: Apache-2.0
// R2: the randomness of fresh encryptions of zero, which no client has a part in.
#include <string.h>

#include "base/memory.h"
#include "he/internal.h"
#include "ring/sample.h"

bh_status bh_answer_keys_init(bh_answer_keys *out, const uint8_t seed[32])
{
    bh_stream_key zero, flood, mask;
    *out = (bh_answer_keys){0};
    bh_status status = bh_stream_key_derive(&zero, seed, "encryption of zero", NULL);
    if (status == BH_OK) {
        status = bh_stream_key_derive(&flood, seed, "flooding", NULL);
    }
    if (status == BH_OK) {
        status = bh_stream_key_derive(&mask, seed, "mask", NULL);
    }
    if (status == BH_OK) {
        memcpy(out->zero, zero.bytes, sizeof out->zero);
        memcpy(out->flood, flood.bytes, sizeof out->flood);
        memcpy(out->mask, mask.bytes, sizeof out->mask);
    }
    bh_wipe(&zero, sizeof zero);
    bh_wipe(&flood, sizeof flood);
    bh_wipe(&mask, sizeof mask);
    return status;
}

bh_status bh_zero_new(bh_zero **out, const bh_he *he)
{
    *out = NULL;
    bh_zero *z = bh_alloc(1, sizeof *z);
    if (z == NULL) {
        return BH_ERR_NOMEM;
    }
    z->he = he;
    z->u = bh_poly_new(&he->ring);
    z->e0 = bh_alloc(he->ring.n, sizeof *z->e0);
    z->e1 = bh_alloc(he->ring.n, sizeof *z->e1);
    if (z->u == NULL || z->e0 == NULL || z->e1 == NULL) {
        bh_zero_free(z);
        return BH_ERR_NOMEM;
    }
    *out = z;
    return BH_OK;
}

void bh_zero_free(bh_zero *z)
{
    if (z != NULL) {
        bh_free(z->u);
        bh_free(z->e0);
        bh_free(z->e1);
        bh_free(z);
    }
}

void bh_zero_wipe(bh_zero *z)
{
    const bh_ring *ring = &z->he->ring;
    bh_wipe(z->u, ring->poly_words * sizeof *z->u);
    bh_wipe(z->e0, ring->n * sizeof *z->e0);
    bh_wipe(z->e1, ring->n * sizeof *z->e1);
}

size_t bh_zero_bytes(const bh_he *he)
{
    return sizeof(bh_zero) + he->ring.poly_words * sizeof(uint64_t) +
           2 * he->ring.n * sizeof(int32_t);
}

bh_status bh_zero_make(bh_zero *z, bh_workspace *w, const bh_answer_keys *keys,
                       bh_answer_number number, size_t n_places)
{
    const bh_ring *ring = &z->he->ring;
    bh_status status = n_places <= ring->n ? BH_OK : BH_ERR_ARG;
    if (status == BH_OK) {
        status = bh_he_start_stream(w->stream, keys->zero, bh_he_number(number));
    }
    if (status == BH_OK) {
        status = bh_sample_ternary(ring, w->small, w->stream);
    }
    if (status == BH_OK) {
        bh_poly_forward_small(ring, z->u, w->small);
        status = bh_sample_error(ring, z->e0, n_places, w->stream);
    }
    if (status == BH_OK) {
        status = bh_sample_error(ring, z->e1, ring->n, w->stream);
    }
    return status;
}
