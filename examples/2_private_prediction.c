// SPDX-License-Identifier: Apache-2.0
// Example 2: a private prediction between two engines in one process.
//
//     example_2_private_prediction models/lenet5-mnist.bhn
//
// The engines neither open sockets nor read files: this program moves their bytes, as a
// TLS connection or a browser would. Only public headers are used.
#include <bayhenn/session.h>
#include <stdio.h>
#include <stdlib.h>

static void check(bh_status status, const bh_error *err)
{
    if (status != BH_OK) {
        fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

// Carries bytes both ways until neither engine has anything to send.
static void carry(bh_client *client, bh_server *server)
{
    bh_error err = {BH_OK, "failed"};
    for (int moved = 1; moved;) {
        size_t up, down;
        const uint8_t *data = bh_client_output(client, &up);
        check(bh_server_feed(server, data, up, &err), &err);
        bh_client_sent(client, up);
        bh_status status = BH_OK;
        while (status == BH_OK) {
            status = bh_server_work(server, &err);
        }
        check(status == BH_WANT_MORE ? BH_OK : status, &err);
        data = bh_server_output(server, &down);
        check(bh_client_feed(client, data, down, &err), &err);
        bh_server_sent(server, down);
        moved = up > 0 || down > 0;
    }
}

// A ring of light: looks like a zero to a network that knows digits.
static void draw_ring(uint8_t *pixels, uint32_t height, uint32_t width)
{
    for (uint32_t i = 0; i < height; i++) {
        for (uint32_t j = 0; j < width; j++) {
            int y = (int)(2 * i) - (int)height, x = (int)(2 * j) - (int)width;
            int r = x * x + y * y;
            pixels[i * width + j] = r > 200 && r < 420 ? 255 : 0;
        }
    }
}

int main(int argc, char **argv)
{
    bh_error err = {BH_OK, "failed"};
    bh_model *model;
    bh_service *service;
    bh_server *server;
    bh_client *client;
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.bhn\n", argv[0]);
        return 2;
    }
    // The server's side.
    bh_service_options options = {.guard = BH_GUARD_SEALED, .samples = 8};
    check(bh_model_load(&model, argv[1], &err), &err);
    check(bh_service_new(&service, model, &options, &err), &err);
    check(bh_server_new(&server, service), &err);
    // The client's side.
    bh_client_options wishes = {.guard = BH_GUARD_SEALED};
    check(bh_client_new(&client, &wishes), &err);
    carry(client, server);
    // While there is no image yet: what a query takes and no image has a part in.
    check(bh_client_prepare(client, &err), &err);
    carry(client, server);

    bh_client_facts facts = bh_client_get_facts(client);
    uint8_t *pixels = calloc((size_t)facts.channels * facts.height, facts.width);
    if (pixels == NULL) {
        return 1;
    }
    draw_ring(pixels, facts.height, facts.width);
    check(bh_client_query(client, pixels, &err), &err);
    carry(client, server);

    bh_client_result result;
    check(bh_client_get_result(client, &result), &err);
    printf("class %u with probability %.3f, entropy %.3f, mutual information %.3f\n",
           result.prediction.label, result.probabilities[result.prediction.label],
           result.prediction.entropy, result.prediction.mutual_information);

    free(pixels);
    bh_client_free(client);
    bh_server_free(server);
    bh_service_free(service);
    bh_model_free(model);
    return 0;
}
