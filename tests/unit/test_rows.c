// SPDX-License-Identifier: Apache-2.0
// Rows of a table by number: in any order, with and without the class, and broken ones.
#include <string.h>

#include "base/hooks.h"
#include "data/rows.h"
#include "support/faults.h"
#include "support/files.h"

static bh_rows *open_rows(const char *text, const char *label, uint32_t columns)
{
    bh_rows *rows;
    bh_error err = {0};
    files_text("t.csv", text);
    if (bh_rows_open(&rows, files_at("t.csv"), label, columns, &err) != BH_OK) {
        fail_msg("%s\n%s", err.message, text);
    }
    return rows;
}

// Row `index` has these two numbers.
static void check(bh_rows *rows, size_t index, float a, float b)
{
    float got[2];
    bh_error err = {0};
    if (bh_rows_read(rows, got, index, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(got[0] == a && got[1] == b);
}

static void refused(bh_rows *rows, size_t index, bh_status status, const char *part)
{
    float got[2];
    bh_error err = {0};
    assert_status(bh_rows_read(rows, got, index, &err), status);
    if (strstr(err.message, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, err.message);
    }
}

static void test_class_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *label;
    } tables[] = {
        {"a,b\n1,2\n3,4\n5,6\n", NULL},
        {"1,2\n3,4\n5,6\n", NULL},
        {"a,b,y\n1,2,no\n\n3,4,\n5,6,yes", NULL},
        {"a,y,b\n1,no,2\n3,yes,4\n5,yes,6\n", "y"},
        {"a,patient,y,b\n1,x,no,2\n3,,yes,4\n5,x,yes,6\n", "y"},
        {"patient,a,b\nx,1,2\ny,3,4\nz,5,6\n", NULL},
        {"a,b,patient_id\n1,2,7\n3,4,8\n5,6,9\n", NULL},
        {"3,2,no,yes\n1,2,0\n3,4,1\n5,6,0\n", NULL},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        bh_rows *rows = open_rows(tables[i].text, tables[i].label, 2);
        for (int round = 0; round < 2; round++) {
            check(rows, 0, 1, 2);
            check(rows, 2, 5, 6);
            check(rows, 2, 5, 6);
            check(rows, 1, 3, 4);
            refused(rows, 3, BH_ERR_ARG, "holds 3 rows: there is no number 3");
        }
        bh_rows_close(rows);
    }
}

static void test_one_column(void **state)
{
    (void)state;
    float value;
    bh_rows *rows = open_rows("a\n7\n8\n", NULL, 1);
    assert_ok(bh_rows_read(rows, &value, 1, NULL));
    assert_true(value == 8);
    bh_rows_close(rows);
}

static void test_broken_rows(void **state)
{
    (void)state;
    bh_rows *rows = open_rows("a,b\n1,2\n3,NA\nx,4\n5,1e31\n6,7,8\n9,10\n", NULL, 2);
    check(rows, 5, 9, 10); // those in front count
    refused(rows, 1, BH_ERR_ENCODING, "line 3 of");
    refused(rows, 1, BH_ERR_ENCODING, "column \"b\" is missing");
    refused(rows, 2, BH_ERR_ENCODING, "column \"a\" is no number");
    refused(rows, 3, BH_ERR_ENCODING, "column \"b\" is out of range");
    refused(rows, 4, BH_ERR_ENCODING, "it has 3 columns, not 2");
    check(rows, 5, 9, 10);
    bh_rows_close(rows);
    rows = open_rows("a,b\n1,2\n\"3,4\n", NULL, 2);
    check(rows, 0, 1, 2);
    refused(rows, 1, BH_ERR_ENCODING, "quotes of line 3");
    check(rows, 0, 1, 2);
    bh_rows_close(rows);
}

static void not_opened(const char *text, const char *label, const char *part)
{
    bh_rows *rows;
    bh_error err = {0};
    size_t live = bh_hooks_get()->live_blocks;
    files_text("t.csv", text);
    assert_status(bh_rows_open(&rows, files_at("t.csv"), label, 2, &err),
                  BH_ERR_ENCODING);
    if (strstr(err.message, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, err.message);
    }
    assert_null(rows);
    assert_int_equal(bh_hooks_get()->live_blocks, live);
}

static void test_other_tables(void **state)
{
    (void)state;
    const char *numbers = "numbers beside the class, and the model takes 2";
    not_opened("a,b,c,d\n1,2,3,4\n", NULL, numbers);
    not_opened("a,b\n1,2\n", "b", numbers);
    not_opened("a,b,c\n1,2,3\n", "d", "has no column \"d\"");
    not_opened("1,2,3\n", "d", "no line with the names of columns");
    not_opened("a,b\n", NULL, "it has no rows");
    not_opened("", NULL, "it has no rows");
}

static bh_status use_rows(void *unused)
{
    (void)unused;
    float values[2];
    bh_rows *rows;
    bh_status status = bh_rows_open(&rows, files_at("t.csv"), NULL, 2, NULL);
    for (size_t i = 2; i-- > 0 && status == BH_OK;) {
        status = bh_rows_read(rows, values, i, NULL);
    }
    bh_rows_close(rows);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    files_text("t.csv", "a,b\n1,2\n3,4\n");
    fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, use_rows, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_or_none),    cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_broken_rows),      cmocka_unit_test(test_other_tables),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, files_begin, files_end);
}
