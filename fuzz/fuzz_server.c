// SPDX-License-Identifier: Apache-2.0
// A server that is sent arbitrary bytes. The model is the smallest possible one.
#include <stdlib.h>

#include "bayhenn/session.h"
#include "model/model.h"

static bh_service *service;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static bh_graph graph = {
        .name = "tiny", .dataset = "none", .n_layers = 1, .n_classes = 2};
    static const float input[4];
    bh_service_options options = {.guard = BH_GUARD_SAMPLED, .samples = 1};
    bh_model *model;
    (void)argc;
    (void)argv;
    graph.input = (bh_input){.shape = {1, 2, 2}, .dev = {1}};
    graph.layers[0] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 2};
    if (bh_graph_check(&graph, NULL) != BH_OK ||
        bh_model_new(&model, &graph) != BH_OK ||
        bh_model_quantise(model, input, 1, 8, 8, NULL) != BH_OK ||
        bh_service_new(&service, model, &options, NULL) != BH_OK) {
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bh_server *server;
    if (bh_server_new(&server, service) == BH_OK) {
        bh_status status = bh_server_feed(server, data, size, NULL);
        while (status == BH_OK) {
            status = bh_server_work(server, NULL);
        }
        bh_server_free(server);
    }
    return 0;
}
