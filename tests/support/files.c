// SPDX-License-Identifier: Apache-2.0
#include "support/files.h"

#include <ftw.h>
#include <lzma.h>
#include <png.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char dir[64];

int files_begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bayhenn-files-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

int files_end(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *files_at(const char *name)
{
    static char paths[2][256];
    static int turn;
    turn ^= 1;
    snprintf(paths[turn], sizeof paths[0], "%s/%s", dir, name);
    return paths[turn];
}

// The folders above a path, but not what its last part names.
static const char *make_above(const char *path)
{
    char above[256];
    snprintf(above, sizeof above, "%s", path);
    for (char *at = above + strlen(dir) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(above, 0700);
        *at = '/';
    }
    return path;
}

void files_folder(const char *name)
{
    assert_int_equal(mkdir(make_above(files_at(name)), 0700), 0);
}

void files_write(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(make_above(files_at(name)), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

void files_write_gzip(const char *name, const void *data, size_t len)
{
    gzFile file = gzopen(make_above(files_at(name)), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)len), len);
    gzclose(file);
}

void files_write_xz(const char *name, const void *data, size_t len)
{
    size_t size = lzma_stream_buffer_bound(len), packed = 0;
    uint8_t *out = malloc(size);
    assert_non_null(out);
    assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, data, len, out,
                                             &packed, size),
                     LZMA_OK);
    files_write(name, out, packed);
    free(out);
}

void files_text(const char *name, const char *text)
{
    files_write(name, text, strlen(text));
}

size_t files_read(const char *name, uint8_t *out, size_t size)
{
    FILE *file = fopen(files_at(name), "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, size, file);
    fclose(file);
    return len;
}

void files_remove(const char *name)
{
    assert_int_equal(nftw(files_at(name), remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void files_png(const char *name, uint32_t channels, uint32_t height, uint32_t width,
               uint8_t value)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = width,
                       .height = height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    size_t len = (size_t)channels * height * width;
    uint8_t *pixels = malloc(len);
    assert_non_null(pixels);
    memset(pixels, value, len);
    assert_int_equal(
        png_image_write_to_file(&image, make_above(files_at(name)), 0, pixels, 0, NULL),
        1);
    free(pixels);
}

size_t files_idx(uint8_t *out, const uint32_t *words, size_t n_words,
                 const uint8_t *content, size_t len)
{
    for (size_t i = 0; i < 4 * n_words; i++) {
        out[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
    }
    memcpy(out + 4 * n_words, content, len);
    return 4 * n_words + len;
}
