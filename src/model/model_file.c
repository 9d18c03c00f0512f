// SPDX-License-Identifier: Apache-2.0
// The model file; every byte of it is described in docs/model-format.md.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/integer.h"
#include "model/model.h"

#define MAGIC_BYTES         8
#define HEADER_BYTES        20 // magic, u32 version, u64 length of the file
#define CHECKSUM_BYTES      32

#define VERSION_WITHOUT_CUT 2 // otherwise the same

// As PNG's: the first byte is not ASCII, and translated line ends destroy the rest.
static const uint8_t magic[MAGIC_BYTES] = {0x89, 'B', 'H', 'N', '\r', '\n', 0x1a, '\n'};

static void write_floats(bh_writer *w, const float *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bh_writer_f32(w, v[i]);
    }
}

static void write_cut(bh_writer *w, const bh_model_cut *cut)
{
    bh_writer_u8(w, cut->stated);
    bh_writer_u32(w, cut->folds);
    bh_writer_u32(w, cut->fold);
    bh_writer_f64(w, cut->validation);
    bh_writer_u64(w, cut->seed);
}

// The length comes last, into the place kept for it in the header.
static void patch_length(bh_writer *w, size_t start, uint64_t len)
{
    for (size_t i = 0; i < 8 && w->status == BH_OK; i++) {
        w->data[start + HEADER_BYTES - 8 + i] = (uint8_t)(len >> (8 * i));
    }
}

bh_status bh_model_write(const bh_model *m, bh_writer *w)
{
    size_t start = w->len;
    bh_writer_bytes(w, magic, sizeof magic);
    bh_writer_u32(w, BH_MODEL_VERSION);
    bh_writer_u64(w, 0);
    bh_writer_u32(w, m->members);
    write_cut(w, &m->cut);
    bh_graph_write(&m->graph, w);
    for (uint32_t k = 0; k < m->members * bh_graph_linear_count(&m->graph); k++) {
        const bh_posterior *p = &m->posterior[k];
        write_floats(w, p->mean, p->n_weights + p->n_bias);
        write_floats(w, p->dev, p->n_weights + p->n_bias);
    }
    uint8_t digest[CHECKSUM_BYTES];
    patch_length(w, start, w->len - start + sizeof digest);
    if (w->status == BH_OK) {
        w->status = bh_hash(digest, w->data + start, w->len - start, NULL, 0);
    }
    bh_writer_bytes(w, digest, sizeof digest);
    return w->status;
}

static bh_status check_header(uint32_t *version, bh_reader *r, const char *name,
                              bh_error *err)
{
    const uint8_t *start = bh_reader_bytes(r, MAGIC_BYTES);
    if (start == NULL || memcmp(start, magic, MAGIC_BYTES) != 0) {
        return bh_fail(err, BH_ERR_ENCODING, "%s is not a bayhenn model", name);
    }
    *version = bh_reader_u32(r);
    uint64_t len = bh_reader_u64(r);
    if (r->status != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "%s is cut short", name);
    }
    if (*version != BH_MODEL_VERSION && *version != VERSION_WITHOUT_CUT) {
        return bh_fail(err, BH_ERR_VERSION,
                       "%s has version %u of the model format; this is version %d",
                       name, *version, BH_MODEL_VERSION);
    }
    if (len != r->len || len < HEADER_BYTES + CHECKSUM_BYTES) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "%s is damaged: it has %zu bytes instead of %llu", name, r->len,
                       (unsigned long long)len);
    }
    return BH_OK;
}

static bh_status check_digest(const bh_reader *r, const char *name, bh_error *err)
{
    uint8_t digest[CHECKSUM_BYTES];
    size_t len = r->len - CHECKSUM_BYTES;
    bh_status status = bh_hash(digest, r->data, len, NULL, 0);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    if (memcmp(digest, r->data + len, CHECKSUM_BYTES) != 0) {
        return bh_fail(err, BH_ERR_CHECKSUM,
                       "%s is damaged: its checksum does not match", name);
    }
    return BH_OK;
}

// Bytes of a member's posteriors: at most 64 layers * 8 * (2^26 + 2^12), no overflow
// either when there are 64 members.
static uint64_t member_bytes(const bh_graph *g)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        if (bh_layer_is_linear(&g->layers[i])) {
            count += bh_layer_weights_len(&g->layers[i]);
            count += bh_layer_bias_len(&g->layers[i]);
        }
    }
    return count * 2 * sizeof(float);
}

static bool read_posterior(bh_posterior *p, bh_reader *r)
{
    size_t count = p->n_weights + p->n_bias;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        p->mean[i] = bh_reader_f32(r);
        ok &= (bool)isfinite(p->mean[i]);
    }
    for (size_t i = 0; i < count; i++) {
        p->dev[i] = bh_reader_f32(r);
        ok &= isfinite(p->dev[i]) && p->dev[i] >= 0;
    }
    return ok;
}

static bh_status read_posteriors(bh_model *m, bh_reader *r, const char *name,
                                 bh_error *err)
{
    uint32_t n_linear = bh_graph_linear_count(&m->graph);
    for (uint32_t k = 0; k < m->members * n_linear; k++) {
        if (!read_posterior(&m->posterior[k], r)) {
            uint32_t at = bh_graph_linear_index(&m->graph, k % n_linear);
            return bh_fail(err, BH_ERR_ENCODING,
                           "%s: layer %u (%s) holds a mean that is not finite or a "
                           "deviation that is not finite and positive",
                           name, at + 1, bh_layer_kind_name(m->graph.layers[at].kind));
        }
    }
    return BH_OK;
}

// What the graph says about the accumulators must hold for these weights: a plan made
// for a bound that is too small would decrypt to wrong numbers.
static bh_status build_integer(bh_model *m, const char *name, bh_error *err)
{
    bh_error inner = {0};
    bh_status status =
        bh_integer_new(&m->integer, &m->graph, m->posterior, m->members, &inner);
    if (status != BH_OK) {
        status = status == BH_ERR_RANGE ? BH_ERR_ENCODING : status;
        return bh_fail(err, status, "%s: %.160s", name, inner.message);
    }
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph); i++) {
        uint32_t at = bh_graph_linear_index(&m->graph, i);
        const bh_layer *layer = &m->graph.layers[at];
        if (bh_integer_bound(m->integer, m->members, &m->graph, i) >
            layer->quant.acc_max) {
            return bh_fail(
                err, BH_ERR_ENCODING,
                "%s: the accumulators of layer %u (%s) exceed their stated bound", name,
                at + 1, bh_layer_kind_name(layer->kind));
        }
    }
    return BH_OK;
}

static bh_status read_cut(bh_model_cut *cut, bh_reader *r, const char *name,
                          bh_error *err)
{
    const uint8_t stated = bh_reader_u8(r);
    cut->stated = stated == 1;
    cut->folds = bh_reader_u32(r);
    cut->fold = bh_reader_u32(r);
    cut->validation = bh_reader_f64(r);
    cut->seed = bh_reader_u64(r);
    const bool nothing = cut->folds == 0 && cut->fold == 0;
    const bool fold = cut->folds >= 2 && cut->fold >= 1 && cut->fold <= cut->folds;
    const bool share = cut->validation >= 0 && cut->validation < 1;
    const bool ok =
        stated == 1 ? (nothing || fold) && share
                    : stated == 0 && nothing && cut->validation == 0 && cut->seed == 0;
    return r->status == BH_OK && ok
               ? BH_OK
               : bh_fail(err, BH_ERR_ENCODING,
                         "%s: what it says of the cut of its data makes no sense",
                         name);
}

static bh_status read_body(bh_model **out, bh_graph *g, bh_reader *r, uint32_t version,
                           const char *name, bh_error *err)
{
    bh_error inner = {0};
    bh_model_cut cut = {0};
    uint32_t members = bh_reader_u32(r);
    bh_status status =
        version != VERSION_WITHOUT_CUT ? read_cut(&cut, r, name, err) : BH_OK;
    if (status != BH_OK) {
        return status;
    }
    status = bh_graph_read(g, r, &inner);
    if (status != BH_OK) {
        return bh_fail(err, status, "%s: %.160s", name, inner.message);
    }
    if (members < 1 || members > BH_MODEL_MEMBERS_MAX) {
        return bh_fail(err, BH_ERR_ENCODING, "%s: %u members, not 1 to %d", name,
                       members, BH_MODEL_MEMBERS_MAX);
    }
    if (members * member_bytes(g) != bh_reader_left(r)) {
        return bh_fail(err, BH_ERR_ENCODING,
                       "%s: the number of weights does not fit the network", name);
    }
    status = bh_model_new(out, g, members);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    (*out)->graph = *g; // with its quantisation
    (*out)->cut = cut;
    status = read_posteriors(*out, r, name, err);
    return status == BH_OK && g->quantised ? build_integer(*out, name, err) : status;
}

bh_status bh_model_read(bh_model **out, const void *data, size_t len, const char *name,
                        bh_error *err)
{
    *out = NULL;
    bh_reader r = bh_reader_over(data, len);
    uint32_t version = 0;
    bh_status status = check_header(&version, &r, name, err);
    if (status == BH_OK) {
        status = check_digest(&r, name, err);
    }
    if (status != BH_OK) {
        return status;
    }
    r.len -= CHECKSUM_BYTES;
    bh_graph *g = bh_alloc(1, sizeof *g);
    if (g == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    status = read_body(out, g, &r, version, name, err);
    bh_free(g);
    if (status != BH_OK) {
        bh_model_free(*out);
        *out = NULL;
    }
    return status;
}
