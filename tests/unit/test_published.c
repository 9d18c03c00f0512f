// SPDX-License-Identifier: Apache-2.0
// One of the published data sets, where it is: its counts, and how long reading it
// takes.
//
// usage: test_published SET
#include <string.h>
#include <sys/stat.h>

#include "data/dataset.h"
#include "support/test.h"

#define SHARED   BH_SOURCE_DIR "/../shared/data/"
#define FASHION  SHARED "fashion-mnist-idx"
#define MEDMNIST SHARED "medmnist/"
#define MALARIA  SHARED "malaria-cells"
#define CIFAR    SHARED "cifar10"
#define WDBC     SHARED "tabular/wdbc_breast_cancer.csv"
#define MNIST    BH_SOURCE_DIR "/data/mnist"

static bh_dataset load(const char *path, size_t count, bh_shape shape,
                       uint32_t n_classes)
{
    bh_dataset data;
    bh_error err = {0};
    clock_t start = clock();
    if (bh_dataset_load(&data, path, &(bh_dataset_options){.strict = true}, &err) !=
        BH_OK) {
        fail_msg("%s", err.message);
    }
    printf("%zu examples in %.2f s\n", data.images.count,
           (double)(clock() - start) / CLOCKS_PER_SEC);
    assert_int_equal(data.images.count, count);
    assert_memory_equal(&data.images.shape, &shape, sizeof shape);
    assert_int_equal(data.n_classes, n_classes);
    return data;
}

// Every class has `each` examples.
static void check_labels(const bh_dataset *data, size_t each)
{
    for (uint32_t c = 0; c < data->n_classes; c++) {
        size_t n = 0;
        for (size_t i = 0; i < data->images.count; i++) {
            n += data->images.labels[i] == c;
        }
        assert_int_equal(n, each);
    }
}

static void check_splits(const bh_dataset *data, size_t train, size_t validation,
                         size_t test)
{
    size_t n[3] = {0};
    for (size_t i = 0; i < data->images.count; i++) {
        n[data->split[i]]++;
    }
    assert_int_equal(n[BH_SPLIT_TRAIN], train);
    assert_int_equal(n[BH_SPLIT_VALIDATION], validation);
    assert_int_equal(n[BH_SPLIT_TEST], test);
}

static void test_fashion(void **state)
{
    (void)state;
    bh_dataset data = load(FASHION, 70000, (bh_shape){1, 28, 28}, 10);
    check_labels(&data, 7000);
    check_splits(&data, 60000, 0, 10000);
    bh_dataset_clear(&data);
}

static void test_medmnist(void **state)
{
    (void)state;
    bh_dataset data = load(MEDMNIST "breastmnist", 780, (bh_shape){1, 28, 28}, 2);
    check_splits(&data, 546, 78, 156);
    bh_dataset_clear(&data);
    data = load(MEDMNIST "pneumoniamnist-train3882", 5030, (bh_shape){1, 28, 28}, 2);
    check_splits(&data, 3882, 524, 624);
    bh_dataset_clear(&data);
}

static void test_malaria(void **state)
{
    (void)state;
    bh_dataset data = load(MALARIA, 27558, (bh_shape){1, 50, 50}, 2);
    check_labels(&data, 13779);
    assert_int_equal(data.n_groups, 200);
    assert_null(data.split);
    bh_images part;
    size_t total = 0;
    for (uint32_t fold = 1; fold <= 5; fold++) {
        bh_cut cut = {.folds = 5, .fold = fold, .seed = 1};
        assert_ok(bh_dataset_take(&part, &data, &cut, BH_SPLIT_TEST, NULL));
        assert_in_range(part.count, 27558 / 5 - 702, 27558 / 5 + 702);
        total += part.count;
        bh_images_clear(&part);
    }
    assert_int_equal(total, 27558);
    bh_dataset_clear(&data);
}

static void test_cifar(void **state)
{
    (void)state;
    bh_dataset data = load(CIFAR, 10000, (bh_shape){3, 32, 32}, 10);
    check_labels(&data, 1000);
    check_splits(&data, 0, 0, 10000);
    bh_dataset_clear(&data);
}

static void test_wdbc(void **state)
{
    (void)state;
    bh_dataset data = load(WDBC, 569, (bh_shape){1, 1, 30}, 2);
    size_t benign = 0;
    for (size_t i = 0; i < 569; i++) {
        benign += data.images.labels[i];
    }
    assert_int_equal(benign, 357);
    assert_string_equal(data.class_names[0], "malignant");
    assert_string_equal(data.class_names[1], "benign");
    assert_true(data.values[0] == 17.99f && data.values[31] == 17.77f);
    bh_dataset_clear(&data);
}

// The original four files, as scripts/get-mnist fetches them.
static void test_mnist(void **state)
{
    (void)state;
    bh_dataset data = load(MNIST, 70000, (bh_shape){1, 28, 28}, 10);
    check_splits(&data, 60000, 0, 10000);
    bh_dataset_clear(&data);
}

typedef struct published {
    const char *name, *path;
    struct CMUnitTest test;
} published;

int main(int argc, char **argv)
{
    static const published sets[] = {
        {"fashion", FASHION, cmocka_unit_test(test_fashion)},
        {"medmnist", MEDMNIST, cmocka_unit_test(test_medmnist)},
        {"malaria", MALARIA, cmocka_unit_test(test_malaria)},
        {"cifar", CIFAR, cmocka_unit_test(test_cifar)},
        {"wdbc", WDBC, cmocka_unit_test(test_wdbc)},
        {"mnist", MNIST, cmocka_unit_test(test_mnist)},
    };
    struct stat info;
    for (size_t i = 0; argc == 2 && i < sizeof sets / sizeof sets[0]; i++) {
        const struct CMUnitTest tests[] = {sets[i].test};
        if (strcmp(sets[i].name, argv[1]) != 0) {
            continue;
        }
        if (stat(sets[i].path, &info) != 0) {
            printf("skipped: %s is not here\n", sets[i].path);
            return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
    }
    fputs("usage: test_published SET\n", stderr);
    return 2;
}
