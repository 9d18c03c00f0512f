// SPDX-License-Identifier: Apache-2.0
// Data sets that are folders: every layout, and every kind of damage to one. Pictures
// are of one value each, by which they are found again.
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hooks.h"
#include "data/formats.h"
#include "support/faults.h"
#include "support/files.h"

// What was skipped, and the last sentence about it.
typedef struct skips {
    size_t count;
    char last[256];
} skips;

static void on_skipped(void *user, const char *sentence)
{
    skips *s = user;
    s->count++;
    snprintf(s->last, sizeof s->last, "%s", sentence);
}

static skips seen;
static const bh_dataset_options lenient = {.on_skipped = on_skipped, .user = &seen};

static bh_dataset load(const char *name)
{
    bh_dataset data;
    bh_error err = {0};
    seen = (skips){0};
    if (bh_dataset_load(&data, files_at(name), &lenient, &err) != BH_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    assert_int_equal(data.skipped, seen.count);
    return data;
}

// The sentence holds `part`, and nothing is left behind.
static void refused(const char *name, bool strict, bh_status expected, const char *part)
{
    bh_dataset data;
    bh_error err = {0};
    size_t live = bh_hooks_get()->live_blocks;
    bh_status status = bh_dataset_load(&data, files_at(name),
                                       &(bh_dataset_options){.strict = strict}, &err);
    assert_status(status, expected);
    if (strstr(err.message, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, err.message);
    }
    assert_true(test_is_zero(&data, sizeof data));
    assert_int_equal(bh_hooks_get()->live_blocks, live);
}

static void check_shape(const bh_dataset *data, uint32_t channels, uint32_t height,
                        uint32_t width)
{
    assert_int_equal(data->images.shape.channels, channels);
    assert_int_equal(data->images.shape.height, height);
    assert_int_equal(data->images.shape.width, width);
}

// count images of 2 x 2, image i all (first + i), and labels i % 3.
static void write_idx(const char *images, const char *labels, uint32_t count,
                      uint8_t first)
{
    uint8_t file[256], content[200];
    assert_true(count <= 50);
    for (uint32_t i = 0; i < 4 * count; i++) {
        content[i] = (uint8_t)(first + i / 4);
    }
    files_write_xz(images, file,
                   files_idx(file, (uint32_t[]){0x803, count, 2, 2}, 4, content,
                             4 * (size_t)count));
    for (uint32_t i = 0; i < count; i++) {
        content[i] = (uint8_t)(i % 3);
    }
    files_write_gzip(labels, file,
                     files_idx(file, (uint32_t[]){0x801, count}, 2, content, count));
}

static void check_splits(const bh_dataset *data, const char *expected)
{
    assert_int_equal(data->images.count, strlen(expected));
    for (size_t i = 0; i < data->images.count; i++) {
        assert_int_equal(data->split[i], expected[i] - '0');
    }
}

static void test_idx_splits(void **state)
{
    (void)state;
    write_idx("mnist/train-images-idx3-ubyte.xz", "mnist/train-labels-idx1-ubyte.gz", 4,
              10);
    bh_dataset data = load("mnist");
    check_splits(&data, "0000"); // of one split alone
    bh_dataset_clear(&data);
    write_idx("mnist/t10k-images.idx3-ubyte.xz", "mnist/t10k-labels.idx1-ubyte.gz", 2,
              50);
    data = load("mnist");
    check_splits(&data, "000022");
    bh_dataset_clear(&data);
    write_idx("mnist/val-images-idx3-ubyte.xz", "mnist/val-labels-idx1-ubyte.gz", 3,
              30);
    data = load("mnist");
    check_splits(&data, "000011122");
    check_shape(&data, 1, 2, 2);
    const uint8_t values[] = {10, 11, 12, 13, 30, 31, 32, 50, 51};
    const uint8_t labels[] = {0, 1, 2, 0, 0, 1, 2, 0, 1};
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(data.images.pixels[4 * i + 3], values[i]);
        assert_int_equal(data.images.labels[i], labels[i]);
    }
    assert_int_equal(data.n_classes, 3);
    assert_string_equal(data.class_names[2], "");
    assert_null(data.group);
    assert_null(data.values);
    bh_dataset_clear(&data);
}

static void test_idx_damage(void **state)
{
    (void)state;
    write_idx("idx/test-images-idx3-ubyte.xz", "idx/train-labels-idx1-ubyte.gz", 4, 0);
    refused("idx", false, BH_ERR_IO, "test-labels-idx1-ubyte");
    write_idx("idx/train-images-idx3-ubyte.xz", "idx/test-labels-idx1-ubyte.gz", 3, 0);
    refused("idx", false, BH_ERR_ENCODING, "labels for"); // 3 and 4 are mixed up
    write_idx("idx/test-images-idx3-ubyte.xz", "idx/test-labels-idx1-ubyte.gz", 4, 0);
    uint8_t file[64], zeros[9] = {0};
    files_write("idx/train-images-idx3-ubyte", file,
                files_idx(file, (uint32_t[]){0x803, 1, 3, 3}, 4, zeros, 9));
    files_write("idx/train-labels-idx1-ubyte", file,
                files_idx(file, (uint32_t[]){0x801, 1}, 2, zeros, 1));
    refused("idx", false, BH_ERR_ENCODING, "differ in size");
    files_text("idx/train-images-idx3-ubyte", "no IDX file");
    refused("idx", false, BH_ERR_ENCODING, "not an IDX file");
    bh_dataset data;
    assert_status(bh_dataset_load(&data, files_at("mnist"),
                                  &(bh_dataset_options){.wanted = {1, 28, 28}}, NULL),
                  BH_ERR_ENCODING);
    assert_ok(bh_dataset_load(&data, files_at("mnist"),
                              &(bh_dataset_options){.wanted = {1, 2, 2}}, NULL));
    bh_dataset_clear(&data);
}

static void test_idx_groups(void **state)
{
    (void)state;
    write_idx("cells/images-idx3-ubyte.xz", "cells/labels-idx1-ubyte.gz", 5, 0);
    bh_dataset data = load("cells");
    assert_null(data.split);
    assert_null(data.group);
    bh_dataset_clear(&data);
    const uint32_t groups[] = {1, 0, 1, 2, 0};
    const char *const tables[] = {
        "i,My_Patient_ID\n0,P2\n1,P1\n2,P2\n3,P3\n4,P1\n",
        "\xef\xbb\xbf"
        "patients,Group,x\r\nA,\"P2\",1\r\n\r\nA,P1,\r\nA,P2,2\r\nA,P3,3\r\nA,P1 ,4"};
    for (size_t i = 0; i < 2; i++) {
        files_write_gzip("cells/index.csv.gz", tables[i], strlen(tables[i]));
        data = load("cells");
        assert_int_equal(data.n_groups, 3);
        assert_memory_equal(data.group, groups, sizeof groups);
        bh_dataset_clear(&data);
    }
    files_text("cells/index.csv", "i,slide\n0,1\n"); // tells no groups
    data = load("cells");
    assert_null(data.group);
    bh_dataset_clear(&data);
    files_text("cells/index.csv", "patient\n1\n2\n3\n4\n");
    refused("cells", false, BH_ERR_ENCODING, "4 rows for 5 images");
    files_text("cells/index.csv", "patient\n1\n2\n3\n4\n5\n6\n");
    refused("cells", false, BH_ERR_ENCODING, "6 rows for 5 images");
    files_text("cells/index.csv", "i,patient\n0,1\n1,2\n2\n3,4\n4,5\n");
    refused("cells", false, BH_ERR_ENCODING, "line 4 ");
    files_text("cells/index.csv", "i,patient\n0,1\n1,\"2\n");
    refused("cells", false, BH_ERR_ENCODING, "quotes of line 3");
}

static void write_batch(const char *name, uint32_t count, uint8_t label, uint8_t value)
{
    static uint8_t records[3 * 3073];
    for (uint32_t i = 0; i < count; i++) {
        memset(records + i * 3073, value, 3073);
        records[i * 3073] = label;
        records[i * 3073 + 3072] = 99; // bottom right, blue
    }
    files_write_xz(name, records, count * (size_t)3073);
}

static void test_cifar(void **state)
{
    (void)state;
    char name[64];
    write_batch("cifar/test_batch.bin.xz", 2, 9, 77);
    bh_dataset data = load("cifar");
    check_splits(&data, "22");
    check_shape(&data, 3, 32, 32);
    assert_int_equal(data.images.labels[1], 9);
    assert_int_equal(data.images.pixels[3072 + 3070], 77);
    assert_int_equal(data.images.pixels[3072 + 3071], 99);
    assert_int_equal(data.n_classes, 10);
    assert_string_equal(data.class_names[9], "truck");
    bh_dataset_clear(&data);
    for (uint8_t i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "cifar/data_batch_%u.bin.xz", i);
        write_batch(name, 1, i, i);
        if (i < 5) {
            refused("cifar", false, BH_ERR_IO, "data_batch_5.bin");
        }
    }
    data = load("cifar");
    check_splits(&data, "0000022");
    assert_int_equal(data.images.labels[3], 4);
    bh_dataset_clear(&data);
    write_batch("cifar/data_batch_3.bin.xz", 1, 10, 0);
    refused("cifar", false, BH_ERR_ENCODING, "record 1 has label 10");
    files_write("cifar/data_batch_3.bin.xz", "0123456789", 10);
    refused("cifar", false, BH_ERR_ENCODING, "records of 3073 bytes");
    files_write("cifar/data_batch_3.bin", "", 0);
    refused("cifar", false, BH_ERR_ENCODING, "data_batch_3.bin: it does not");
}

static void test_class_folders(void **state)
{
    (void)state;
    // Made out of order; names are sorted bytewise, so that Z comes before a.
    files_png("pets/cat/2.png", 3, 4, 6, 2);
    files_png("pets/Zebra/b.PNG", 3, 4, 6, 4);
    files_png("pets/cat/10.png", 3, 4, 6, 1);
    files_png("pets/Zebra/a.png", 3, 4, 6, 3);
    files_png("pets/Zebra/c.png", 3, 40, 60, 5); // becomes 4 x 6
    files_folder("pets/empty");
    files_text("pets/README.txt", "pets");
    files_text("pets/cat/.DS_Store", "hidden");
    assert_int_equal(symlink("../Zebra/a.png", files_at("pets/cat/link")), 0);
    bh_dataset data = load("pets");
    check_shape(&data, 3, 4, 6);
    const uint8_t values[] = {3, 4, 5, 1, 2, 3}, labels[] = {0, 0, 0, 1, 1, 1};
    assert_int_equal(data.images.count, 6);
    assert_memory_equal(data.images.labels, labels, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(data.images.pixels[72 * i + 71], values[i]);
    }
    assert_int_equal(data.n_classes, 3);
    assert_string_equal(data.class_names[0], "Zebra");
    assert_string_equal(data.class_names[2], "empty");
    assert_null(data.split);
    assert_null(data.group);
    assert_int_equal(data.skipped, 0);
    bh_dataset_clear(&data);
    assert_ok(bh_dataset_load(&data, files_at("pets"),
                              &(bh_dataset_options){.wanted = {1, 3, 3}}, NULL));
    check_shape(&data, 1, 3, 3);
    assert_int_equal(data.images.pixels[9 * 5], 3);
    bh_dataset_clear(&data);
}

// Pictures that are not to be resized.
static void test_exact(void **state)
{
    (void)state;
    static const bh_shape wanted[] = {{0}, {1, 4, 4}, {1, 3, 4}};
    bh_dataset_options options = {
        .exact = true, .on_skipped = on_skipped, .user = &seen};
    bh_dataset data;
    bh_error err = {0};
    files_png("exact/x/a.png", 1, 4, 4, 1);
    files_png("exact/x/b.png", 1, 4, 5, 2);
    files_png("exact/x/c.png", 3, 4, 4, 3);
    files_png("exact/y/d.png", 1, 4, 4, 4);
    for (size_t i = 0; i < 2; i++) {
        options.wanted = wanted[i];
        assert_ok(bh_dataset_load(&data, files_at("exact"), &options, &err));
        assert_int_equal(data.images.count, 2);
        assert_int_equal(data.images.pixels[16], 4);
        assert_int_equal(data.skipped, 2);
        assert_non_null(
            strstr(seen.last, "c.png: it is 4 x 4 with 3 channels, not 4 x 4"));
        bh_dataset_clear(&data);
    }
    options.wanted = wanted[2];
    assert_status(bh_dataset_load(&data, files_at("exact"), &options, &err),
                  BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "nothing in "));
    options = (bh_dataset_options){.exact = true, .strict = true};
    assert_status(bh_dataset_load(&data, files_at("exact"), &options, &err),
                  BH_ERR_ENCODING);
    assert_non_null(
        strstr(err.message, "b.png: it is 5 x 4 with 1 channels, not 4 x 4"));
}

// Files that are fine one by one, but too many images or pixels together.
static void test_join_bounds(void **state)
{
    (void)state;
    bh_dataset data = {0};
    bh_error err = {0};
    bh_part parts[] = {{{.count = 6000000, .shape = {1, 1, 1}}, BH_SPLIT_TRAIN},
                       {{.count = 6000000, .shape = {1, 1, 1}}, BH_SPLIT_TEST}};
    assert_status(bh_dataset_join(&data, parts, 2, "d", &err), BH_ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "cannot use d: 12000000 images of 1 x 1"));
    parts[0].images = parts[1].images =
        (bh_images){.count = 10000, .shape = {1, 1024, 1024}};
    assert_status(bh_dataset_join(&data, parts, 2, "d", &err), BH_ERR_TOO_LARGE);
    bh_dataset_clear(&data);
}

static void test_broken_pictures(void **state)
{
    (void)state;
    uint8_t file[512];
    files_png("broken/x/b.png", 1, 3, 3, 200);
    files_png("broken/y/c.png", 3, 8, 8, 100);
    size_t len = files_read("broken/x/b.png", file, sizeof file);
    file[18] = 1; // 259 pixels wide, and a wrong checksum
    files_write("broken/x/a.png", file, len);
    refused("broken", true, BH_ERR_ENCODING, "broken/x/a.png: it is damaged");
    bh_dataset data = load("broken");
    assert_int_equal(data.skipped, 1);
    assert_int_equal(data.images.count, 2);
    check_shape(&data, 1, 3, 3); // of the first that can be read
    bh_dataset_clear(&data);
    files_text("broken/y/d.jpg", "a JPEG file");
    files_folder("broken/y/nested");
    assert_int_equal(mkfifo(files_at("broken/y/pipe.png"), 0600), 0);
    assert_int_equal(symlink("nowhere", files_at("broken/y/link.png")), 0);
    assert_int_equal(symlink("loop.png", files_at("broken/y/loop.png")), 0);
    data = load("broken");
    assert_int_equal(data.skipped, 6);
    assert_non_null(strstr(seen.last, "broken/y/pipe.png"));
    assert_int_equal(data.images.count, 2);
    bh_dataset_clear(&data);
    files_remove("broken/x/b.png");
    files_remove("broken/y/c.png");
    refused("broken", false, BH_ERR_ENCODING, "nothing in ");
    files_png("broken/y/large.png", 1, 1200, 1200, 0);
    refused("broken", true, BH_ERR_ENCODING, "broken/x/a.png");
    files_remove("broken/x/a.png");
    refused("broken", true, BH_ERR_ENCODING, "d.jpg: it is not a PNG file");
    files_remove("broken/y/d.jpg");
    refused("broken", true, BH_ERR_ENCODING, "large.png: 1200 x 1200 pixels");
}

static void test_class_limits(void **state)
{
    (void)state;
    char name[64];
    files_png("many/short/1.png", 1, 1, 1, 0);
    files_folder("many/0123456789012345678901234567890");
    bh_dataset data = load("many");
    assert_string_equal(data.class_names[0], "0123456789012345678901234567890");
    bh_dataset_clear(&data);
    files_folder("many/01234567890123456789012345678901");
    refused("many", false, BH_ERR_ENCODING, "more than 31 bytes");
    files_remove("many/01234567890123456789012345678901");
    for (int i = 0; i < 255; i++) {
        if (i == 254) {
            data = load("many");
            assert_int_equal(data.n_classes, 256);
            assert_int_equal(data.images.labels[0], 255);
            bh_dataset_clear(&data);
        }
        snprintf(name, sizeof name, "many/%03d", i);
        files_folder(name);
    }
    refused("many", false, BH_ERR_ENCODING, "257 classes");
}

static void test_split_folders(void **state)
{
    (void)state;
    files_png("splits/train/1/a.png", 1, 2, 2, 1);
    files_png("splits/train/0/a.png", 1, 2, 2, 0);
    files_png("splits/test/2/a.png", 1, 2, 2, 2);
    files_png("splits/validation/0/a.png", 1, 2, 2, 10);
    files_png("splits/val/1/a.png", 1, 2, 2, 11);
    bh_dataset data = load("splits");
    check_splits(&data, "20011");
    assert_int_equal(data.n_classes, 3);
    const uint8_t labels[] = {2, 0, 1, 1, 0}, values[] = {2, 0, 1, 11, 10};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(data.images.labels[i], labels[i]);
        assert_int_equal(data.images.pixels[4 * i], values[i]);
    }
    assert_string_equal(data.class_names[2], "2");
    bh_dataset_clear(&data);
    // One more folder, and "train" is a class among others.
    files_png("splits/other/a.png", 1, 2, 2, 2);
    data = load("splits");
    assert_int_equal(data.n_classes, 5);
    assert_null(data.split);
    assert_int_equal(data.skipped, 5); // the folders in the folders
    bh_dataset_clear(&data);
    files_folder("none/train");
    refused("none", false, BH_ERR_ENCODING, "there are no examples in");
}

static void test_idc(void **state)
{
    (void)state;
    files_png("idc/9/1/9_idx5_x51_y101_class1.png", 3, 50, 50, 91);
    files_png("idc/9/0/9_idx5_x1_y1_class0.png", 3, 50, 50, 90);
    files_png("idc/10/0/10_idx5_x1_y1_class0.png", 3, 29, 50, 100); // at an edge
    files_png("idc/10/0/10_idx5_x1_y51_class0.png", 3, 50, 50, 101);
    files_folder("idc/11/1");
    bh_dataset data = load("idc");
    check_shape(&data, 3, 50, 50);
    const uint8_t values[] = {100, 101, 90, 91}, labels[] = {0, 0, 0, 1};
    const uint32_t groups[] = {0, 0, 2, 2};
    assert_int_equal(data.images.count, 4);
    assert_memory_equal(data.images.labels, labels, 4);
    assert_memory_equal(data.group, groups, sizeof groups);
    assert_int_equal(data.n_groups, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(data.images.pixels[7500 * i + 7499], values[i]);
    }
    assert_int_equal(data.n_classes, 2);
    assert_string_equal(data.class_names[0], "no IDC");
    assert_string_equal(data.class_names[1], "IDC");
    assert_null(data.split);
    bh_dataset_clear(&data);
}

static void test_idc_damage(void **state)
{
    (void)state;
    static const struct {
        const char *file, *problem;
    } cases[] = {
        {"idc/9/0/9_idx5_x1_y2_class1.png", "not of the class of its folder"},
        {"idc/9/1/9_idx5_x1_y2_class0.png", "not of the class of its folder"},
        {"idc/9/1/9_idx5_x1_y2_class11.png", "not of the class of its folder"},
        {"idc/9/1/10_idx5_x1_y2_class1.png", "not that of its patient"},
        {"idc/9/1/90_idx5_x1_y2_class1.png", "is not PATIENT_idx5"},
        {"idc/9/1/9_idx5_x_y2_class1.png", "is not PATIENT_idx5"},
        {"idc/9/1/9_idx5_x1_y2_class.png", "is not PATIENT_idx5"},
        {"idc/9/1/9_idx5_x1_y2_class1.jpg", "is not PATIENT_idx5"},
        {"idc/9/1/9_idx5_x1_y2_class1.png.png", "is not PATIENT_idx5"},
        {"idc/9/1/9.png", "is not PATIENT_idx5"},
        {"idc/IDC_regular/x.png.txt", "no patient's folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        files_png(cases[i].file, 3, 50, 50, 1);
        refused("idc", true, BH_ERR_ENCODING, cases[i].problem);
        bh_dataset data = load("idc");
        assert_int_equal(data.skipped, 1);
        assert_non_null(strstr(seen.last, cases[i].problem));
        assert_int_equal(data.images.count, 4);
        bh_dataset_clear(&data);
        files_remove(cases[i].file);
    }
    files_remove("idc/IDC_regular");
    files_text("idc/9/1/9_idx5_x1_y2_class1.png", "no picture");
    refused("idc", true, BH_ERR_ENCODING, "9_idx5_x1_y2_class1.png: it is not a PNG");
    files_remove("idc/9/1/9_idx5_x1_y2_class1.png");
    files_folder("bare/1/0");
    refused("bare", false, BH_ERR_ENCODING, "there are no examples in");
}

static void test_unknown(void **state)
{
    (void)state;
    refused("missing", false, BH_ERR_IO, "No such file");
    files_folder("nothing");
    const char *const parts[] = {"train-images-idx3-ubyte", "images-idx3-ubyte",
                                 "data_batch_1.bin", "PNG", ".csv.xz"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        refused("nothing", false, BH_ERR_ENCODING, parts[i]);
    }
    files_text("nothing/a/b.txt", "text");
    refused("nothing", false, BH_ERR_ENCODING, "no data set in");
    refused("nothing/a/b.txt", false, BH_ERR_ENCODING, "no data set in");
    if (geteuid() != 0) {
        assert_int_equal(chmod(files_at("nothing"), 0), 0);
        refused("nothing", false, BH_ERR_IO, "Permission denied");
        assert_int_equal(chmod(files_at("nothing"), 0700), 0);
    }
}

static bh_status load_named(void *name)
{
    bh_dataset data;
    bh_status status = bh_dataset_load(&data, files_at(name), &lenient, NULL);
    bh_dataset_clear(&data);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    static char names[][8] = {"mnist", "cells", "cifar", "pets", "splits", "idc"};
    files_text("cells/index.csv", "patient\n1\n2\n3\n4\n5\n");
    files_remove("cifar/data_batch_3.bin");
    write_batch("cifar/data_batch_3.bin.xz", 1, 3, 3);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, load_named, names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idx_splits),    cmocka_unit_test(test_idx_damage),
        cmocka_unit_test(test_idx_groups),    cmocka_unit_test(test_cifar),
        cmocka_unit_test(test_class_folders), cmocka_unit_test(test_exact),
        cmocka_unit_test(test_join_bounds),   cmocka_unit_test(test_broken_pictures),
        cmocka_unit_test(test_class_limits),  cmocka_unit_test(test_split_folders),
        cmocka_unit_test(test_idc),           cmocka_unit_test(test_idc_damage),
        cmocka_unit_test(test_unknown),       cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, files_begin, files_end);
}
