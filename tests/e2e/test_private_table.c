// SPDX-License-Identifier: Apache-2.0
// Rows of a table: what a client makes of them by the manifest alone is what the
// server's side would, and a whole query of one is exact.
#include <string.h>

#include "base/memory.h"
#include "model/input.h"
#include "support/exact.h"
#include "support/random_model.h"

enum { COLUMNS = 5, SAMPLES = 3 };

static bh_model *table_model(test_rng *rng)
{
    static bh_graph g;
    bh_input input = {.shape = {1, 1, COLUMNS},
                      .mean = {BH_COLUMN_PIXEL_MEAN},
                      .dev = {BH_COLUMN_PIXEL_DEV},
                      .n_columns = COLUMNS,
                      .column_mean = {0, 1e6f, -3, 0.001f, 40},
                      .column_dev = {1, 1e5f, 0.5f, 0.001f, 12}};
    assert_ok(bh_graph_make(&g, "mlp:5x16x2", input, 2, NULL));
    return random_model_of(rng, &g);
}

static void test_row(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("row");
    bh_model *m = table_model(&rng);
    const bh_input *in = &m->graph.input;
    session s;
    uint8_t pixels[COLUMNS];
    float row[COLUMNS];
    session_connect(&s, m, SAMPLES, SIZE_MAX);
    bh_client_facts facts = bh_client_get_facts(s.client);
    assert_int_equal(facts.columns, COLUMNS);
    assert_int_equal(facts.width, COLUMNS);
    for (int trial = 0; trial < 10; trial++) {
        for (uint32_t j = 0; j < COLUMNS; j++) {
            float z = (float)test_rng_range(&rng, -5000, 5000) / 1000;
            row[j] = in->column_mean[j] + z * in->column_dev[j];
        }
        assert_ok(bh_client_encode_row(s.client, pixels, row, COLUMNS, NULL));
        for (uint32_t j = 0; j < COLUMNS; j++) {
            assert_int_equal(pixels[j], bh_column_pixel(in, j, row[j]));
        }
        assert_true(exact_query(&s, m, pixels, SIZE_MAX) > 0);
    }
    session_end(&s);
    bh_model_free(m);
}

static void test_refused(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("refused");
    bh_model *m = table_model(&rng);
    session s = {0};
    bh_error err = {0};
    uint8_t pixels[COLUMNS];
    const float row[COLUMNS + 1] = {0};
    assert_ok(session_start(&s, m, SAMPLES, NULL));
    assert_status(bh_client_encode_row(s.client, pixels, row, COLUMNS, &err),
                  BH_ERR_STATE);
    assert_int_equal(bh_client_get_facts(s.client).columns, 0);
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    for (int i = -1; i <= 1; i += 2) {
        assert_status(
            bh_client_encode_row(s.client, pixels, row, (size_t)(COLUMNS + i), &err),
            BH_ERR_ARG);
        assert_non_null(strstr(err.message, "the model takes 5"));
    }
    session_end(&s);
    bh_model_free(m);
    do {
        m = random_model(&rng);
        if (m->graph.input.n_columns > 0) {
            bh_model_free(m);
            m = NULL;
        }
    } while (m == NULL);
    session_connect(&s, m, SAMPLES, SIZE_MAX);
    assert_status(bh_client_encode_row(s.client, pixels, row, COLUMNS, &err),
                  BH_ERR_ARG);
    assert_string_equal(err.message, "the model takes images, not rows of a table");
    session_end(&s);
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
