// SPDX-License-Identifier: Apache-2.0
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/images.h"
#include "data/resize.h"
#include "data/source.h"

#define PIXELS_MAX (1u << 26) // 256 MiB as RGBA
_Static_assert(BH_RESIZE_DIM_MAX == 16384 && PIXELS_MAX == 67108864,
               "size_problem says these numbers in words");
#define CHUNK_MAX (8u << 20) // of text, profiles and the like, none of which is used

// Everything about one file. It is reached through a pointer only, so that nothing of
// it is lost when libpng jumps back.
typedef struct png_job {
    FILE *file;
    png_structp png;
    png_infop info;
    uint32_t width, height;
    uint8_t *rgba; // 4 bytes per pixel
    bool no_memory;
    const char *problem; // what is wrong, for people; NULL: it is damaged
} png_job;

static void on_error(png_structp png, png_const_charp message)
{
    (void)message; // in the words of libpng, which people need not know
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t len)
{
    void *block = bh_alloc(len, 1);
    ((png_job *)png_get_mem_ptr(png))->no_memory |= block == NULL;
    return block;
}

static void on_free(png_structp png, png_voidp block)
{
    (void)png;
    bh_free(block);
}

static void fail_memory(png_job *job)
{
    job->no_memory = true;
    png_error(job->png, "out of memory");
}

// Whatever the file holds becomes 8-bit RGBA.
static void ask_for_rgba(png_job *job)
{
    png_set_expand(job->png);
    png_set_scale_16(job->png);
    png_set_gray_to_rgb(job->png);
    png_set_add_alpha(job->png, 0xff, PNG_FILLER_AFTER);
}

static void read_rows(png_job *job)
{
    // An interlaced image is read over itself, once for each pass.
    int passes = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    size_t row_bytes = (size_t)job->width * 4;
    if (png_get_rowbytes(job->png, job->info) != row_bytes) {
        job->problem = "its pixels have an unknown layout";
        png_error(job->png, job->problem);
    }
    job->rgba = bh_alloc(job->height, row_bytes);
    if (job->rgba == NULL) {
        fail_memory(job);
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < job->height; y++) {
            png_read_row(job->png, job->rgba + y * row_bytes, NULL);
        }
    }
    png_read_end(job->png, NULL);
}

// False when libpng jumped out; job->problem then says why.
static bool decode(png_job *job)
{
    if (setjmp(png_jmpbuf(job->png)) != 0) {
        return false;
    }
    png_set_user_limits(job->png, BH_RESIZE_DIM_MAX, BH_RESIZE_DIM_MAX);
    png_set_chunk_malloc_max(job->png, CHUNK_MAX);
    png_init_io(job->png, job->file);
    png_read_info(job->png, job->info);
    job->width = png_get_image_width(job->png, job->info);
    job->height = png_get_image_height(job->png, job->info);
    ask_for_rgba(job);
    read_rows(job);
    return true;
}

static bh_status read_rgba(png_job *job)
{
    job->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, on_error,
                                        on_warning, job, on_malloc, on_free);
    job->info = job->png != NULL ? png_create_info_struct(job->png) : NULL;
    bool ok = job->info != NULL && decode(job);
    job->no_memory |= job->info == NULL;
    png_destroy_read_struct(job->png != NULL ? &job->png : NULL, &job->info, NULL);
    return ok ? BH_OK : job->no_memory ? BH_ERR_NOMEM : BH_ERR_ENCODING;
}

// Alpha over white, then `channels` bytes for each pixel, in place: they take less room
// than the four they come from. Luma after ITU-R BT.601.
static void to_channels(uint8_t *pixels, size_t count, uint32_t channels)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t v[3], alpha = pixels[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            v[c] = (pixels[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255;
        }
        uint32_t luma = (299 * v[0] + 587 * v[1] + 114 * v[2] + 500) / 1000;
        for (uint32_t c = 0; c < channels && c < 3; c++) {
            pixels[channels * i + c] = (uint8_t)(channels == 1 ? luma : v[c]);
        }
    }
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// What the first chunk says of the shape, before libpng sees it: of a size that it
// refuses, libpng says no more than that the chunk is invalid. NULL: nothing is wrong.
static const char *read_shape(bh_shape *out, FILE *file)
{
    uint8_t signature[8],
        chunk[18]; // length, "IHDR", width, height, depth, colour type
    if (fread(signature, 1, 8, file) != 8 || png_sig_cmp(signature, 0, 8) != 0) {
        return "it is not a PNG file";
    }
    if (fread(chunk, 1, sizeof chunk, file) != sizeof chunk ||
        memcmp(chunk + 4, "IHDR", 4) != 0) {
        return "it is damaged";
    }
    uint32_t width = read_u32(chunk + 8), height = read_u32(chunk + 12);
    if (width == 0 || height == 0) {
        return "it is 0 pixels wide or high";
    }
    if (width > BH_RESIZE_DIM_MAX || height > BH_RESIZE_DIM_MAX) {
        return "it is larger than 16384 pixels a side";
    }
    bool colour = (chunk[17] & PNG_COLOR_MASK_COLOR) != 0;
    *out = (bh_shape){colour ? 3 : 1, height, width};
    return (uint64_t)width * height > PIXELS_MAX ? "it has more than 67 million pixels"
                                                 : NULL;
}

static bh_status open_png(FILE **file, bh_shape *shape, const char *path, bh_error *err)
{
    int fd;
    uint64_t file_bytes;
    bh_status status = bh_file_open(&fd, &file_bytes, path, err);
    if (status != BH_OK) {
        return status;
    }
    *file = fdopen(fd, "rb");
    if (*file == NULL) {
        close(fd);
        return bh_fail(err, BH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
    const char *problem = read_shape(shape, *file);
    if (problem != NULL) {
        fclose(*file);
        *file = NULL;
        return bh_fail(err, BH_ERR_ENCODING, "cannot read %s: %s", path, problem);
    }
    return BH_OK;
}

bh_status bh_png_shape(bh_shape *out, const char *path, bh_error *err)
{
    FILE *file = NULL;
    bh_shape shape;
    bh_status status = open_png(&file, &shape, path, err);
    if (status == BH_OK) {
        *out = shape;
        fclose(file);
    }
    return status;
}

static bh_status load(png_job *job, uint8_t *pixels, bh_shape wanted, const char *path,
                      bh_error *err)
{
    rewind(job->file);
    bh_status status = read_rgba(job);
    if (status == BH_OK) {
        to_channels(job->rgba, (size_t)job->width * job->height, wanted.channels);
        status = bh_resize(pixels, wanted, job->rgba, job->height, job->width);
    }
    if (status != BH_OK) {
        bh_fail(err, status, "cannot read %s: %s", path,
                status == BH_ERR_NOMEM ? "out of memory"
                : job->problem != NULL ? job->problem
                                       : "it is damaged");
    }
    return status;
}

bh_status bh_png_load(uint8_t *pixels, bh_shape wanted, const char *path, bh_error *err)
{
    png_job job = {0};
    bh_shape own;
    if ((wanted.channels != 1 && wanted.channels != 3) || wanted.height == 0 ||
        wanted.width == 0 || wanted.height > BH_GRAPH_DIM_MAX ||
        wanted.width > BH_GRAPH_DIM_MAX) {
        return bh_fail(err, BH_ERR_ARG,
                       "images have 1 or 3 channels and sides of 1 to %d pixels",
                       BH_GRAPH_DIM_MAX);
    }
    bh_status status = open_png(&job.file, &own, path, err);
    if (status != BH_OK) {
        return status;
    }
    status = load(&job, pixels, wanted, path, err);
    bh_free(job.rgba);
    fclose(job.file);
    return status;
}
