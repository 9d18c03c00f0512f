// SPDX-License-Identifier: Apache-2.0
#include "support/bars.h"

#include <string.h>

#include "base/memory.h"
#include "model/input.h"

bh_images bars_images(size_t count, uint64_t seed)
{
    test_rng rng = {seed};
    bh_images images = {.count = count, .shape = {1, BARS_SIDE, BARS_SIDE}};
    images.pixels = bh_alloc(count, (size_t)BARS_SIDE * BARS_SIDE);
    images.labels = bh_alloc(count, 1);
    assert_true(images.pixels != NULL && images.labels != NULL);
    uint8_t *pixel = images.pixels;
    for (size_t i = 0; i < count; i++) {
        images.labels[i] = (uint8_t)test_rng_below(&rng, BARS_CLASSES);
        for (size_t j = 0; j < (size_t)BARS_SIDE * BARS_SIDE; j++) {
            const bool bar = j % BARS_SIDE / 2 == images.labels[i];
            *pixel++ = (uint8_t)((bar ? 120 : 0) + test_rng_below(&rng, 120));
        }
    }
    return images;
}

bh_images bars_noise(size_t count, uint64_t seed)
{
    bh_images images = bars_images(count, seed);
    test_rng rng = {seed + 1};
    for (size_t i = 0; i < count; i++) {
        images.labels[i] = (uint8_t)test_rng_below(&rng, BARS_CLASSES);
    }
    return images;
}

bh_model *bars_model(const char *net, uint32_t members)
{
    bh_graph g;
    bh_model *m;
    const bh_input input = {.shape = {1, BARS_SIDE, BARS_SIDE}, .dev = {1}};
    assert_ok(bh_graph_from_text(&g, net, "bars", input, BARS_CLASSES, NULL));
    assert_ok(bh_model_new(&m, &g, members));
    return m;
}

bool bars_same_member(const bh_model *a, uint32_t member_a, const bh_model *b,
                      uint32_t member_b)
{
    bool same = true;
    for (uint32_t i = 0; i < bh_graph_linear_count(&a->graph); i++) {
        const bh_posterior *p = bh_model_posterior(a, member_a, i);
        const bh_posterior *q = bh_model_posterior(b, member_b, i);
        const size_t bytes = (p->n_weights + p->n_bias) * sizeof(float);
        same = same && memcmp(p->mean, q->mean, bytes) == 0;
        same = same && memcmp(p->dev, q->dev, bytes) == 0;
    }
    return same;
}

bool bars_same(const bh_model *a, const bh_model *b)
{
    bool same = a->members == b->members;
    for (uint32_t k = 0; k < a->members && same; k++) {
        same = bars_same_member(a, k, b, k);
    }
    return same;
}

double bars_accuracy(const bh_model *m, const bh_images *images)
{
    enum { DRAWS = 8 };
    const size_t len = bh_shape_len(images->shape);
    double logits[DRAWS * BARS_CLASSES], p[BARS_CLASSES];
    float input[BARS_SIDE * BARS_SIDE];
    size_t hits = 0;
    for (size_t i = 0; i < images->count; i++) {
        const uint8_t seed[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        bh_normalise_pixels(&m->graph, input, images->pixels + i * len);
        assert_ok(bh_model_infer_clear(m, logits, input, DRAWS, seed));
        hits += bh_predict_from_logits(p, logits, DRAWS, BARS_CLASSES).label ==
                images->labels[i];
    }
    return (double)hits / (double)images->count;
}
