// SPDX-License-Identifier: Apache-2.0
// Properties of cuts over random data sets: every example is in one split, no group is
// in two, parts are balanced, and all of it is the same everywhere.
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/cut.h"
#include "support/test.h"

static bh_dataset make(size_t count, uint32_t n_groups, uint32_t n_classes,
                       test_rng *rng)
{
    bh_dataset data = {.n_groups = n_groups, .n_classes = n_classes};
    data.images = (bh_images){.count = count,
                              .shape = {1, 1, 4},
                              .pixels = bh_alloc(count, 4),
                              .labels = bh_alloc(count, 1)};
    data.group = n_groups > 0 ? bh_alloc(count, sizeof *data.group) : NULL;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)i;
        memcpy(data.images.pixels + 4 * i, &number, 4);
        data.images.labels[i] = (uint8_t)test_rng_below(rng, n_classes);
        if (n_groups > 0) { // of very different sizes
            uint64_t most = 1 + test_rng_below(rng, n_groups);
            data.group[i] = (uint32_t)test_rng_below(rng, most);
        }
    }
    return data;
}

// The split of every example, by taking all three; each is there once, in order.
static void take_all(uint8_t *split, const bh_dataset *data, const bh_cut *cut)
{
    size_t total = 0;
    memset(split, 99, data->images.count);
    for (int s = 0; s < 3; s++) {
        bh_images part;
        bh_error err = {0};
        bh_status status = bh_dataset_take(&part, data, cut, (bh_split)s, &err);
        if (status == BH_ERR_ARG) {
            assert_non_null(strstr(err.message, "the data set has no "));
            assert_null(part.pixels);
            continue;
        }
        assert_ok(status);
        for (size_t i = 0, before = 0; i < part.count; i++) {
            uint32_t number;
            memcpy(&number, part.pixels + 4 * i, 4);
            assert_true(i == 0 || number > before);
            assert_int_equal(split[number], 99);
            assert_int_equal(part.labels[i], data->images.labels[number]);
            split[number] = (uint8_t)s;
            before = number;
        }
        total += part.count;
        bh_images_clear(&part);
    }
    assert_int_equal(total, data->images.count);
}

static size_t count_of(const uint8_t *split, const bh_dataset *data, bh_split which,
                       int label)
{
    size_t n = 0;
    for (size_t i = 0; i < data->images.count; i++) {
        n += split[i] == which && (label < 0 || data->images.labels[i] == label);
    }
    return n;
}

static void check_groups(const uint8_t *split, const bh_dataset *data)
{
    uint8_t *of_group = bh_alloc(data->n_groups, 1);
    for (size_t i = 0; i < data->images.count; i++) {
        uint8_t *of = &of_group[data->group[i]];
        assert_true(*of == 0 || *of == split[i] + 1);
        *of = (uint8_t)(split[i] + 1);
    }
    bh_free(of_group);
}

static size_t largest_group(const bh_dataset *data)
{
    size_t largest = 0;
    for (uint32_t g = 0; g < data->n_groups; g++) {
        size_t n = 0;
        for (size_t i = 0; i < data->images.count; i++) {
            n += data->group[i] == g;
        }
        largest = n > largest ? n : largest;
    }
    return largest;
}

static double apart(double a, double b)
{
    return a < b ? b - a : a - b;
}

// All folds of one data set: their test splits are a partition, of sizes that differ by
// no more than one unit, and without groups so do the classes in them.
static void check_folds(const bh_dataset *data, uint32_t folds, double validation,
                        uint64_t seed)
{
    size_t count = data->images.count;
    size_t slack = data->group != NULL ? largest_group(data) : 1;
    uint8_t *split = bh_alloc(count, 1), *tested = bh_alloc(count, 1);
    for (uint32_t fold = 1; fold <= folds; fold++) {
        bh_cut cut = {
            .folds = folds, .fold = fold, .validation = validation, .seed = seed};
        take_all(split, data, &cut);
        size_t n_test = count_of(split, data, BH_SPLIT_TEST, -1);
        size_t n_val = count_of(split, data, BH_SPLIT_VALIDATION, -1);
        assert_true(apart((double)n_test, (double)count / folds) <= (double)slack);
        assert_true(apart((double)n_val, validation * (double)(count - n_test)) <=
                    (double)slack);
        for (size_t i = 0; i < count; i++) {
            tested[i] = (uint8_t)(tested[i] + (split[i] == BH_SPLIT_TEST));
        }
        for (int c = 0; data->group == NULL && c < (int)data->n_classes; c++) {
            size_t test = count_of(split, data, BH_SPLIT_TEST, c);
            size_t val = count_of(split, data, BH_SPLIT_VALIDATION, c);
            size_t all = test + val + count_of(split, data, BH_SPLIT_TRAIN, c);
            assert_true(apart((double)test, (double)all / folds) < 1);
            assert_true(apart((double)val, validation * (double)(all - test)) < 2);
        }
        if (data->group != NULL) {
            check_groups(split, data);
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(tested[i], 1);
    }
    bh_free(split);
    bh_free(tested);
}

static void test_folds(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("folds");
    for (int trial = 0; trial < 200; trial++) {
        bool grouped = trial % 2;
        uint32_t folds = (uint32_t)test_rng_range(&rng, 2, 7);
        size_t count = (size_t)test_rng_range(&rng, 20, 400);
        bh_dataset data =
            make(count, grouped ? (uint32_t)test_rng_range(&rng, 7, 60) : 0,
                 (uint32_t)test_rng_range(&rng, 1, 5), &rng);
        double validation = (double)test_rng_below(&rng, 100) / 100;
        check_folds(&data, folds, validation, test_rng_next(&rng));
        bh_dataset_clear(&data);
    }
}

static void test_own_splits(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("own splits");
    bh_dataset data = make(300, 0, 3, &rng);
    uint8_t split[300], own[300];
    for (size_t i = 0; i < 300; i++) {
        own[i] = (uint8_t)(i % 3 == 2 ? BH_SPLIT_TEST : BH_SPLIT_TRAIN);
    }
    data.split = bh_alloc(300, 1);
    memcpy(data.split, own, 300);
    take_all(split, &data, &(bh_cut){.fold = 7}); // without folds, it says nothing
    assert_memory_equal(split, own, 300);
    take_all(split, &data, &(bh_cut){.validation = 0.1});
    assert_int_equal(count_of(split, &data, BH_SPLIT_VALIDATION, -1), 20);
    for (size_t i = 0; i < 300; i++) {
        assert_true((split[i] == BH_SPLIT_TEST) == (own[i] == BH_SPLIT_TEST));
    }
    take_all(split, &data, &(bh_cut){.folds = 3, .fold = 1}); // anew
    assert_int_equal(count_of(split, &data, BH_SPLIT_TEST, -1), 100);
    assert_memory_not_equal(split, own, 300);
    data.split[0] = BH_SPLIT_VALIDATION;
    take_all(split, &data, &(bh_cut){.validation = 0.1}); // there is one
    assert_memory_equal(split, data.split, 300);
    memset(data.split, BH_SPLIT_TEST, 300);
    bh_images none;
    assert_status(bh_dataset_take(&none, &data, &(bh_cut){.validation = 0.5},
                                  BH_SPLIT_TRAIN, NULL),
                  BH_ERR_ARG);
    bh_free(data.split);
    data.split = NULL;
    take_all(split, &data, &(bh_cut){.seed = 5});
    take_all(own, &data, &(bh_cut){.seed = 5, .folds = 5, .fold = 1});
    assert_memory_equal(split, own, 300);
    take_all(own, &data, &(bh_cut){.seed = 6});
    assert_memory_not_equal(split, own, 300);
    bh_dataset_clear(&data);
}

// The cuts of a fixed data set, hashed: those of a model that was trained elsewhere.
static void test_same_everywhere(void **state)
{
    (void)state;
    static const uint8_t expected[32] = {
        0x5a, 0x7f, 0x8f, 0xfc, 0x92, 0x41, 0x27, 0xfd, 0x8c, 0xb7, 0xdb,
        0x12, 0xb5, 0x0d, 0xb6, 0x4e, 0x8d, 0x1d, 0xbc, 0x52, 0x34, 0xd1,
        0x4f, 0x15, 0xeb, 0xd6, 0xb2, 0x9f, 0x56, 0xb3, 0x31, 0x4a};
    test_rng rng = {1};
    uint8_t splits[2][500], hash[32];
    for (int grouped = 0; grouped < 2; grouped++) {
        bh_dataset data = make(500, grouped ? 40 : 0, 3, &rng);
        bh_cut cut = {.folds = 5, .fold = 2, .validation = 0.15, .seed = 12345};
        take_all(splits[grouped], &data, &cut);
        bh_dataset_clear(&data);
    }
    assert_ok(bh_hash(hash, splits, sizeof splits, NULL, 0));
    assert_memory_equal(hash, expected, 32);
}

static void test_refusals(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("refusals");
    bh_dataset data = make(30, 0, 2, &rng), patients = make(30, 4, 2, &rng);
    static const struct {
        bh_cut cut;
        const char *part;
    } cases[] = {
        {{.folds = 1, .fold = 1}, "1 folds, not 2 to 1000"},
        {{.folds = 1001, .fold = 1}, "1001 folds"},
        {{.folds = 3, .fold = 0}, "fold 0, not 1 to 3"},
        {{.folds = 3, .fold = 4}, "fold 4, not 1 to 3"},
        {{.folds = 31, .fold = 1}, "only 30 examples for 31 folds"},
        {{.validation = -0.1}, "below 1"},
        {{.validation = 1}, "below 1"},
        {{.validation = 0.0 / 0.0}, "below 1"},
    };
    bh_images out;
    bh_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_status(bh_dataset_take(&out, &data, &cases[i].cut, BH_SPLIT_TRAIN, &err),
                      BH_ERR_ARG);
        assert_non_null(strstr(err.message, cases[i].part));
        assert_null(out.pixels);
    }
    assert_status(bh_dataset_take(&out, &patients, &(bh_cut){.folds = 5, .fold = 1},
                                  BH_SPLIT_TRAIN, &err),
                  BH_ERR_ARG);
    assert_non_null(strstr(err.message, "only 4 groups"));
    assert_status(bh_dataset_take(&out, &data, &(bh_cut){0}, BH_SPLIT_VALIDATION, &err),
                  BH_ERR_ARG);
    assert_non_null(strstr(err.message, "no validation split"));
    uint8_t split[30]; // the smallest and the largest share leave both sides something
    take_all(split, &data, &(bh_cut){.validation = 1e-300});
    assert_int_equal(count_of(split, &data, BH_SPLIT_VALIDATION, -1), 1);
    take_all(split, &data, &(bh_cut){.validation = 1 - 1e-16});
    assert_int_equal(count_of(split, &data, BH_SPLIT_TRAIN, -1), 1);
    bh_dataset_clear(&data);
    bh_dataset_clear(&patients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_own_splits),
        cmocka_unit_test(test_same_everywhere),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
