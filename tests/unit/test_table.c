// SPDX-License-Identifier: Apache-2.0
// Tables, good and bad, and what becomes of their numbers.
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "support/faults.h"
#include "support/files.h"

static char last_skipped[256];

static void on_skipped(void *user, const char *sentence)
{
    (void)user;
    snprintf(last_skipped, sizeof last_skipped, "%s", sentence);
}

static const bh_dataset_options lenient = {.on_skipped = on_skipped};

static bh_dataset load(const char *text, const char *label)
{
    bh_dataset data;
    bh_error err = {0};
    bh_dataset_options options = {.label = label, .on_skipped = on_skipped};
    files_text("t.csv", text);
    if (bh_dataset_load(&data, files_at("t.csv"), &options, &err) != BH_OK) {
        fail_msg("%s\n%s", err.message, text);
    }
    return data;
}

static void refused(const char *text, const char *label, const char *part)
{
    bh_dataset data;
    bh_error err = {0};
    bh_dataset_options options = {.label = label, .strict = true};
    size_t live = bh_hooks_get()->live_blocks;
    files_text("t.csv", text);
    assert_status(bh_dataset_load(&data, files_at("t.csv"), &options, &err),
                  BH_ERR_ENCODING);
    if (strstr(err.message, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, err.message);
    }
    assert_true(test_is_zero(&data, sizeof data));
    assert_int_equal(bh_hooks_get()->live_blocks, live);
}

// Compares with values in rows, and labels as digits; clears the data.
static void check(bh_dataset data, uint32_t columns, const float *values,
                  const char *labels)
{
    size_t count = strlen(labels);
    assert_int_equal(data.images.count, count);
    assert_int_equal(data.images.shape.channels, 1);
    assert_int_equal(data.images.shape.height, 1);
    assert_int_equal(data.images.shape.width, columns);
    assert_memory_equal(data.values, values, count * columns * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(data.images.labels[i], labels[i] - '0');
    }
    assert_null(data.images.pixels);
    assert_null(data.split);
    bh_dataset_clear(&data);
}

static void test_plain(void **state)
{
    (void)state;
    const float values[] = {1.5f, -2, 3e-3f, 4, 5, 6};
    check(load("1.5,-2,0\n3e-3,4,1\n5,6,2\n", NULL), 2, values, "012");
    check(load("a,b,c\r\n1.5,-2,0\r\n\r\n 3e-3 ,\t4,1\r\n5,6,2", NULL), 2, values,
          "012");
    check(load("\xef\xbb\xbf"
               "c,a,b\n0,1.5,-2\n1,3e-3,4\n2,5,6\n",
               "c"),
          2, values, "012");
    check(load("\"a\",\"c\",b\n\"1.5\",0,-2\n3e-3,1,\"4\"\n5,2 ,6\n", "c"), 2, values,
          "012");
    const char *text = "1.5,-2,0\n3e-3,4,1\n5,6,2\n";
    bh_dataset data;
    files_write_gzip("u.csv.gz", text, strlen(text));
    files_write_xz("u.CSV.XZ", text, strlen(text));
    const char *const names[] = {"u.csv.gz", "u.CSV.XZ"};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(bh_dataset_load(&data, files_at(names[i]), &lenient, NULL));
        assert_int_equal(data.n_classes, 3);
        assert_string_equal(data.class_names[1], "");
        assert_int_equal(data.skipped, 0);
        check(data, 2, values, "012");
    }
}

static void test_classes(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3, 4};
    static const struct {
        const char *text, *labels, *names[3];
        uint32_t n_classes;
    } cases[] = {
        {"x,y\n1,sick\n2,Well\n3,sick\n4,other", "2021", {"Well", "other", "sick"}, 3},
        {"x,y\n1,\"a,\"\"b\"\"\"\n2,a\n3,a\n4,\"a\"", "1000", {"a", "a,\"b\""}, 2},
        {"1,0\n2,3\n3,3\n4,0", "0330", {"", "", ""}, 4},
        {"1,2\n2,10\n3,4\n4,2", "0210", {"2", "4", "10"}, 3},
        {"1,-1\n2,1\n3,1.0\n4,-1e0", "0110", {"-1", "1"}, 2},
        {"1,0.0\n2,1.0\n3,1\n4,0", "0110", {"", ""}, 2},
        {"x,y\n1,1\n2,b\n3,a\n4,1", "0210", {"1", "a", "b"}, 3},
        {"4,1,low,high\n1,1\n2,0\n3,0\n4,1", "1001", {"low", "high"}, 2},
        {"4,1,low,mid,high\n1,1\n2,0\n3,0\n4,1", "1001", {"low", "mid", "high"}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bh_dataset data = load(cases[i].text, NULL);
        assert_int_equal(data.n_classes, cases[i].n_classes);
        for (uint32_t k = 0; k < 3 && cases[i].names[k] != NULL; k++) {
            assert_string_equal(data.class_names[k], cases[i].names[k]);
        }
        check(data, 1, values, cases[i].labels);
    }
}

static void test_groups(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3, 4};
    static const char *const texts[] = {
        "x,Patient,y\n1,P2,0\n2,P1,1\n3,P2,1\n4,P10,0",
        "GROUP,x,y\n7b,1,0\n6 a,2,1\n7b,3,1\n66,4,0",
        "x,y,group\n1,0,c\n2,1,a\n3,1,c\n4,0,b", // the class is the last but the group
        "patient_id,x,y\n12,1,0\n10,2,1\n12,3,1\n11,4,0",
        "x,y,Of Patient\n1,0,12\n2,1,10\n3,1,12\n4,0,11"};
    const uint32_t groups[] = {2, 0, 2, 1};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bh_dataset data = load(texts[i], NULL);
        assert_int_equal(data.n_groups, 3);
        assert_memory_equal(data.group, groups, sizeof groups);
        check(data, 1, values, "0110");
    }
    // The exact name counts, and the class that is asked for is no group.
    check(load("patients,x,group\n0,1,a\n1,2,b\n1,3,c\n0,4,d", "patients"), 1, values,
          "0110");
    bh_dataset data = load("patients,Group,x,y\n5,a,1,0\n6,a,2,1\n", NULL);
    assert_int_equal(data.n_groups, 1);
    assert_int_equal(data.images.shape.width, 2);
    bh_dataset_clear(&data);
    data = load("x,patient_died\n1,0\n2,1\n", "patient_died");
    assert_null(data.group);
    bh_dataset_clear(&data);
    data = load("x,groups,y\n1,5,0\n2,6,1\n", NULL); // of no patients
    assert_null(data.group);
    assert_int_equal(data.images.shape.width, 2);
    bh_dataset_clear(&data);
}

static void test_broken_rows(void **state)
{
    (void)state;
    static const struct {
        const char *row, *problem;
    } cases[] = {
        {",2,a", "column \"u\" is missing"},
        {"1,NA,a", "column \"v\" is missing"},
        {"nan,2,a", "column \"u\" is missing"},
        {"1,2,", "column \"y\" is missing"},
        {"1,2", "it has 2 columns, not 3"},
        {"1,2,a,", "it has 4 columns, not 3"},
        {"1,two,a", "column \"v\" is no number"},
        {"1,2 3,a", "column \"v\" is no number"},
        {"1,0x10,a", "column \"v\" is no number"},
        {"1,inf,a", "column \"v\" is no number"},
        {"1,1e999,a", "column \"v\" is no number"},
        {"1,1.1e30,a", "column \"v\" is out of range"},
        {"-1e31,1,a", "column \"u\" is out of range"},
    };
    char text[128];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "u,v,y\n\n1,2,b\n%s\n3,4,c\n", cases[i].row);
        refused(text, NULL, cases[i].problem);
        refused(text, NULL, "line 4 of");
        bh_dataset data = load(text, NULL);
        assert_int_equal(data.skipped, 1);
        assert_int_equal(data.n_classes, 2);
        assert_non_null(strstr(last_skipped, cases[i].problem));
        check(data, 2, (float[]){1, 2, 3, 4}, "01");
    }
    bh_dataset data = load("u,y\n1,\"a\nb\"\nx,a\n", NULL); // a field of two lines
    assert_non_null(strstr(last_skipped, "line 4 of"));
    bh_dataset_clear(&data);
    assert_status(bh_dataset_load(&data, files_at("missing.csv"), &lenient, NULL),
                  BH_ERR_IO);
    files_text("t.csv", "u,v,y\nx,1,a\ny,2,b\n");
    bh_error err;
    assert_status(bh_dataset_load(&data, files_at("t.csv"), &lenient, &err),
                  BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "nothing in"));
    assert_non_null(strstr(err.message, "line 3 of"));
}

static void test_broken_tables(void **state)
{
    (void)state;
    static char wide[8192], tall[8192];
    refused("", NULL, "no rows");
    refused("\n\r\n\n", NULL, "no rows");
    refused("a,b,c\n", NULL, "no rows");
    refused("a\n1\n2\n", NULL, "has 1 columns");
    refused("x,group\n1,2\n", NULL, "has 2 columns");
    refused("group\n1\n", NULL, "has 1 columns");
    refused("1,2\n3,4\n", "y", "no line with the names of columns");
    refused("a,b\n3,4\n", "y", "no column \"y\"");
    refused("a,b\n1,\"2\n", NULL, "quotes of line 2");
    refused("a,b\n1,\"2\"3\n", NULL, "quotes of line 2");
    refused("1,0.5\n2,1.5\n", NULL, "not whole");
    refused("1,0\n2,256\n", NULL, "larger than the number of classes");
    refused("2,1,no,yes\n1,0\n2,2\n", NULL, "larger than the number of classes");
    refused("2,1,no,yes\n1,0\n2,-1\n", NULL, "does not number them");
    refused("3,1,no,yes\n1,0\n2,1\n", NULL, "2 rows, and its first line says 3");
    refused("2,2,no,yes\n1,0\n2,1\n", NULL, "it has 2 columns, not 3");
    refused("x,y\n1,01234567890123456789012345678901\n2,b\n", NULL, "31 bytes");
    for (int i = 0; i < 257; i++) {
        sprintf(tall + strlen(tall), "%d,%d\n", i, 1 + i);
    }
    refused(tall, NULL, "more than 256 different values");
    for (int i = 0; i < 513; i++) {
        sprintf(wide + strlen(wide), "%d,", i);
    }
    strcat(wide, "0\n");
    refused(wide, NULL, "has 514 columns");
    memmove(wide, strchr(wide, ',') + 1, sizeof wide - 8);
    bh_dataset data = load(wide, NULL);
    assert_int_equal(data.images.shape.width, 512);
    bh_dataset_clear(&data);
    for (int i = 0; i < 20; i++) {
        memmove(wide + 2, wide, strlen(wide) + 1);
        memcpy(wide, "1,", 2);
    }
    refused(wide, NULL, "line 1 has more than 520 columns");
    files_write("z.csv", "1,2\n3,4\0,5\n", 11);
    bh_error err;
    assert_status(bh_dataset_load(&data, files_at("z.csv"), &lenient, &err),
                  BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "it is not text"));
}

static void on_free(void *user, const uint8_t *data, size_t len)
{
    size_t *largest = user;
    (void)data;
    *largest = len > *largest ? len : *largest;
}

// A row of many columns and 31,000 broken ones: no block is much larger than the file.
static void test_memory(void **state)
{
    (void)state;
    static char text[64000];
    bh_hooks *hooks = bh_hooks_get();
    size_t largest = 0;
    for (int i = 0; i < 511; i++) {
        memcpy(text + 2 * i, "1,", 2);
    }
    memcpy(text + 1022, "1\n", 2);
    for (size_t i = 1024; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "x\n", 2);
    }
    hooks->on_free = on_free;
    hooks->user = &largest;
    bh_dataset data = load(text, NULL);
    assert_int_equal(data.images.count, 1);
    assert_true(data.skipped > 30000);
    bh_dataset_clear(&data);
    hooks->on_free = NULL;
    assert_in_range(largest, sizeof text, 3 * sizeof text);
}

static void test_columns(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("columns");
    enum { ROWS = 60 };
    char text[ROWS * 64] = "";
    for (int i = 0; i < ROWS; i++) {
        sprintf(text + strlen(text), "%.9g,7.7,%.9g,%d\n",
                1e4 + (double)test_rng_below(&rng, 1000) / 1000,
                -1e-3 * (double)test_rng_below(&rng, 1000), i % 2);
    }
    bh_dataset data = load(text, NULL);
    bh_cut cut = {.folds = 3, .fold = 2, .seed = test_rng_next(&rng)};
    bh_input input = {.n_columns = 2};
    bh_images train, unused;
    bh_error err;
    assert_status(bh_dataset_take(&train, &data, &cut, BH_SPLIT_TRAIN, &err),
                  BH_ERR_ARG);
    assert_non_null(strstr(err.message, "not encoded"));
    assert_status(bh_dataset_encode(&data, &input, &err), BH_ERR_ARG);
    assert_non_null(strstr(err.message, "3 columns"));
    assert_ok(bh_dataset_fit_columns(&input, &data, &cut, NULL));
    assert_int_equal(input.n_columns, 3);
    assert_int_equal(input.shape.width, 3);
    assert_true(input.mean[0] == 0.5f && input.dev[0] == 0.125f);
    assert_true(input.column_mean[1] == 7.7f && input.column_dev[1] == 1);
    assert_ok(bh_dataset_encode(&data, &input, NULL));
    for (size_t i = 0; i < 3 * ROWS; i++) {
        double real = ((double)data.values[i] - input.column_mean[i % 3]) /
                      input.column_dev[i % 3];
        double back = (data.images.pixels[i] / 255.0 - input.mean[0]) / input.dev[0];
        assert_true(fabs(back - fmin(fmax(real, -4), 4)) <= 4.0001 / 255);
    }
    // Over the training split alone, and there to a standard one.
    assert_ok(bh_dataset_take(&train, &data, &cut, BH_SPLIT_TRAIN, NULL));
    assert_int_equal(train.count, 40);
    for (size_t j = 0; j < 3; j += 2) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < train.count; i++) {
            double x = (train.pixels[3 * i + j] / 255.0 - 0.5) * 8;
            sum += x;
            squares += x * x;
        }
        assert_true(fabs(sum / 40) < 0.02);
        assert_true(fabs(squares / 40 - 1) < 0.03);
    }
    bh_images_clear(&train);
    bh_input other;
    bh_cut elsewhere = {.folds = 3, .fold = 1, .seed = cut.seed};
    assert_ok(bh_dataset_fit_columns(&other, &data, &elsewhere, NULL));
    assert_true(other.column_mean[2] != input.column_mean[2]);
    assert_ok(bh_dataset_encode(&data, &other, NULL)); // a second time
    assert_status(bh_dataset_take(&unused, &data, &cut, BH_SPLIT_VALIDATION, &err),
                  BH_ERR_ARG);
    assert_null(unused.pixels);
    bh_free(data.values);
    data.values = NULL;
    assert_status(bh_dataset_encode(&data, &input, &err), BH_ERR_ARG);
    assert_status(bh_dataset_fit_columns(&input, &data, &cut, &err), BH_ERR_ARG);
    bh_dataset_clear(&data);
}

static void test_column_extremes(void **state)
{
    (void)state;
    bh_dataset data = load("1e30,1e-40,0\n-1e30,0,1\n1e30,0,0\n-1e30,0,1\n", NULL);
    bh_input input;
    bh_cut cut = {.folds = 2, .fold = 1};
    assert_ok(bh_dataset_fit_columns(&input, &data, &cut, NULL));
    assert_true(input.column_dev[0] == 1e30f && input.column_dev[1] == 1);
    assert_ok(bh_dataset_encode(&data, &input, NULL));
    const uint8_t pixels[] = {159, 128, 96, 128};
    assert_memory_equal(data.images.pixels, pixels, 4);
    input.column_dev[0] = 1e29f; // far out
    assert_ok(bh_dataset_encode(&data, &input, NULL));
    assert_int_equal(data.images.pixels[0], 255);
    assert_int_equal(data.images.pixels[2], 0);
    bh_dataset_clear(&data);
}

static bh_status use_table(void *unused)
{
    (void)unused;
    bh_dataset data;
    bh_input input;
    bh_images train = {0};
    bh_cut cut = {.validation = 0.25};
    bh_status status = bh_dataset_load(&data, files_at("t.csv"), &lenient, NULL);
    if (status == BH_OK) {
        status = bh_dataset_fit_columns(&input, &data, &cut, NULL);
    }
    if (status == BH_OK) {
        status = bh_dataset_encode(&data, &input, NULL);
    }
    if (status == BH_OK) {
        status = bh_dataset_take(&train, &data, &cut, BH_SPLIT_TRAIN, NULL);
    }
    bh_images_clear(&train);
    bh_dataset_clear(&data);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    files_text("t.csv", "x,group,y\n1,a,no\n2,b,yes\n3,c,no\n4,a,yes\n");
    fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, use_table, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_broken_rows),
        cmocka_unit_test(test_broken_tables),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_column_extremes),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, files_begin, files_end);
}
