// SPDX-License-Identifier: Apache-2.0
// Encrypted inference equals clear integer inference with the same drawn weights, bit
// for bit, for random models of many shapes.
#include "base/hooks.h"
#include "base/memory.h"
#include "support/exact.h"
#include "support/random_model.h"
#include "support/test.h"

#define MODELS 60

static void test_random_models(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random models");
    size_t compared = 0;
    for (int i = 0; i < MODELS; i++) {
        bh_model *m = random_model(&rng);
        session pair;
        uint32_t samples = (uint32_t)test_rng_range(&rng, 1, 4);
        uint8_t *pixels = bh_alloc(bh_shape_len(m->graph.input.shape), 1);
        session_connect(&pair, m, samples, 65536);
        for (int query = 0; query < 2; query++) {
            random_pixels(&rng, pixels, &m->graph);
            compared += exact_query(&pair, m, pixels, 65536);
        }
        session_end(&pair);
        bh_free(pixels);
        bh_model_free(m);
    }
    printf("%d models, %zu outputs of linear layers equal\n", MODELS, compared);
}

// An image that is larger than a polynomial: 6,400 pixels in tiles that overlap.
static void test_tiles(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("tiles");
    bh_graph *g = bh_alloc(1, sizeof *g);
    *g = (bh_graph){.name = "tiles", .n_layers = 4, .n_classes = 3};
    g->input = (bh_input){.shape = {1, 80, 80}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 5,
                              .kernel_w = 3,
                              .stride = 1,
                              .pad = 1};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){
        .kind = BH_LAYER_AVG_POOL, .kernel_h = 8, .kernel_w = 8, .stride = 8};
    g->layers[3] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
    assert_ok(bh_graph_check(g, NULL));
    bh_model *m = random_model_of(&rng, g);
    uint8_t *pixels = bh_alloc(6400, 1);
    session s;
    random_pixels(&rng, pixels, g);
    session_connect(&s, m, 2, 65536);
    size_t compared = exact_query(&s, m, pixels, 65536);
    printf("tiles: %zu outputs equal\n", compared);
    assert_true(compared > 2 * 2 * 78 * 80);
    session_end(&s);
    bh_free(pixels);
    bh_model_free(m);
    bh_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_models),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
