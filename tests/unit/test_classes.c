// SPDX-License-Identifier: Apache-2.0
// A data set's classes against a model's: by name, whatever their numbers are.
#include <string.h>

#include "base/hooks.h"
#include "data/dataset.h"
#include "support/faults.h"
#include "support/files.h"

static bh_dataset load(const char *name, const char *table)
{
    bh_dataset data;
    bh_error err = {0};
    if (table != NULL) {
        files_text(name, table);
    }
    if (bh_dataset_load(&data, files_at(name), &(bh_dataset_options){.strict = true},
                        &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    return data;
}

// The labels as digits, or a part of the sentence that refuses them and changes
// nothing.
static void check(bh_dataset data, const char *const *names, uint32_t n_classes,
                  const char *labels, const char *part)
{
    char got[16] = "", before[16] = "";
    bh_error err = {0};
    assert_true(data.images.count < sizeof got);
    for (size_t i = 0; i < data.images.count; i++) {
        before[i] = (char)('0' + data.images.labels[i]);
    }
    bh_status status = bh_dataset_match_classes(&data, names, n_classes, &err);
    for (size_t i = 0; i < data.images.count; i++) {
        got[i] = (char)('0' + data.images.labels[i]);
    }
    if (part == NULL) {
        assert_ok(status);
        assert_string_equal(got, labels);
        assert_int_equal(data.n_classes, n_classes);
        assert_string_equal(data.class_names[n_classes - 1], names[n_classes - 1]);
    } else {
        assert_status(status, BH_ERR_ENCODING);
        assert_string_equal(got, before);
        if (strstr(err.message, part) == NULL) {
            fail_msg("no \"%s\" in: %s", part, err.message);
        }
    }
    bh_dataset_clear(&data);
}

static void test_tables(void **state)
{
    (void)state;
    static const struct {
        const char *text, *names[3];
        uint32_t n_classes;
        const char *labels, *part;
    } cases[] = {
        // Without class 0 its numbers are not the labels.
        {"1,1\n2,2\n3,2\n", {"0", "1", "2"}, 3, "122", NULL},
        {"1,1\n2,2\n3,2\n", {"1", "2"}, 2, "011", NULL},
        {"1,1\n2,1\n", {"0", "1"}, 2, "11", NULL},
        {"1,0\n2,1\n3,2\n",
         {"1", "2"},
         2,
         NULL,
         "a class \"0\", and the model's are 1, 2"},
        {"1,0\n2,2\n", {"2", "0"}, 2, "10", NULL}, // class 1 has no example
        {"1,0\n2,1\n", {"", ""}, 2, "01", NULL},
        {"1,1.0\n2,3\n", {"", "", "3.0"}, 3, "12", NULL},
        {"1,0\n2,1\n",
         {"no", "yes"},
         2,
         NULL,
         "a class \"0\", and the model's are no, yes"},
        {"x,y\n1,well\n2,sick\n", {"sick", "well"}, 2, "10", NULL},
        {"x,y\n1,well\n2,sick\n", {"well", "other", "sick"}, 3, "02", NULL},
        {"x,y\n1,well\n2,sick\n", {"well", "ill"}, 2, NULL, "a class \"sick\""},
        {"x,y\n1,1\n2,1.0\n3,a\n", {"a", "1.0", "1"}, 3, "210", NULL},
        {"2,1,low,high\n1,0\n2,1\n", {"high", "low"}, 2, "10", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check(load("t.csv", cases[i].text), cases[i].names, cases[i].n_classes,
              cases[i].labels, cases[i].part);
    }
}

static void test_folders(void **state)
{
    (void)state;
    const char *const both[] = {"dog", "cat"}, *const three[] = {"cat", "cow", "dog"};
    const char *const numbers[] = {"0", "1"}, *const rounded[] = {"1.0", "2.0"};
    files_png("pets/cat/a.png", 1, 2, 2, 1);
    files_png("pets/dog/b.png", 1, 2, 2, 2);
    files_folder("pets/elk"); // has no picture
    check(load("pets", NULL), both, 2, "10", NULL);
    check(load("pets", NULL), three, 3, "02", NULL);
    check(load("pets", NULL), both, 1, NULL,
          "a class \"cat\", and the model's are dog:");
    check(load("pets", NULL), numbers, 2, NULL, "and the model's are 0, 1:");
    files_png("digits/1/a.png", 1, 2, 2, 1);
    check(load("digits", NULL), numbers, 2, "1", NULL);
    check(load("digits", NULL), rounded, 2, NULL, "a class \"1\""); // a name, no number
}

// Labels of a data set without names are the model's.
static void test_unnamed(void **state)
{
    (void)state;
    const char *const names[] = {"a", "b", "c"};
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0,
                                     0, 0, 1, 0, 0, 0, 1, 7, 8};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 2, 1};
    files_write("d/images-idx3-ubyte", images, sizeof images);
    files_write("d/labels-idx1-ubyte", labels, sizeof labels);
    check(load("d", NULL), names, 3, "21", NULL);
    check(load("d", NULL), names, 2, NULL, "a label 2, and the model 2 classes");
}

// More classes than labels can tell apart, and more names than a sentence has room for.
static void test_many(void **state)
{
    (void)state;
    const char *names[300];
    for (size_t i = 0; i < 300; i++) {
        names[i] = "nobody has this class's name";
    }
    check(load("t.csv", "x,y\n1,a\n"), names, 300, NULL, "name, ...: give");
    names[255] = "a";
    bh_dataset data = load("t.csv", "x,y\n1,a\n");
    assert_ok(bh_dataset_match_classes(&data, names, 300, NULL));
    assert_int_equal(data.images.labels[0], 255);
    bh_dataset_clear(&data);
    names[255] = "b";
    names[256] = "a";
    check(load("t.csv", "x,y\n1,a\n"), names, 300, NULL, "number 256 of the model");
}

static bh_status match(void *user)
{
    const char *const names[] = {"b", "a"};
    return bh_dataset_match_classes(user, names, 2, NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    bh_dataset data = load("t.csv", "x,y\n1,a\n2,b\n");
    assert_int_equal(
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, match, &data), 1);
    assert_int_equal(data.images.labels[0], 1);
    bh_dataset_clear(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),    cmocka_unit_test(test_folders),
        cmocka_unit_test(test_unnamed),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, files_begin, files_end);
}
