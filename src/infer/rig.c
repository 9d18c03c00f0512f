// SPDX-License-Identifier: Apache-2.0
#include "infer/rig.h"

#include "base/memory.h"
#include "model/segment.h"

#define FEW 64 // places of `few`

// conv2d 1 x 1, ReLU, max pool, fully connected: what follows the first is measured.
static bh_status make_graph(bh_graph *g)
{
    bh_quant quant = {
        .x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 127, .acc_max = 32767};
    *g = (bh_graph){.name = "segment", .n_layers = 4, .n_classes = 2};
    g->quantised = true;
    g->input = (bh_input){.shape = {1, BH_RIG_SIDE, BH_RIG_SIDE}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 1,
                              .kernel_h = 1,
                              .kernel_w = 1,
                              .stride = 1,
                              .quant = quant};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){
        .kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    quant.shift = 1;
    quant.x_scale = 2;
    g->layers[3] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2, .quant = quant};
    return bh_graph_check(g, NULL);
}

// An image of one column, 1 x 1 kernels.
static bh_status make_image(bh_linear *l, uint32_t height, uint32_t n)
{
    bh_linear_shape shape = {1, height, 1, 1, 1, 1, 1, 0};
    return bh_linear_init(l, &shape, &(bh_packing){1, 1, height, 1}, n);
}

static bh_status make_layers(bh_rig *r)
{
    uint32_t n = (uint32_t)bh_he_degree(r->he);
    bh_linear_shape full = {n / FEW, 1, 1, FEW, 1, 1, 1, 0};
    bh_status status = make_image(&r->many, n, n);
    if (status == BH_OK) {
        status = make_image(&r->few, FEW, n);
    }
    return status == BH_OK
               ? bh_linear_init(&r->full, &full, &(bh_packing){n / FEW, FEW, 1, 1}, n)
               : status;
}

static bh_status take_memory(bh_rig *r)
{
    size_t n = bh_he_degree(r->he);
    r->values = bh_alloc(n, sizeof *r->values);
    r->message = bh_alloc(n, sizeof *r->message);
    r->scratch = bh_alloc(bh_segment_scratch_len(r->graph), sizeof *r->scratch);
    r->zeros = bh_alloc(BH_RIG_DRAWS, sizeof *r->zeros);
    r->weights = bh_alloc(BH_RIG_DRAWS, sizeof *r->weights);
    r->poly = bh_alloc(n, sizeof *r->poly);
    r->spread = bh_alloc(n, sizeof *r->spread);
    r->share = bh_alloc(n, sizeof *r->share);
    r->places = bh_alloc(n, sizeof *r->places);
    r->ciphertext = bh_alloc(bh_he_poly_bytes(r->he), 1);
    r->bytes = bh_alloc(bh_he_answer_bytes(r->he, n, BH_RIG_T_BITS), 1);
    r->posterior = (bh_int_posterior){.n_weights = BH_RIG_DRAWS,
                                      .weight_mean = r->zeros,
                                      .weight_dev = r->zeros,
                                      .w_max = BH_WEIGHT_MAX};
    return r->values != NULL && r->message != NULL && r->scratch != NULL &&
                   r->zeros != NULL && r->weights != NULL && r->poly != NULL &&
                   r->spread != NULL && r->share != NULL && r->places != NULL &&
                   r->ciphertext != NULL && r->bytes != NULL
               ? BH_OK
               : BH_ERR_NOMEM;
}

static bh_status make_keys(bh_rig *r)
{
    const uint8_t transcript[32] = {0};
    bh_status status = bh_uniform_init(&r->uniform, transcript, r->seed);
    if (status == BH_OK) {
        status = bh_secret_key_new(&r->sk, r->he, &r->uniform);
    }
    if (status == BH_OK) {
        status = bh_public_key_make(r->sk, r->ciphertext);
    }
    if (status == BH_OK) {
        status = bh_public_key_load(&r->pk, r->he, r->ciphertext, &r->uniform);
    }
    if (status == BH_OK) {
        status = bh_answer_keys_init(&r->keys, r->seed);
    }
    if (status == BH_OK) {
        status = bh_draw_key(&r->draw_key, r->seed);
    }
    if (status == BH_OK) {
        status = bh_stream_new(&r->stream);
    }
    if (status == BH_OK) {
        status = bh_workspace_new(&r->work, r->he);
    }
    for (uint32_t i = 0; i < BH_RIG_UPLOADS && status == BH_OK; i++) {
        status = bh_upload_new(&r->uploads[i], r->he);
    }
    return status;
}

static bh_status make_zero(bh_zero **out, bh_rig *r, const bh_linear *l)
{
    bh_status status = bh_zero_new(out, r->he);
    return status == BH_OK ? bh_zero_make(*out, r->work, &r->keys,
                                          (bh_answer_number){0}, bh_linear_out_len(l))
                           : status;
}

static bh_status prepare(bh_rig *r)
{
    size_t words = bh_he_factor_words(r->he);
    r->factors = bh_alloc(BH_RIG_FACTORS * words, sizeof *r->factors);
    if (r->factors == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < BH_RIG_FACTORS; i++) {
        bh_factor_make(r->he, r->factors + i * words, r->poly);
    }
    bh_status status = make_zero(&r->zero_many, r, &r->many);
    return status == BH_OK ? make_zero(&r->zero_few, r, &r->few) : status;
}

bh_status bh_rig_init(bh_rig *r, bh_guard guard, bool prepared)
{
    bh_status status = bh_he_new(&r->he, bh_guard_params(guard), NULL);
    if (status == BH_OK) {
        r->graph = bh_alloc(1, sizeof *r->graph);
        status = r->graph != NULL ? make_graph(r->graph) : BH_ERR_NOMEM;
    }
    if (status == BH_OK) {
        status = make_layers(r);
    }
    if (status == BH_OK) {
        status = take_memory(r);
    }
    if (status == BH_OK) {
        status = make_keys(r);
    }
    return status == BH_OK && prepared ? prepare(r) : status;
}

void bh_rig_clear(bh_rig *r)
{
    for (uint32_t i = 0; i < BH_RIG_UPLOADS; i++) {
        bh_upload_free(r->uploads[i]);
    }
    bh_free(r->factors);
    bh_zero_free(r->zero_many);
    bh_zero_free(r->zero_few);
    bh_workspace_free(r->work);
    bh_stream_free(r->stream);
    bh_public_key_free(r->pk);
    bh_secret_key_free(r->sk);
    bh_free(r->bytes);
    bh_free(r->ciphertext);
    bh_free(r->places);
    bh_free(r->spread);
    bh_free(r->share);
    bh_free(r->poly);
    bh_free(r->weights);
    bh_free(r->zeros);
    bh_free(r->scratch);
    bh_free(r->message);
    bh_free(r->values);
    bh_free(r->graph);
    bh_he_free(r->he);
}
