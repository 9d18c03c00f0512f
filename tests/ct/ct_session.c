// SPDX-License-Identifier: Apache-2.0
// Whole queries between two engines with the server's posterior and the client's pixels
// marked as secret (keys, errors, masks and seeds are marked where they are born): to a
// tool (tool.h) a branch or an address that depends on any of them is an error.
//
//   ct_session portable | avx2 | avx512
//
// One query with everything made when it is due, and one with work made ahead.
#include <math.h>

#include "base/memory.h"
#include "base/secret.h"
#include "bayhenn/session.h"
#include "model/draw.h"
#include "model/input.h"
#include "model/model.h"
#include "protocol/service.h"
#include "tool.h"

static int fail(const char *what, const bh_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

// Every kind of layer: conv2d, ReLU, max-pool, conv2d, square, average-pool, flatten,
// fc.
static void describe(bh_graph *g)
{
    *g = (bh_graph){.name = "ct", .dataset = "none", .n_layers = 8, .n_classes = 3};
    g->input =
        (bh_input){.shape = {1, 12, 12}, .normalise = BH_NORMALISE_IMAGE, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 3,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1,
                              .pad = 1};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){
        .kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[3] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1};
    g->layers[4] = (bh_layer){.kind = BH_LAYER_SQUARE};
    g->layers[5] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[6] = (bh_layer){.kind = BH_LAYER_FLATTEN};
    g->layers[7] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
}

static bh_status make_model(bh_model **out, float *input, bh_error *err)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    describe(g);
    bh_status status = bh_graph_check(g, err);
    status = status == BH_OK ? bh_model_new(out, g, 1) : status;
    bh_free(g);
    for (uint32_t i = 0; status == BH_OK && i < 3; i++) {
        bh_posterior *p = bh_model_posterior(*out, 0, i);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] = (float)((int)(k * 7 % 11) - 5) / 20;
            p->dev[k] = 0.02f;
        }
    }
    for (size_t k = 0; k < 144; k++) {
        input[k] = (float)(k % 13) / 13;
    }
    return status == BH_OK ? bh_model_quantise(*out, input, 1, 8, 8, err) : status;
}

static void hide_weights(bh_model *m)
{
    for (uint32_t i = 0; i < 3; i++) {
        bh_int_posterior *p = bh_model_integer(m, 0, i);
        BH_SECRET(p->weight_mean, p->n_weights * sizeof *p->weight_mean);
        BH_SECRET(p->weight_dev, p->n_weights * sizeof *p->weight_dev);
        BH_SECRET(p->bias_mean, p->n_bias * sizeof *p->bias_mean);
        BH_SECRET(p->bias_dev, p->n_bias * sizeof *p->bias_dev);
    }
}

static bh_status carry(bh_client *client, bh_server *server, bh_error *err)
{
    bh_status status = BH_OK;
    for (int moved = 1; moved && status == BH_OK;) {
        size_t up, down = 0;
        const uint8_t *data = bh_client_output(client, &up);
        status = bh_server_feed(server, data, up, err);
        bh_client_sent(client, up);
        while (status == BH_OK) {
            status = bh_server_work(server, err);
        }
        if (status == BH_WANT_MORE) {
            data = bh_server_output(server, &down);
            status = bh_client_feed(client, data, down, err);
            bh_server_sent(server, down);
        }
        moved = up > 0 || down > 0;
    }
    return status;
}

// Draws are secret by their stream alone, while the posterior is still public.
static void look_at_draws(const bh_model *m)
{
    const bh_int_posterior *p = bh_model_integer(m, 0, 0);
    uint8_t seed[BH_SEED_BYTES];
    int32_t weights[64], bias[8];
    tool_check(p->n_weights <= 64 && p->n_bias <= 8, "room for the first layer");
    tool_check(bh_random_bytes(seed, sizeof seed) == BH_OK &&
                   bh_draw_layer(p, weights, bias, seed, 0, 0) == BH_OK,
               "draws");
    tool_check(TOOL_ALL(weights, p->n_weights) && TOOL_ALL(bias, p->n_bias),
               "drawn weights are marked");
}

// Rows of a table (the other normalisation is ct_sealed's), numbers among them that
// processors are slow with.
static void look_at_columns(void)
{
    static bh_input table = {.n_columns = 1, .column_mean = {3}, .column_dev = {2}};
    enum { N = 5 };
    float values[N] = {4.5f, 1e-42f, -1e30f, NAN, INFINITY};
    uint8_t pixels[N];
    BH_SECRET(values, sizeof values);
    for (size_t i = 0; i < N; i++) {
        pixels[i] = bh_column_pixel(&table, 0, values[i]);
    }
    // The others are clamped to 0 or 255: MemorySanitizer sees no mark in a sign that
    // is a subtraction's borrow, and what the mask of such a sign makes a constant is
    // public to it.
    tool_check(TOOL_ALL(pixels, 1), "a pixel of a row is marked");
}

// As much as there is room for, at least one unit of each layer.
static void make_ahead(const bh_service *service)
{
    while (bh_service_prepare(service) == BH_OK) {
    }
    for (uint32_t i = 0; i < 3; i++) {
        tool_check(bh_store_ready(service->store, i) > 0, "a unit was made ahead");
    }
}

static int query(const bh_model *model, const bh_service_options *options)
{
    bh_error err = {0};
    bh_service *service;
    bh_server *server;
    bh_client *client;
    bh_client_result result;
    uint8_t pixels[144] = {1, 2, 3};
    bh_client_options client_options = {.guard = BH_GUARD_SAMPLED};
    if (bh_service_new(&service, model, options, &err) != BH_OK) {
        return fail("service", &err);
    }
    if (service->store != NULL) {
        make_ahead(service);
    }
    BH_SECRET(pixels, sizeof pixels);
    if (bh_server_new(&server, service) != BH_OK ||
        bh_client_new(&client, &client_options) != BH_OK ||
        carry(client, server, &err) != BH_OK ||
        bh_client_query(client, pixels, &err) != BH_OK ||
        carry(client, server, &err) != BH_OK ||
        bh_client_get_result(client, &result) != BH_OK) {
        return fail("session", &err);
    }
    printf("class %u after %u rounds\n", result.prediction.label, result.rounds);
    for (uint32_t i = 0; i < 3 && service->store != NULL; i++) {
        tool_check(bh_store_ready(service->store, i) == 0, "the units were used");
    }
    bh_client_free(client);
    bh_server_free(server);
    bh_service_free(service);
    return 0;
}

int main(int argc, char **argv)
{
    bh_error err = {0};
    bh_model *model;
    float input[144];
    bh_service_options options = {.guard = BH_GUARD_SAMPLED, .samples = 2};
    tool_check(argc == 2, "usage: ct_session LEVEL");
    tool_begin(argv[1]);
    if (make_model(&model, input, &err) != BH_OK) {
        return fail("model", &err);
    }
    look_at_draws(model);
    look_at_columns();
    hide_weights(model);
    int failed = query(model, &options);
    options.prepare_bytes = UINT64_C(1) << 20;
    failed = failed || query(model, &options);
    bh_model_free(model);
    return failed;
}
