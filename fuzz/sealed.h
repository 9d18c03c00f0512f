// SPDX-License-Identifier: Apache-2.0
// Both engines of a session under guard `sealed`, and what a fuzzer does to the frames
// that one of them sends: past a setup or a ciphertext nothing gets by chance.
#ifndef BH_FUZZ_SEALED_H
#define BH_FUZZ_SEALED_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bayhenn/session.h"
#include "model/model.h"

enum { FRAME_HEADER = 5, TURNS_MAX = 3, PIXELS = 4 };

// A session that is between two queries, or NULL.
typedef struct pair {
    bh_service *service;
    bh_client *client;
    bh_server *server;
} pair;

typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

static unsigned next_byte(input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

// Two linear layers with a ReLU in between.
static bh_service *make_service(double bytes_per_second, bh_reveal reveal)
{
    static bh_graph graph;
    static const float real[PIXELS] = {0, 1, 0.5f, 0.25f};
    const bh_service_options options = {.guard = BH_GUARD_SEALED,
                                        .samples = 1,
                                        .reveal = reveal,
                                        .ahead = 2,
                                        .link = {bytes_per_second, 0}};
    bh_model *model; // the service borrows it, to the end of the program
    bh_service *service;
    graph =
        (bh_graph){.name = "tiny", .dataset = "none", .n_layers = 3, .n_classes = 2};
    graph.input = (bh_input){.shape = {1, 2, 2}, .dev = {1}};
    graph.layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
    graph.layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    graph.layers[2] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2};
    if (bh_graph_check(&graph, NULL) != BH_OK ||
        bh_model_new(&model, &graph, 1) != BH_OK) {
        abort();
    }
    for (uint32_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < bh_model_posterior(model, 0, i)->n_weights; k++) {
            bh_model_posterior(model, 0, i)->mean[k] = (float)((int)(k % 5) - 2) / 4;
        }
    }
    if (bh_model_quantise(model, real, 1, 8, 8, NULL) != BH_OK ||
        bh_service_new(&service, model, &options, NULL) != BH_OK) {
        abort();
    }
    return service;
}

static void close_pair(pair *p)
{
    bh_client_free(p->client);
    bh_server_free(p->server);
    p->client = NULL;
    p->server = NULL;
}

static void open_pair(pair *p)
{
    const bh_client_options options = {.guard_min = BH_GUARD_SEALED};
    if (bh_server_new(&p->server, p->service) != BH_OK ||
        bh_client_new(&p->client, &options) != BH_OK) {
        abort();
    }
}

// The next frame of one side, in memory of its own; NULL: it is silent.
static uint8_t *take(pair *p, bool from_client, size_t *len)
{
    size_t waiting;
    const uint8_t *out = from_client ? bh_client_output(p->client, &waiting)
                                     : bh_server_output(p->server, &waiting);
    if (waiting < FRAME_HEADER) {
        return NULL;
    }
    *len = FRAME_HEADER + (out[0] | (size_t)out[1] << 8 | (size_t)out[2] << 16);
    uint8_t *frame = malloc(*len);
    memcpy(frame, out, *len);
    if (from_client) {
        bh_client_sent(p->client, *len);
    } else {
        bh_server_sent(p->server, *len);
    }
    return frame;
}

static bh_status give(pair *p, bool to_server, const uint8_t *bytes, size_t len)
{
    if (!to_server) {
        return bh_client_feed(p->client, bytes, len, NULL);
    }
    bh_status status = bh_server_feed(p->server, bytes, len, NULL);
    while (status == BH_OK) {
        status = bh_server_work(p->server, NULL);
    }
    return status == BH_WANT_MORE ? BH_OK : status;
}

// As the input says: as it is, some bytes changed, another payload, another header.
static void change(uint8_t *frame, size_t len, input *in)
{
    unsigned how = next_byte(in) % 4;
    size_t at = FRAME_HEADER, n = len - FRAME_HEADER;
    if (how == 1) {
        at = next_byte(in);
        at = FRAME_HEADER + (at | (size_t)next_byte(in) << 8) % n;
        n = next_byte(in) % 16;
    } else if (how == 3) {
        at = 0;
        n = FRAME_HEADER;
    }
    for (size_t i = 0; how != 0 && i < n && at + i < len && in->size > 0; i++) {
        frame[at + i] =
            (uint8_t)(how == 1 ? frame[at + i] ^ next_byte(in) : next_byte(in));
    }
}

// Begins to prepare, or a query, where both are silent; false: there is no more to do.
static bool begin(pair *p, unsigned *turns, input *in)
{
    const uint8_t pixels[PIXELS] = {1, 2, 3, 255};
    if (bh_client_get_state(p->client) != BH_CLIENT_READY || ++*turns > TURNS_MAX) {
        return false;
    }
    bh_status status = next_byte(in) % 2 == 0 ? bh_client_query(p->client, pixels, NULL)
                                              : bh_client_prepare(p->client, NULL);
    return status == BH_OK;
}

// A conversation in which the frames of one side are changed, from the setup on or
// between two queries of a session that has served before.
static void converse(pair *p, bool from_client, input in)
{
    if (next_byte(&in) % 8 == 0 || p->client == NULL) {
        close_pair(p);
        open_pair(p);
    }
    bool failed = false;
    for (unsigned turns = 0; !failed;) {
        bool client = true;
        size_t len;
        uint8_t *frame = take(p, true, &len);
        if (frame == NULL) {
            client = false;
            frame = take(p, false, &len);
        }
        if (frame == NULL) {
            if (!begin(p, &turns, &in)) {
                break;
            }
            continue;
        }
        if (client == from_client) {
            change(frame, len, &in);
        }
        failed = give(p, client, frame, len) != BH_OK;
        free(frame);
    }
    if (failed || bh_client_get_state(p->client) != BH_CLIENT_READY ||
        bh_client_prepared(p->client) > 0) {
        close_pair(p);
    }
}

#endif
