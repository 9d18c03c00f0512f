// SPDX-License-Identifier: Apache-2.0
// The server's half: loading what a client sent.
#include "base/memory.h"
#include "he/internal.h"

// Loads the sent half and expands the uniform half of a pair.
static bh_status load_pair(const bh_he *he, uint64_t *sent, uint64_t *expanded,
                           bh_stream *stream, const uint8_t *bytes,
                           const uint8_t uniform[32], uint64_t counter)
{
    bh_status status = bh_he_unpack_poly(he, sent, bytes);
    return status == BH_OK
               ? bh_he_expand_uniform(he, expanded, stream, uniform, counter)
               : status;
}

bh_status bh_public_key_load(bh_public_key **out, const bh_he *he, const uint8_t *p0,
                             const bh_uniform *uniform)
{
    *out = NULL;
    bh_public_key *pk = bh_alloc(1, sizeof *pk);
    if (pk == NULL) {
        return BH_ERR_NOMEM;
    }
    pk->p0 = bh_poly_new(&he->ring);
    pk->p1 = bh_poly_new(&he->ring);
    bh_stream *stream = NULL;
    bh_status status = BH_ERR_NOMEM;
    if (pk->p0 != NULL && pk->p1 != NULL) {
        status = bh_stream_new(&stream);
    }
    if (status == BH_OK) {
        status = load_pair(he, pk->p0, pk->p1, stream, p0, uniform->public_key, 0);
    }
    bh_stream_free(stream);
    if (status != BH_OK) {
        bh_public_key_free(pk);
        return status;
    }
    *out = pk;
    return BH_OK;
}

void bh_public_key_free(bh_public_key *pk)
{
    if (pk != NULL) {
        bh_free(pk->p0);
        bh_free(pk->p1);
        bh_free(pk);
    }
}

bh_status bh_upload_new(bh_upload **out, const bh_he *he)
{
    *out = NULL;
    bh_upload *upload = bh_alloc(1, sizeof *upload);
    if (upload == NULL) {
        return BH_ERR_NOMEM;
    }
    upload->c0 = bh_poly_new(&he->ring);
    upload->c1 = bh_poly_new(&he->ring);
    if (upload->c0 == NULL || upload->c1 == NULL) {
        bh_upload_free(upload);
        return BH_ERR_NOMEM;
    }
    *out = upload;
    return BH_OK;
}

void bh_upload_free(bh_upload *upload)
{
    if (upload != NULL) {
        bh_free(upload->c0);
        bh_free(upload->c1);
        bh_free(upload);
    }
}

bh_status bh_upload_load(bh_upload *upload, bh_workspace *w, const uint8_t *c0,
                         const bh_uniform *uniform, uint64_t counter)
{
    return load_pair(w->he, upload->c0, upload->c1, w->stream, c0, uniform->upload,
                     counter);
}
