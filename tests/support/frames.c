// SPDX-License-Identifier: Apache-2.0
#include "support/frames.h"

#include <string.h>

#include "base/memory.h"
#include "support/random_model.h"

void frame_clear(frame *f)
{
    free(f->bytes);
    *f = (frame){0};
}

frame frames_take(session *s, bool from_client)
{
    size_t len;
    const uint8_t *data = from_client ? bh_client_output(s->client, &len)
                                      : bh_server_output(s->server, &len);
    if (len == 0) {
        return (frame){0};
    }
    assert_true(len >= BH_FRAME_HEADER_BYTES);
    bh_reader r = bh_reader_over(data, len);
    size_t whole = BH_FRAME_HEADER_BYTES + (size_t)bh_reader_u32(&r);
    assert_true(whole <= len);
    frame f = {from_client, (bh_frame_type)data[4], malloc(whole), whole};
    assert_non_null(f.bytes);
    memcpy(f.bytes, data, whole);
    if (from_client) {
        bh_client_sent(s->client, whole);
    } else {
        bh_server_sent(s->server, whole);
    }
    return f;
}

bh_status frames_give(session *s, bool to_server, const uint8_t *bytes, size_t len,
                      bh_error *err)
{
    return to_server ? session_serve(s, bytes, len, err)
                     : bh_client_feed(s->client, bytes, len, err);
}

frame frames_next(session *s, const uint8_t *pixels, uint32_t *queries)
{
    for (;;) {
        frame f = frames_take(s, true);
        if (f.bytes == NULL) {
            f = frames_take(s, false);
        }
        bool ready = bh_client_get_state(s->client) == BH_CLIENT_READY;
        if (f.bytes != NULL || *queries == 0 || !ready) {
            return f;
        }
        --*queries;
        assert_ok(bh_client_query(s->client, pixels, NULL));
    }
}

frame frames_until(session *s, bool from_client, size_t n, const uint8_t *pixels,
                   uint32_t queries)
{
    for (;;) {
        frame f = frames_next(s, pixels, &queries);
        if (f.bytes == NULL || (f.from_client == from_client && n-- == 0)) {
            return f;
        }
        assert_ok(frames_give(s, f.from_client, f.bytes, f.len, NULL));
        frame_clear(&f);
    }
}

void sealed_graph(bh_graph *g)
{
    *g = (bh_graph){.name = "sealed", .dataset = "none", .n_layers = 8, .n_classes = 3};
    g->input = (bh_input){.shape = {1, 8, 8}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){
        .kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[3] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 2,
                              .kernel_w = 2,
                              .stride = 1};
    g->layers[4] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[5] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2};
    g->layers[6] = (bh_layer){.kind = BH_LAYER_FLATTEN};
    g->layers[7] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
    assert_ok(bh_graph_check(g, NULL));
}

static bool can_serve(const bh_model *m, bh_service_options options)
{
    bh_service *service;
    options.reveal = BH_REVEAL_LABEL; // which asks for more
    bh_status status = bh_service_new(&service, m, &options, NULL);
    bh_service_free(service);
    assert_true(status == BH_OK || status == BH_ERR_RANGE);
    return status == BH_OK;
}

bh_model *sealed_model(test_rng *rng, const bh_service_options *options)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    sealed_graph(g);
    bh_model *m;
    for (m = random_model_of(rng, g); !can_serve(m, *options);
         m = random_model_of(rng, g)) {
        bh_model_free(m);
    }
    bh_free(g);
    return m;
}
