// SPDX-License-Identifier: Apache-2.0
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"
#include "report/report.h"

#define SHOWN    12
#define SIDE_MIN 4 // of a picture that there is something to see on

static void put_base64(FILE *out, const uint8_t *data, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t word = 0;
        for (size_t j = 0; j < 3; j++) {
            word = word << 8 | (j < left ? data[i + j] : 0);
        }
        for (size_t j = 0; j < 4; j++) {
            fputc(j <= left ? digits[word >> (18 - 6 * j) & 63] : '=', out);
        }
    }
}

// Interleaved: colour where there are three channels, else the first one alone.
static uint8_t *interleave(const uint8_t *planes, bh_shape shape, uint32_t channels)
{
    size_t plane = (size_t)shape.height * shape.width;
    uint8_t *out = malloc(plane * channels);
    for (size_t i = 0; out != NULL && i < plane * channels; i++) {
        out[i] = planes[i % channels * plane + i / channels];
    }
    return out;
}

static bh_status put_png(FILE *out, const uint8_t *planes, bh_shape shape)
{
    const uint32_t channels = shape.channels == 3 ? 3 : 1;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = shape.width,
                       .height = shape.height,
                       .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *pixels = interleave(planes, shape, channels), *png = malloc(len);
    bh_status status = pixels != NULL && png != NULL ? BH_OK : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = png_image_write_to_memory(&image, png, &len, 0, pixels, 0, NULL) != 0
                     ? BH_OK
                     : BH_ERR_IO;
    }
    if (status == BH_OK) {
        put_base64(out, png, len);
    }
    free(pixels);
    free(png);
    return status;
}

static bh_status put_picture(FILE *out, const eval_setting *s, const eval_result *r,
                             size_t i)
{
    const bh_score *score = &r->scores[i];
    char is[32], taken_for[32];
    eval_class_name(s, s->images.labels[i], is, sizeof is);
    eval_class_name(s, score->label, taken_for, sizeof taken_for);
    fprintf(out, "<li><img alt=\"image %zu\" src=\"data:image/png;base64,", i);
    bh_status status =
        put_png(out, s->images.pixels + i * bh_shape_len(s->shape), s->shape);
    fputs("\">", out);
    chart_escape(out, is);
    if (score->label != s->images.labels[i]) {
        fputs(" <span class=\"wrong\">taken for ", out);
        chart_escape(out, taken_for);
        fputs("</span>", out);
    }
    fprintf(out, "<br><span class=\"muted\">p = %.3f</span></li>\n", score->confidence);
    return status;
}

typedef struct ranked {
    double entropy;
    size_t image;
} ranked;

static int certain_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    int order = (x->entropy > y->entropy) - (x->entropy < y->entropy);
    return order != 0 ? order : (x->image > y->image) - (x->image < y->image);
}

// The first of a list, or its last ones, backwards.
static bh_status put_pictures(FILE *out, const char *title, const eval_setting *s,
                              const eval_result *r, const ranked *list, size_t n,
                              bool backwards)
{
    bh_status status = BH_OK;
    if (n == 0) {
        return BH_OK;
    }
    fprintf(out, "<h3>%s</h3>\n<ul class=\"pictures\">\n", title);
    for (size_t i = 0; i < n && i < SHOWN && status == BH_OK; i++) {
        status = put_picture(out, s, r, list[backwards ? n - 1 - i : i].image);
    }
    fputs("</ul>\n", out);
    return status;
}

bh_status report_pictures(FILE *out, const eval_setting *s, const eval_result *r)
{
    size_t n_wrong = 0;
    if (s->shape.height < SIDE_MIN || s->shape.width < SIDE_MIN) {
        return BH_OK; // a table
    }
    ranked *all = calloc(s->count, sizeof *all);
    ranked *wrong = calloc(s->count, sizeof *wrong);
    bh_status status = all != NULL && wrong != NULL ? BH_OK : BH_ERR_NOMEM;
    for (size_t i = 0; i < s->count && status == BH_OK; i++) {
        all[i] = (ranked){r->scores[i].entropy, i};
        if (r->scores[i].label != s->images.labels[i]) {
            wrong[n_wrong++] = all[i];
        }
    }
    if (status == BH_OK) {
        qsort(all, s->count, sizeof *all, certain_first);
        qsort(wrong, n_wrong, sizeof *wrong, certain_first);
        fputs(
            "<h2>Images</h2>\n<p class=\"muted\">Each with what it is, what it was "
            "taken for if that is wrong, and the probability of the answer. Ordered by "
            "predictive entropy.</p>\n",
            out);
        status = put_pictures(out, "Least certain", s, r, all, s->count, true);
    }
    if (status == BH_OK) {
        status = put_pictures(out, "Wrong, the most certain first", s, r, wrong,
                              n_wrong, false);
    }
    if (status == BH_OK) {
        status = put_pictures(out, "Most certain", s, r, all, s->count, false);
    }
    free(all);
    free(wrong);
    return status;
}
