// SPDX-License-Identifier: Apache-2.0
// IDX and PNG files, good and bad, all written by the test itself.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <png.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "data/images.h"
#include "data/resize.h"
#include "data/xz.h"
#include "support/faults.h"
#include "support/files.h"
#include "support/test.h"

// An IDX file of random bytes behind big-endian words.
static size_t make_idx(uint8_t *out, const uint32_t *words, size_t n_words,
                       size_t content, test_rng *rng)
{
    uint8_t bytes[64];
    for (size_t i = 0; i < content; i++) {
        bytes[i] = (uint8_t)test_rng_next(rng);
    }
    return files_idx(out, words, n_words, bytes, content);
}

static bh_status load_images(const char *name)
{
    bh_images images = {.count = 99};
    bh_error err = {0};
    size_t live = bh_hooks_get()->live_blocks;
    bh_status status = bh_idx_load_images(&images, files_at(name), &err);
    if (status != BH_OK) {
        assert_int_equal(err.status, status);
        assert_non_null(strstr(err.message, name));
        assert_null(images.pixels);
        assert_int_equal(images.count, 0);
    }
    bh_images_clear(&images);
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    return status;
}

static void test_idx(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("idx");
    uint8_t file[256] = {0}, zipped[512];
    bh_images images;
    size_t len = make_idx(file, (uint32_t[]){0x803, 3, 4, 5}, 4, 60, &rng);
    files_write("plain", file, len);
    files_write_gzip("zipped", file, len);
    files_write_xz("zipped.xz", file, len);
    const char *names[] = {"plain", "zipped", "zipped.xz"};
    for (int i = 0; i < 3; i++) {
        assert_ok(bh_idx_load_images(&images, files_at(names[i]), NULL));
        assert_int_equal(images.count, 3);
        assert_int_equal(images.shape.channels, 1);
        assert_int_equal(images.shape.height, 4);
        assert_int_equal(images.shape.width, 5);
        assert_memory_equal(images.pixels, file + 16, 60);
        assert_null(images.labels);
        bh_images_clear(&images);
    }
    for (size_t cut = 0; cut < len; cut++) {
        files_write("cut", file, cut);
        assert_status(load_images("cut"), BH_ERR_ENCODING);
    }
    size_t zipped_len = files_read("zipped", zipped, sizeof zipped);
    for (size_t cut = 0; cut < zipped_len; cut++) {
        files_write("cut.gz", zipped, cut);
        assert_status(load_images("cut.gz"), BH_ERR_ENCODING);
    }
    for (size_t i = 10; i < zipped_len; i++) { // behind gzip's own header
        zipped[i] ^= 0x41;
        files_write("bent.gz", zipped, zipped_len);
        assert_status(load_images("bent.gz"), BH_ERR_ENCODING);
        zipped[i] ^= 0x41;
    }
    files_write("long", file, len + 1);
    assert_status(load_images("long"), BH_ERR_ENCODING);
    files_write_gzip("long.gz", file, len + 1);
    assert_status(load_images("long.gz"), BH_ERR_ENCODING);
}

// Two streams behind each other are one content, as xz(1) has it, and every damage is
// found: all but the first six bytes, without which it is no .xz file.
static void test_xz(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("xz");
    uint8_t file[256], packed[1024];
    bh_images images;
    size_t len = make_idx(file, (uint32_t[]){0x803, 3, 4, 5}, 4, 60, &rng);
    files_write_xz("a.xz", file, 30);
    files_write_xz("b.xz", file + 30, len - 30);
    size_t first = files_read("a.xz", packed, sizeof packed);
    size_t all = first + files_read("b.xz", packed + first, sizeof packed - first);
    files_write("both.xz", packed, all);
    assert_ok(bh_idx_load_images(&images, files_at("both.xz"), NULL));
    assert_memory_equal(images.pixels, file + 16, 60);
    bh_images_clear(&images);
    for (size_t cut = 0; cut < all; cut++) {
        files_write("cut.xz", packed, cut);
        assert_status(load_images("cut.xz"), BH_ERR_ENCODING);
    }
    for (size_t i = 0; i < all; i++) {
        packed[i] ^= 0x41;
        files_write("bent.xz", packed, all);
        bh_status status = load_images("bent.xz"); // a length may be read before a sum
        assert_true(status == BH_ERR_ENCODING || status == BH_ERR_TOO_LARGE);
        packed[i] ^= 0x41;
    }
    files_write_xz("long.xz", file, len + 1);
    assert_status(load_images("long.xz"), BH_ERR_ENCODING);
    files_write_xz("short.xz", file, len - 1);
    assert_status(load_images("short.xz"), BH_ERR_ENCODING);
}

// A file that cannot be read is not called damaged: a folder opens, and fails to.
static void test_xz_unreadable(void **state)
{
    (void)state;
    uint8_t byte;
    size_t got;
    const char *problem = NULL;
    files_folder("folder.xz");
    int fd = open(files_at("folder.xz"), O_RDONLY);
    assert_true(fd >= 0);
    bh_xz *xz = bh_xz_new(fd);
    assert_non_null(xz);
    assert_status(bh_xz_read(xz, &byte, 1, &got, &problem), BH_ERR_IO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(got, 0);
    bh_xz_free(xz);
}

// A dictionary of 2 GiB, which a header may ask for with its checksum right.
static void test_xz_memory(void **state)
{
    (void)state;
    uint8_t packed[256];
    bh_images images;
    bh_error err;
    files_write_xz("greedy.xz", "0123456789", 10);
    size_t len = files_read("greedy.xz", packed, sizeof packed);
    uint8_t *block = packed + 12, *at = block + 2;
    size_t block_len = 4 * (block[0] + (size_t)1);
    while (at[0] != 0x21 || at[1] != 1) { // LZMA2, one byte of properties
        at++;
        assert_true(at < block + block_len - 4);
    }
    at[2] = 38;
    uint32_t crc = (uint32_t)crc32(0, block, (unsigned)(block_len - 4));
    for (size_t i = 0; i < 4; i++) {
        block[block_len - 4 + i] = (uint8_t)(crc >> (8 * i));
    }
    files_write("greedy.xz", packed, len);
    assert_status(bh_idx_load_images(&images, files_at("greedy.xz"), &err),
                  BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "128 MiB"));
}

static void test_idx_headers(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("idx headers");
    uint8_t file[256];
    const struct {
        uint32_t words[4];
        bh_status status;
    } cases[] = {
        {{0x801, 3, 4, 5}, BH_ERR_ENCODING},
        {{0x03080000, 3, 4, 5}, BH_ERR_ENCODING},
        {{0x803, 0, 4, 5}, BH_ERR_TOO_LARGE},
        {{0x803, 3, 0, 5}, BH_ERR_TOO_LARGE},
        {{0x803, 3, 4, 0}, BH_ERR_TOO_LARGE},
        {{0x803, 3, 4097, 5}, BH_ERR_TOO_LARGE},
        {{0x803, 3, 4, UINT32_MAX}, BH_ERR_TOO_LARGE},
        {{0x803, BH_IMAGES_COUNT_MAX + 1, 4, 5}, BH_ERR_TOO_LARGE},
        {{0x803, UINT32_MAX, UINT32_MAX, UINT32_MAX}, BH_ERR_TOO_LARGE},
        {{0x803, 4, 4, 5}, BH_ERR_ENCODING},
        {{0x803, 2, 4, 5}, BH_ERR_ENCODING},
        {{0x803, BH_IMAGES_COUNT_MAX, 4096, 4096}, BH_ERR_ENCODING}, // 160 TiB
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = make_idx(file, cases[i].words, 4, 60, &rng);
        size_t blocks = bh_hooks_get()->alloc_count;
        files_write("bad", file, len);
        assert_status(load_images("bad"), cases[i].status);
        files_write_gzip("bad.gz", file, len);
        assert_status(load_images("bad.gz"), cases[i].status);
        if (i != 9 && i != 10) { // these two only lie by one image
            assert_int_equal(bh_hooks_get()->alloc_count, blocks);
        }
    }
    assert_status(load_images("missing"), BH_ERR_IO);
    assert_status(load_images("."), BH_ERR_IO);
}

static void test_labels(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("labels");
    uint8_t file[256];
    bh_images images;
    bh_error err;
    files_write("i", file, make_idx(file, (uint32_t[]){0x803, 7, 2, 2}, 4, 28, &rng));
    assert_ok(bh_idx_load_images(&images, files_at("i"), NULL));
    size_t len = make_idx(file, (uint32_t[]){0x801, 7}, 2, 7, &rng);
    files_write("l", file, len);
    assert_ok(bh_idx_load_labels(&images, files_at("l"), NULL));
    assert_memory_equal(images.labels, file + 8, 7);
    for (size_t cut = 0; cut < len; cut++) {
        files_write("cut", file, cut);
        assert_status(bh_idx_load_labels(&images, files_at("cut"), &err),
                      BH_ERR_ENCODING);
    }
    files_write("many", file, make_idx(file, (uint32_t[]){0x801, 8}, 2, 8, &rng));
    assert_status(bh_idx_load_labels(&images, files_at("many"), &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "8 labels for 7 images"));
    assert_status(bh_idx_load_labels(&images, files_at("i"), &err), BH_ERR_ENCODING);
    assert_non_null(images.labels); // still the good ones
    bh_images_clear(&images);
}

// What a test PNG is made of: colour type, depth, and rows as libpng wants them.
typedef struct picture {
    int type, depth, interlace;
    uint32_t width, height;
    uint8_t rows[4096];
    size_t row_bytes;
} picture;

static void write_png(const char *name, const picture *p)
{
    FILE *file = fopen(files_at(name), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(file);
    assert_int_equal(setjmp(png_jmpbuf(png)), 0);
    png_init_io(png, file);
    png_set_IHDR(png, info, p->width, p->height, p->depth, p->type, p->interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (p->type == PNG_COLOR_TYPE_PALETTE) {
        const png_color palette[4] = {
            {0, 0, 0}, {255, 0, 0}, {0, 200, 0}, {9, 99, 199}};
        png_set_PLTE(png, info, palette, 4);
        png_set_tRNS(png, info, (png_byte[]){255, 255, 51}, 3, NULL);
    }
    png_write_info(png, info);
    png_set_interlace_handling(png);
    png_bytep rows[64];
    for (uint32_t y = 0; y < p->height; y++) {
        rows[y] = (png_bytep)p->rows + y * p->row_bytes;
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

static picture random_picture(int type, int depth, test_rng *rng)
{
    picture p = {.type = type, .depth = depth, .width = 7, .height = 5};
    size_t channels = type == PNG_COLOR_TYPE_RGB          ? 3
                      : type == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                      : type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                          : 1;
    p.row_bytes = (p.width * channels * (size_t)depth + 7) / 8;
    for (size_t i = 0; i < p.row_bytes * p.height; i++) {
        p.rows[i] = (uint8_t)test_rng_next(rng);
    }
    return p;
}

// Sample c of pixel x in row y, scaled to 8 bits.
static int sample(const picture *p, uint32_t y, size_t index)
{
    const uint8_t *row = p->rows + y * p->row_bytes;
    if (p->depth == 16) {
        int v = row[2 * index] << 8 | row[2 * index + 1];
        return (v * 255 + 32767) / 65535;
    }
    int bits = p->depth, per_byte = 8 / bits, mask = (1 << bits) - 1;
    int shift = 8 - bits * (1 + (int)index % per_byte);
    int v = row[index / (size_t)per_byte] >> shift & mask;
    return p->type == PNG_COLOR_TYPE_PALETTE ? v : v * 255 / mask;
}

static void pixel_of(const picture *p, uint32_t y, uint32_t x, int rgba[4])
{
    static const int palette[4][4] = {
        {0, 0, 0, 255}, {255, 0, 0, 255}, {0, 200, 0, 51}, {9, 99, 199, 255}};
    bool colour = p->type & PNG_COLOR_MASK_COLOR,
         alpha = p->type & PNG_COLOR_MASK_ALPHA;
    size_t channels = (colour ? 3 : 1) + alpha;
    if (p->type == PNG_COLOR_TYPE_PALETTE) {
        memcpy(rgba, palette[sample(p, y, x)], sizeof palette[0]);
        return;
    }
    for (size_t c = 0; c < 3; c++) {
        rgba[c] = sample(p, y, x * channels + (colour ? c : 0));
    }
    rgba[3] = alpha ? sample(p, y, x * channels + channels - 1) : 255;
}

static void check_picture(const picture *p)
{
    uint8_t got[3 * 35], grey[35];
    bh_error err = {0};
    write_png("p.png", p);
    if (bh_png_load(got, (bh_shape){3, 5, 7}, files_at("p.png"), &err) != BH_OK) {
        fail_msg("type %d depth %d: %s", p->type, p->depth, err.message);
    }
    assert_ok(bh_png_load(grey, (bh_shape){1, 5, 7}, files_at("p.png"), NULL));
    bh_shape shape;
    assert_ok(bh_png_shape(&shape, files_at("p.png"), NULL));
    assert_int_equal(shape.channels, p->type & PNG_COLOR_MASK_COLOR ? 3 : 1);
    assert_int_equal(shape.height, 5);
    assert_int_equal(shape.width, 7);
    for (uint32_t i = 0; i < 35; i++) {
        int rgba[4];
        double luma = 0;
        const double factors[3] = {0.299, 0.587, 0.114};
        pixel_of(p, i / 7, i % 7, rgba);
        for (int c = 0; c < 3; c++) {
            double want = (rgba[c] * rgba[3] + 255 * (255 - rgba[3])) / 255.0;
            // One unit more for 16 bits, which libpng narrows with its own rounding.
            assert_true(fabs(got[35 * c + (int)i] - want) <=
                        (p->depth == 16 ? 1.51 : 0.51));
            luma += factors[c] * got[35 * c + (int)i];
        }
        assert_true(fabs(grey[i] - luma) <= 0.501);
    }
}

static void test_png_kinds(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("png kinds");
    const int kinds[][2] = {
        {PNG_COLOR_TYPE_GRAY, 1},       {PNG_COLOR_TYPE_GRAY, 2},
        {PNG_COLOR_TYPE_GRAY, 4},       {PNG_COLOR_TYPE_GRAY, 8},
        {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_RGB, 8},
        {PNG_COLOR_TYPE_RGB, 16},       {PNG_COLOR_TYPE_PALETTE, 2},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {PNG_COLOR_TYPE_GRAY_ALPHA, 16},
        {PNG_COLOR_TYPE_RGB_ALPHA, 8},  {PNG_COLOR_TYPE_RGB_ALPHA, 16},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        picture p = random_picture(kinds[i][0], kinds[i][1], &rng);
        check_picture(&p);
        p.interlace = PNG_INTERLACE_ADAM7;
        check_picture(&p);
    }
}

static bh_status load_png(const char *name, bh_error *err)
{
    uint8_t pixels[35];
    size_t live = bh_hooks_get()->live_blocks;
    memset(pixels, 77, sizeof pixels);
    bh_status status = bh_png_load(pixels, (bh_shape){1, 5, 7}, files_at(name), err);
    for (int i = 0; i < 35 && status != BH_OK; i++) {
        assert_int_equal(pixels[i], 77); // unchanged
    }
    assert_int_equal(bh_hooks_get()->live_blocks, live);
    return status;
}

static void test_png_damage(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("png damage");
    static uint8_t file[8192];
    bh_error err = {0};
    picture p = random_picture(PNG_COLOR_TYPE_RGB_ALPHA, 8, &rng);
    p.interlace = PNG_INTERLACE_ADAM7;
    write_png("p.png", &p);
    size_t len = files_read("p.png", file, sizeof file);
    for (size_t cut = 0; cut < len; cut++) {
        files_write("cut.png", file, cut);
        assert_status(load_png("cut.png", &err), BH_ERR_ENCODING);
        assert_non_null(strstr(err.message, "cut.png: "));
    }
    size_t refused = 0;
    for (size_t i = 0; i < len; i++) { // every chunk has a checksum
        uint8_t old = file[i];
        file[i] ^= (uint8_t)(1 + test_rng_below(&rng, 255));
        files_write("bent.png", file, len);
        refused += load_png("bent.png", &err) == BH_ERR_ENCODING;
        file[i] = old;
    }
    assert_int_equal(refused, len);
    files_write("digit.txt", "hello, this is text", 19);
    assert_status(load_png("digit.txt", &err), BH_ERR_ENCODING);
    assert_non_null(strstr(err.message, "digit.txt: it is not a PNG file"));
    assert_status(load_png("none.png", &err), BH_ERR_IO);
    assert_non_null(strstr(err.message, "No such file or directory"));
    assert_status(load_png(".", &err), BH_ERR_IO);
    assert_int_equal(mkfifo(files_at("pipe.png"), 0600), 0);
    assert_status(load_png("pipe.png", &err), BH_ERR_IO); // without waiting
    assert_non_null(strstr(err.message, "pipe.png: it is not a file"));
}

// Headers with right checksums and absurd sizes cost no memory for pixels.
static void test_png_sizes(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("png sizes");
    static uint8_t file[8192];
    bh_error err;
    picture p = random_picture(PNG_COLOR_TYPE_GRAY, 8, &rng);
    write_png("p.png", &p);
    size_t len = files_read("p.png", file, sizeof file);
    const uint32_t sizes[][2] = {
        {0, 5},        {7, 0},          {16385, 1},   {1, 16385}, {16384, 16384},
        {1u << 31, 1}, {1, UINT32_MAX}, {8192, 8193}, {8, 5},     {7, 6}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < 8; k++) {
            file[16 + k] = (uint8_t)(sizes[i][k / 4] >> (24 - 8 * (k % 4)));
        }
        uint32_t crc = (uint32_t)crc32(0, file + 12, 17);
        for (size_t k = 0; k < 4; k++) {
            file[29 + k] = (uint8_t)(crc >> (24 - 8 * k));
        }
        files_write("size.png", file, len);
        assert_status(load_png("size.png", &err), BH_ERR_ENCODING);
    }
    uint8_t pixel;
    assert_status(bh_png_load(&pixel, (bh_shape){2, 1, 1}, files_at("p.png"), NULL),
                  BH_ERR_ARG);
    assert_status(bh_png_load(&pixel, (bh_shape){1, 0, 1}, files_at("p.png"), NULL),
                  BH_ERR_ARG);
    assert_status(bh_png_load(&pixel, (bh_shape){1, 1, 4097}, files_at("p.png"), NULL),
                  BH_ERR_ARG);
}

// Area averages and linear interpolation along one axis, in floating point.
static double axis_weight(uint32_t n_in, uint32_t n_out, uint32_t i, uint32_t k)
{
    if (n_out >= n_in) {
        double centre = (i + 0.5) * n_in / n_out - 0.5;
        centre = fmin(fmax(centre, 0), n_in - 1);
        return fmax(0, 1 - fabs(centre - k));
    }
    double size = (double)n_in / n_out;
    double left = fmax(i * size, k), right = fmin((i + 1) * size, k + 1);
    return fmax(0, right - left) / size;
}

static void test_resize(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("resize");
    uint8_t in[3 * 24 * 24], out[3 * 24 * 24];
    for (int trial = 0; trial < 400; trial++) {
        uint32_t h = (uint32_t)test_rng_range(&rng, 1, 24);
        uint32_t w = (uint32_t)test_rng_range(&rng, 1, 24);
        bh_shape s = {trial % 2 ? 3 : 1, (uint32_t)test_rng_range(&rng, 1, 24),
                      (uint32_t)test_rng_range(&rng, 1, 24)};
        for (size_t i = 0; i < sizeof in; i++) {
            in[i] = (uint8_t)test_rng_next(&rng);
        }
        assert_ok(bh_resize(out, s, in, h, w));
        for (uint32_t k = 0; k < bh_shape_len(s); k++) {
            uint32_t x = k % s.width, y = k / s.width % s.height;
            uint32_t c = k / s.width / s.height;
            double want = 0;
            for (uint32_t a = 0; a < h; a++) {
                for (uint32_t b = 0; b < w; b++) {
                    want += axis_weight(h, s.height, y, a) *
                            axis_weight(w, s.width, x, b) *
                            in[(a * w + b) * s.channels + c];
                }
            }
            assert_true(fabs(out[k] - want) < 0.5 + 1e-6);
        }
        if (h == s.height && w == s.width && s.channels == 1) {
            assert_memory_equal(in, out, (size_t)h * w);
        }
    }
    memset(in, 255, sizeof in); // white stays white
    assert_ok(bh_resize(out, (bh_shape){1, 24, 7}, in, 9, 24));
    for (int i = 0; i < 24 * 7; i++) {
        assert_int_equal(out[i], 255);
    }
}

static bh_status load_everything(void *unused)
{
    (void)unused;
    bh_images images = {0};
    uint8_t pixels[9];
    bh_status status = bh_idx_load_images(&images, files_at("i.xz"), NULL);
    if (status == BH_OK) {
        status = bh_idx_load_labels(&images, files_at("l"), NULL);
    }
    if (status == BH_OK) {
        status = bh_png_load(pixels, (bh_shape){1, 3, 3}, files_at("p.png"), NULL);
    }
    bh_images_clear(&images);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    bh_hooks *hooks = bh_hooks_get();
    test_rng rng = test_rng_new("allocations");
    picture p = random_picture(PNG_COLOR_TYPE_PALETTE, 2, &rng);
    uint8_t file[64];
    size_t len = make_idx(file, (uint32_t[]){0x803, 2, 2, 2}, 4, 8, &rng);
    files_write_xz("i.xz", file, len);
    files_write("l", file, make_idx(file, (uint32_t[]){0x801, 2}, 2, 2, &rng));
    write_png("p.png", &p);
    fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, load_everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idx),
        cmocka_unit_test(test_xz),
        cmocka_unit_test(test_xz_memory),
        cmocka_unit_test(test_xz_unreadable),
        cmocka_unit_test(test_idx_headers),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_png_kinds),
        cmocka_unit_test(test_png_damage),
        cmocka_unit_test(test_png_sizes),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, files_begin, files_end);
}
