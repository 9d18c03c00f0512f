// SPDX-License-Identifier: Apache-2.0
// A server that is sent arbitrary bytes; under guard `sealed` what a client says,
// changed. The models are the smallest possible ones.
#include "sealed.h"

static bh_service *service;
static pair pairs[2];

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
        bh_model_new(&model, &graph, 1) != BH_OK ||
        bh_model_quantise(model, input, 1, 8, 8, NULL) != BH_OK ||
        bh_service_new(&service, model, &options, NULL) != BH_OK) {
        abort();
    }
    pairs[0].service = make_service(1e12, BH_REVEAL_LABEL);
    pairs[1].service = make_service(BH_LINK_BYTES_ONLY, BH_REVEAL_LOGITS);
    return 0;
}

static void feed(const uint8_t *data, size_t size)
{
    bh_server *server;
    if (bh_server_new(&server, service) == BH_OK) {
        bh_status status = bh_server_feed(server, data, size, NULL);
        while (status == BH_OK) {
            status = bh_server_work(server, NULL);
        }
        bh_server_free(server);
    }
}

// An input that does not begin with the length of a hello is one of `sealed`.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 3 && data[3] != 0) {
        converse(&pairs[data[3] % 2], true, (input){data + 4, size - 4});
    } else {
        feed(data, size);
    }
    return 0;
}
