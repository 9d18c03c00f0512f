// SPDX-License-Identifier: Apache-2.0
// A whole query between two engines with the server's posterior and the client's pixels
// marked as secret (keys, errors, masks and seeds are marked where they are born):
// under valgrind a branch or an address that depends on any of them is an error.
#include <stdio.h>

#include "base/memory.h"
#include "base/secret.h"
#include "bayhenn/session.h"
#include "model/draw.h"
#include "model/model.h"

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
    g->input = (bh_input){.shape = {1, 12, 12}, .dev = {1}};
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
    status = status == BH_OK ? bh_model_new(out, g) : status;
    bh_free(g);
    for (uint32_t i = 0; status == BH_OK && i < 3; i++) {
        bh_posterior *p = &(*out)->posterior[i];
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
        bh_int_posterior *p = &m->integer[i];
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

int main(void)
{
    bh_error err = {0};
    bh_model *model;
    bh_service *service;
    bh_server *server;
    bh_client *client;
    bh_client_result result;
    float input[144];
    uint8_t pixels[144] = {1, 2, 3};
    bh_service_options options = {.guard = BH_GUARD_SAMPLED, .samples = 2};
    bh_client_options client_options = {.guard_min = BH_GUARD_SAMPLED};
    if (make_model(&model, input, &err) != BH_OK ||
        bh_service_new(&service, model, &options, &err) != BH_OK) {
        return fail("model", &err);
    }
    hide_weights(model);
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
    bh_client_free(client);
    bh_server_free(server);
    bh_service_free(service);
    bh_model_free(model);
    return 0;
}
