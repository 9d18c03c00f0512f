// SPDX-License-Identifier: Apache-2.0
// The reader and writer of safetensors files.
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "exchange/safetensors.h"
#include "support/faults.h"
#include "support/tensor_file.h"
#include "support/test.h"

#define TENSOR(name, shape, offsets)                                                   \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

// The status and the sentence of a file that is to be refused.
static void refused(bh_writer *w, bh_status expected, const char *part)
{
    bh_tensors t;
    bh_error err = {0};
    size_t live = bh_hooks_get()->live_blocks;
    assert_status(bh_tensors_read(&t, w->data, w->len, "x.st", &err), expected);
    if (strstr(err.message, part) == NULL || strstr(err.message, "x.st") == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
    assert_true(test_is_zero(&t, sizeof t));
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    bh_writer_clear(w);
}

static void refused_header(const char *header, size_t data_len, const char *part)
{
    static const uint8_t data[64];
    bh_writer w = tensor_file_raw(header, data, data_len);
    refused(&w, BH_ERR_ENCODING, part);
}

static void test_read(void **state)
{
    (void)state;
    bh_tensors t;
    static const float b[3] = {1, -2, 0.5f}, a[1] = {7};
    tensor_file f = {0};
    tensor_file_add(&f, "b", "[1, 3]", b, 3);
    tensor_file_add(&f, "empty", "[2, 0, 5]", NULL, 0);
    tensor_file_add(&f, "a", "[]", a, 1);
    strcat(f.header, ", \"__metadata__\": {\"format\": \"pt\"}    ");
    bh_writer w = tensor_file_end(&f);
    assert_ok(bh_tensors_read(&t, w.data, w.len, "x.st", NULL));
    assert_int_equal(t.count, 3);
    assert_string_equal(t.items[0].name, "a"); // by name
    assert_string_equal(t.items[1].name, "b");
    assert_string_equal(t.items[2].name, "empty");
    float values[3] = {0};
    const bh_tensor *found = bh_tensors_find(&t, "b");
    assert_ptr_equal(found, &t.items[1]);
    assert_int_equal(found->rank, 2);
    assert_int_equal(found->shape[1], 3);
    assert_ok(bh_tensor_floats(values, &t, found, NULL));
    assert_memory_equal(values, b, sizeof b);
    assert_ok(bh_tensor_floats(values, &t, &t.items[0], NULL));
    assert_true(values[0] == 7);
    assert_int_equal(t.items[0].rank, 0);
    assert_int_equal(t.items[2].count, 0);
    assert_null(bh_tensors_find(&t, "c"));
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
}

static void test_framing(void **state)
{
    (void)state;
    bh_writer w = {0};
    refused(&w, BH_ERR_ENCODING, "shorter than its header");
    bh_writer_u64(&w, 3);
    bh_writer_bytes(&w, "{}", 2);
    refused(&w, BH_ERR_ENCODING, "shorter than its header");
    bh_writer_u64(&w, UINT64_MAX);
    bh_writer_bytes(&w, "{}", 2);
    refused(&w, BH_ERR_ENCODING, "shorter than its header");
    refused_header("", 0, "does not begin with {");
    refused_header(" {}", 0, "does not begin with {");
    refused_header("[]", 0, "does not begin with {");
    refused_header("{\"a\": ", 0, "is no JSON");
    refused_header("{} {}", 0, "is no JSON");
    refused_header("{\"\xff\": 1}", 0, "is no JSON");
    refused_header("{}", 1, "belong to no tensor");
    refused_header("{\"a\":1}", 0, "\"a\" is not described by");
    refused_header("{" TENSOR("a", "[1]", "[0,4]") "," TENSOR("a", "[1]", "[4,8]") "}",
                   8, "duplicate");
    refused_header("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__");
    refused_header("{\"__metadata__\":[]}", 0, "__metadata__");
}

// 100 MB and a byte of spaces, all of them there.
static void test_long_header(void **state)
{
    (void)state;
    bh_writer w = {0};
    bh_writer_u64(&w, BH_TENSORS_HEADER_MAX + 1);
    uint8_t *header = bh_writer_extend(&w, BH_TENSORS_HEADER_MAX + 1);
    assert_non_null(header);
    memset(header, ' ', BH_TENSORS_HEADER_MAX + 1);
    refused(&w, BH_ERR_ENCODING, "longer than 100 MB");
}

// Many small values in few bytes: refused before the parser makes objects of them.
static void test_many_values(void **state)
{
    (void)state;
    const size_t len = 16 * BH_TENSORS_COUNT_MAX + 16;
    bh_writer w = {0};
    bh_writer_u64(&w, len);
    uint8_t *header = bh_writer_extend(&w, len);
    assert_non_null(header);
    memset(header, ',', len);
    memcpy(header, "{\"a\":[1", 7);
    refused(&w, BH_ERR_ENCODING, "too many values");
}

static void test_many_tensors(void **state)
{
    (void)state;
    bh_writer w = {0};
    bh_writer_u64(&w, 0);
    for (unsigned i = 0; i <= BH_TENSORS_COUNT_MAX; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%s\"%u\":1", i == 0 ? "{" : ",", i);
        bh_writer_bytes(&w, text, (size_t)len);
    }
    bh_writer_u8(&w, '}');
    for (unsigned i = 0; i < 8; i++) {
        w.data[i] = (uint8_t)((w.len - 8) >> (8 * i));
    }
    refused(&w, BH_ERR_ENCODING, "too many tensors");
}

static void test_tensors(void **state)
{
    (void)state;
    refused_header("{" TENSOR("", "[1]", "[0,4]") "}", 4, "empty or too long");
    refused_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "not described by");
    refused_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],"
                   "\"x\":1}}",
                   4, "not described by");
    refused_header("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                   4, "unknown dtype");
    refused_header("{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                   "unknown dtype");
    refused_header("{" TENSOR("a", "4", "[0,4]") "}", 4, "has no shape");
    refused_header("{" TENSOR("a", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4,
                   "too many dimensions");
    refused_header("{" TENSOR("a", "[1.0]", "[0,4]") "}", 4, "no whole number");
    refused_header("{" TENSOR("a", "[-1]", "[0,4]") "}", 4, "no whole number");
    refused_header("{" TENSOR("a", "[\"1\"]", "[0,4]") "}", 4, "no whole number");
    refused_header("{" TENSOR("a", "[9223372036854775808]", "[0,4]") "}", 4, "no JSON");
    // Products that are 4 and 1 modulo 2^64.
    refused_header("{" TENSOR("a", "[4294967296,4294967296,4]", "[0,4]") "}", 4,
                   "larger than the file");
    refused_header("{" TENSOR("a", "[4611686018427387905,4]", "[0,16]") "}", 16,
                   "larger than the file");
    refused_header("{" TENSOR("a", "[1]", "[0]") "}", 4, "two whole numbers");
    refused_header("{" TENSOR("a", "[1]", "[0,4,4]") "}", 4, "two whole numbers");
    refused_header("{" TENSOR("a", "[1]", "[-4,0]") "}", 4, "two whole numbers");
    refused_header("{" TENSOR("a", "[1]", "[4,0]") "}", 4, "ends before it begins");
    refused_header("{" TENSOR("a", "[1]", "[4,8]") "}", 7, "beyond the end");
    refused_header("{" TENSOR("a", "[1]", "[0,9223372036854775807]") "}", 4,
                   "beyond the end");
    refused_header("{" TENSOR("a", "[2]", "[0,4]") "}", 4, "do not fit");
    refused_header("{" TENSOR("a", "[1]", "[0,5]") "}", 5, "do not fit");
    refused_header("{" TENSOR("a", "[0]", "[0,4]") "}", 4, "do not fit");
    refused_header("{" TENSOR("a", "[]", "[0,0]") "}", 0, "do not fit");
}

static void test_places(void **state)
{
    (void)state;
    refused_header("{" TENSOR("a", "[1]", "[0,4]") "," TENSOR("b", "[1]", "[0,4]") "}",
                   4, "overlaps");
    refused_header("{" TENSOR("b", "[2]", "[4,12]") "," TENSOR("a", "[2]", "[0,8]") "}",
                   12, "\"b\" overlaps");
    refused_header("{" TENSOR("a", "[1]", "[4,8]") "}", 8,
                   "\"a\" begins behind a hole");
    refused_header("{" TENSOR("a", "[1]", "[0,4]") "," TENSOR("b", "[1]", "[8,12]") "}",
                   12, "\"b\" begins behind a hole");
    refused_header("{" TENSOR("a", "[1]", "[0,4]") "}", 5, "belong to no tensor");
}

// Long names do not run over the sentence's end.
static void test_names(void **state)
{
    (void)state;
    char name[BH_TENSORS_NAME_MAX + 2], header[512];
    memset(name, 'n', sizeof name);
    for (size_t len = BH_TENSORS_NAME_MAX; len <= BH_TENSORS_NAME_MAX + 1; len++) {
        bh_tensors t;
        snprintf(header, sizeof header, "{" TENSOR("%.*s", "[1]", "[0,4]") "}",
                 (int)len, name);
        if (len > BH_TENSORS_NAME_MAX) {
            refused_header(header, 4, "empty or too long");
            break;
        }
        bh_writer w = tensor_file_raw(header, "abcd", 4);
        assert_ok(bh_tensors_read(&t, w.data, w.len, "x.st", NULL));
        bh_tensors_clear(&t);
        bh_writer_clear(&w);
    }
}

static void check_values(const char *type, const void *data, size_t len,
                         const float *expected, size_t count)
{
    char header[128];
    bh_tensors t;
    float values[8];
    snprintf(header, sizeof header,
             "{\"a\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}",
             type, count, len);
    bh_writer w = tensor_file_raw(header, data, len);
    bh_error err = {0};
    assert_ok(bh_tensors_read(&t, w.data, w.len, "x.st", NULL));
    if (expected != NULL) {
        assert_ok(bh_tensor_floats(values, &t, t.items, NULL));
        assert_memory_equal(values, expected, count * sizeof *values);
    } else {
        assert_status(bh_tensor_floats(values, &t, t.items, &err), BH_ERR_ENCODING);
        assert_non_null(strstr(err.message, "x.st: tensor \"a\""));
    }
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
}

static void test_types(void **state)
{
    (void)state;
    // 1, -2, the largest, the least normal, the least subnormal, minus zero.
    static const uint8_t f16[] = {0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b,
                                  0x00, 0x04, 0x01, 0x00, 0x00, 0x80};
    check_values("F16", f16, sizeof f16,
                 (float[]){1, -2, 65504, 0x1p-14f, 0x1p-24f, -0.0f}, 6);
    static const uint8_t bf16[] = {0x80, 0x3f, 0x49, 0x40, 0x00, 0xc0};
    check_values("BF16", bf16, sizeof bf16, (float[]){1, 3.140625f, -2}, 3);
    static const uint8_t f64[] = {0, 0, 0, 0, 0, 0, 0xf8, 0x3f};
    check_values("F64", f64, sizeof f64, (float[]){1.5f}, 1);
    static const uint8_t f32[] = {0, 0, 0xc0, 0x3f};
    check_values("F32", f32, sizeof f32, (float[]){1.5f}, 1);
    // Infinite, not a number, and finite only as a double.
    check_values("F16", (uint8_t[]){0x00, 0x7c}, 2, NULL, 1);
    check_values("F16", (uint8_t[]){0x01, 0xfc}, 2, NULL, 1);
    check_values("BF16", (uint8_t[]){0x80, 0x7f}, 2, NULL, 1);
    check_values("F32", (uint8_t[]){0, 0, 0xc0, 0x7f}, 4, NULL, 1);
    check_values("F64", (uint8_t[]){0, 0, 0, 0, 0, 0, 0xe0, 0x7f}, 8, NULL, 1);
    // Known, but no weights.
    check_values("I64", f64, sizeof f64, NULL, 1);
    check_values("U8", f64, sizeof f64, NULL, 8);
    check_values("BOOL", f64, sizeof f64, NULL, 8);
}

static void test_write(void **state)
{
    (void)state;
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    const bh_tensor_source sources[] = {
        {"b\"\n", 2, {2, 3}, values}, {"c", 1, {0}, values}, {"a", 0, {0}, values + 5}};
    const bh_tensor_source turned[] = {sources[2], sources[0], sources[1]};
    bh_writer w = {0}, again = {0};
    bh_tensors t;
    assert_ok(bh_tensors_write(&w, sources, 3));
    assert_ok(bh_tensors_write(&again, turned, 3));
    assert_int_equal(w.len, again.len);
    assert_memory_equal(w.data, again.data, w.len);
    assert_int_equal(w.len % 4, 0);
    assert_ok(bh_tensors_read(&t, w.data, w.len, "x.st", NULL));
    assert_int_equal((t.data - w.data) % 8, 0);
    float back[6];
    assert_ok(bh_tensor_floats(back, &t, bh_tensors_find(&t, "b\"\n"), NULL));
    assert_memory_equal(back, values, sizeof values);
    assert_ok(bh_tensor_floats(back, &t, bh_tensors_find(&t, "a"), NULL));
    assert_true(back[0] == 6);
    bh_tensors_clear(&t);
    bh_writer_clear(&w);
    bh_writer_clear(&again);
}

static void test_shape_text(void **state)
{
    (void)state;
    char text[BH_SHAPE_TEXT_BYTES];
    const uint64_t shape[8] = {6, 1, 5, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 1};
    assert_string_equal(bh_shape_text(text, shape, 3), "[6,1,5]");
    assert_string_equal(bh_shape_text(text, shape, 0), "[]");
    assert_int_equal(strlen(bh_shape_text(text, shape, 8)), BH_SHAPE_TEXT_BYTES - 1);
}

// A trained residual network: no network for `import`, but a file as they are.
static void test_real_file(void **state)
{
    (void)state;
    const char *path =
        BH_SOURCE_DIR "/../shared/data/models/resnet8_cifar10_mlperftiny.safetensors";
    bh_tensors t;
    if (access(path, R_OK) != 0) {
        printf("skipped: %s is not here\n", path);
        skip();
    }
    assert_ok(bh_tensors_load(&t, path, NULL));
    const bh_tensor *conv = bh_tensors_find(&t, "conv2d_1.weight");
    assert_non_null(conv);
    assert_int_equal(conv->count, 16 * 16 * 3 * 3);
    float *values = bh_alloc(conv->count, sizeof *values);
    assert_ok(bh_tensor_floats(values, &t, conv, NULL));
    bh_free(values);
    bh_tensors_clear(&t);
}

static bh_status load_once(void *arg)
{
    bh_tensors t;
    bh_status status = bh_tensors_load(&t, arg, NULL);
    if (status == BH_OK) {
        bh_tensors_clear(&t);
    }
    return status;
}

static void test_files(void **state)
{
    (void)state;
    char path[] = "/tmp/bh-safetensors-XXXXXX";
    bh_error err = {0};
    bh_tensors t;
    assert_status(bh_tensors_load(&t, "/tmp/bh-none/x", &err), BH_ERR_IO);
    assert_status(bh_tensors_load(&t, "/tmp", &err), BH_ERR_IO);
    bh_writer w = tensor_file_raw("{" TENSOR("a", "[1]", "[0,4]") "}", "abcd", 4);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, w.data, w.len), w.len);
    assert_ok(load_once(path));
    assert_true(
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, load_once, path) >= 2);
    // Larger than what is read at all: refused by its size.
    assert_int_equal(ftruncate(fd, (off_t)BH_TENSORS_FILE_MAX + 1), 0);
    assert_status(bh_tensors_load(&t, path, &err), BH_ERR_TOO_LARGE);
    close(fd);
    unlink(path);
    bh_writer_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),         cmocka_unit_test(test_framing),
        cmocka_unit_test(test_long_header),  cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_many_tensors), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_places),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_types),        cmocka_unit_test(test_write),
        cmocka_unit_test(test_shape_text),   cmocka_unit_test(test_real_file),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
