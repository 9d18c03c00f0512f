// SPDX-License-Identifier: Apache-2.0
#include "infer/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "infer/plan.h"
#include "model/draw.h"
#include "model/segment.h"

#define REPEATS   5
#define BATCH_US  50 // a batch takes at least so long, so that a clock of microseconds
#define BATCH_MAX 16 // is fine enough
// Products are measured over so many uploads: more than a core's nearest cache holds.
#define UPLOADS 8
#define T_BITS  24
#define FEW     64    // places of `few`
#define DRAWS   16384 // weights drawn at once
#define SIDE    32    // of the image whose segment is measured: SIDE^2 <= n

// What the operations work on: three layers, of which `many` has an output at every
// place, `few` has few, and `full` fills a polynomial with weights; all data are zeros,
// since no operation's time depends on them.
typedef struct rig {
    bh_he *he;
    bh_linear many, few, full;
    bh_secret_key *sk;
    bh_public_key *pk;
    bh_uniform uniform;
    bh_upload *uploads[UPLOADS];
    bh_workspace *work;
    bh_answer_keys keys;
    bh_int_posterior posterior;
    bh_graph *graph;
    int64_t *values, *message, *scratch;
    int32_t *zeros, *weights; // 4 n
    int32_t *poly, *spread;
    uint32_t *places;
    uint8_t *ciphertext, *bytes; // an upload; an answer
    uint64_t counter;
    uint8_t seed[BH_SEED_BYTES];
} rig;

static bh_status encrypt(rig *r)
{
    bh_linear_pack_input(&r->full, r->message, r->values, 0);
    return bh_encrypt(r->sk, r->ciphertext, r->work, &r->uniform, r->counter++,
                      r->message, T_BITS);
}

static bh_status load(rig *r)
{
    r->counter++;
    return bh_upload_load(r->uploads[r->counter % UPLOADS], r->work, r->ciphertext,
                          &r->uniform, r->counter);
}

static bh_status draw(rig *r)
{
    return bh_draw_layer(&r->posterior, r->weights, NULL, r->seed, 0, 0);
}

static bh_status pack(rig *r)
{
    bh_linear_pack_weights(&r->full, r->poly, r->weights, 0, 0);
    return BH_OK;
}

static bh_status answer(rig *r, const bh_linear *l, uint32_t products)
{
    bh_answer_options finish = {.places = r->places,
                                .bias = r->spread,
                                .n_places = bh_linear_places(l, r->places, 0),
                                .t_bits = T_BITS,
                                .keys = &r->keys};
    bh_status status = BH_OK;
    bh_answer_begin(r->work);
    for (uint32_t i = 0; i < products && status == BH_OK; i++) {
        status = bh_answer_add_product(r->work, r->uploads[i % UPLOADS], r->poly);
    }
    bh_linear_spread_bias(l, r->spread, r->zeros, 0);
    return status == BH_OK ? bh_answer_finish(r->work, r->bytes, r->pk, &finish)
                           : status;
}

static bh_status answer_few(rig *r)
{
    return answer(r, &r->few, 1);
}

static bh_status answer_few_multiply(rig *r)
{
    return answer(r, &r->few, 1 + UPLOADS);
}

static bh_status answer_many(rig *r)
{
    return answer(r, &r->many, 1);
}

// Any bytes decrypt to something.
static bh_status decrypt(rig *r, const bh_linear *l)
{
    size_t n_places = bh_linear_places(l, r->places, 0);
    bh_status status =
        bh_decrypt(r->sk, r->message, r->work, r->bytes, r->places, n_places, T_BITS);
    bh_linear_unpack(l, r->values, r->message, 0);
    return status;
}

static bh_status decrypt_few(rig *r)
{
    return decrypt(r, &r->few);
}

static bh_status decrypt_many(rig *r)
{
    return decrypt(r, &r->many);
}

static bh_status segment(rig *r)
{
    bh_segment_run(r->graph, 0, r->message, r->values, r->scratch);
    return BH_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Nanoseconds of one call. *status keeps the first error; nothing is run after one.
static double time_of(bh_status (*operation)(rig *r), rig *r, bh_clock clock,
                      bh_status *status)
{
    double times[REPEATS];
    uint64_t start = clock();
    *status = *status == BH_OK ? operation(r) : *status;
    uint64_t once = clock() - start;
    uint64_t batch = once > 0 ? BATCH_US / once + 1 : BATCH_MAX;
    batch = batch < BATCH_MAX ? batch : BATCH_MAX;
    for (size_t i = 0; i < REPEATS; i++) {
        start = clock();
        for (uint64_t k = 0; k < batch && *status == BH_OK; k++) {
            *status = operation(r);
        }
        times[i] = (double)(clock() - start) * 1e3 / (double)batch;
    }
    qsort(times, REPEATS, sizeof times[0], ascending);
    return times[REPEATS / 2];
}

static bh_status measure(bh_cost *cost, rig *r, bh_clock clock)
{
    bh_status status = BH_OK;
    double n = (double)bh_he_degree(r->he), few = (double)bh_linear_out_len(&r->few);
    cost->encrypt = time_of(encrypt, r, clock, &status);
    cost->load = time_of(load, r, clock, &status);
    for (uint32_t i = 0; i < UPLOADS && status == BH_OK; i++) {
        status = load(r);
    }
    cost->weight =
        time_of(draw, r, clock, &status) / (double)r->posterior.n_weights +
        time_of(pack, r, clock, &status) / (double)bh_linear_weights(&r->full);
    double one = time_of(answer_few, r, clock, &status);
    double more = time_of(answer_few_multiply, r, clock, &status);
    double wide = time_of(answer_many, r, clock, &status);
    // Differences of measurements can come out below zero.
    cost->product = fmax(more - one, 0) / UPLOADS;
    cost->answer_place = fmax(wide - one, 0) / (n - few);
    cost->answer = fmax(one - cost->product - few * cost->answer_place, 0);
    one = time_of(decrypt_few, r, clock, &status);
    wide = time_of(decrypt_many, r, clock, &status);
    double place = fmax(wide - one, 0) / (n - few);
    cost->decrypt = fmax(one - few * place, 0);
    cost->decrypt_place = place + time_of(segment, r, clock, &status) / (SIDE * SIDE);
    return status;
}

// conv2d 1 x 1, ReLU, max pool, fully connected: what follows the first is measured.
// conv2d 1 x 1, ReLU, max pool, fully connected: what follows the first is measured.
static bh_status make_graph(bh_graph *g)
{
    bh_quant quant = {
        .x_scale = 1, .w_scale = 1, .x_hi = 255, .w_max = 127, .acc_max = 32767};
    *g = (bh_graph){.name = "segment", .n_layers = 4, .n_classes = 2};
    g->quantised = true;
    g->input = (bh_input){.shape = {1, SIDE, SIDE}, .dev = {1}};
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

static bh_status make_layers(rig *r)
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

static bh_status take_memory(rig *r)
{
    size_t n = bh_he_degree(r->he);
    r->values = bh_alloc(n, sizeof *r->values);
    r->message = bh_alloc(n, sizeof *r->message);
    r->scratch = bh_alloc(bh_segment_scratch_len(r->graph), sizeof *r->scratch);
    r->zeros = bh_alloc(DRAWS, sizeof *r->zeros);
    r->weights = bh_alloc(DRAWS, sizeof *r->weights);
    r->poly = bh_alloc(n, sizeof *r->poly);
    r->spread = bh_alloc(n, sizeof *r->spread);
    r->places = bh_alloc(n, sizeof *r->places);
    r->ciphertext = bh_alloc(bh_he_poly_bytes(r->he), 1);
    r->bytes = bh_alloc(bh_he_answer_bytes(r->he, n, T_BITS), 1);
    r->posterior = (bh_int_posterior){.n_weights = DRAWS,
                                      .weight_mean = r->zeros,
                                      .weight_dev = r->zeros,
                                      .w_max = BH_WEIGHT_MAX};
    return r->values != NULL && r->message != NULL && r->scratch != NULL &&
                   r->zeros != NULL && r->weights != NULL && r->poly != NULL &&
                   r->spread != NULL && r->places != NULL && r->ciphertext != NULL &&
                   r->bytes != NULL
               ? BH_OK
               : BH_ERR_NOMEM;
}

static bh_status make_keys(rig *r)
{
    const uint8_t transcript[32] = {0};
    bh_status status = bh_uniform_init(&r->uniform, transcript, r->seed);
    if (status == BH_OK) {
        status = bh_secret_key_new(&r->sk, r->he);
    }
    if (status == BH_OK) {
        status = bh_public_key_make(r->sk, r->ciphertext, &r->uniform);
    }
    if (status == BH_OK) {
        status = bh_public_key_load(&r->pk, r->he, r->ciphertext, &r->uniform);
    }
    if (status == BH_OK) {
        status = bh_answer_keys_init(&r->keys, r->seed);
    }
    if (status == BH_OK) {
        status = bh_workspace_new(&r->work, r->he);
    }
    for (uint32_t i = 0; i < UPLOADS && status == BH_OK; i++) {
        status = bh_upload_new(&r->uploads[i], r->he);
    }
    return status;
}

static bh_status rig_init(rig *r, bh_guard guard)
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
    return status == BH_OK ? make_keys(r) : status;
}

static void rig_clear(rig *r)
{
    for (uint32_t i = 0; i < UPLOADS; i++) {
        bh_upload_free(r->uploads[i]);
    }
    bh_workspace_free(r->work);
    bh_public_key_free(r->pk);
    bh_secret_key_free(r->sk);
    bh_free(r->bytes);
    bh_free(r->ciphertext);
    bh_free(r->places);
    bh_free(r->spread);
    bh_free(r->poly);
    bh_free(r->weights);
    bh_free(r->zeros);
    bh_free(r->scratch);
    bh_free(r->message);
    bh_free(r->values);
    bh_free(r->graph);
    bh_he_free(r->he);
}

bh_status bh_calibrate(bh_cost *cost, bh_guard guard, bh_clock clock, bh_error *err)
{
    rig r = {0};
    bh_cost measured = *cost;
    if (bh_guard_params(guard) == NULL) {
        return bh_fail(err, BH_ERR_PARAMS, "unknown guard %d", (int)guard);
    }
    bh_status status = rig_init(&r, guard);
    if (status == BH_OK) {
        status = measure(&measured, &r, clock);
    }
    rig_clear(&r);
    if (status != BH_OK) {
        return bh_fail(err, status, "measuring this machine: %s",
                       bh_status_message(status));
    }
    *cost = measured;
    return BH_OK;
}
