// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <stdio.h>
#include <string.h>

#define SIDE_MIN 20

// A window on the image: `step` pixels become one.
typedef struct view {
    const uint8_t *pixels;
    bh_shape shape;
    uint32_t top, left, height, width, step;
} view;

static bool line_is_empty(const view *v, bool row, uint32_t at)
{
    uint32_t len = row ? v->width : v->height;
    for (uint32_t c = 0; c < v->shape.channels; c++) {
        for (uint32_t i = 0; i < len; i++) {
            uint32_t y = row ? at : v->top + i, x = row ? v->left + i : at;
            if (v->pixels[(c * v->shape.height + y) * v->shape.width + x] != 0) {
                return false;
            }
        }
    }
    return true;
}

// Cuts empty lines off all four sides, but leaves at least SIDE_MIN pixels a side.
static void trim(view *v)
{
    for (bool cut = true; cut && v->height > SIDE_MIN;) {
        bool first = line_is_empty(v, true, v->top);
        cut = first || line_is_empty(v, true, v->top + v->height - 1);
        v->top += first;
        v->height -= cut;
    }
    for (bool cut = true; cut && v->width > SIDE_MIN;) {
        bool first = line_is_empty(v, false, v->left);
        cut = first || line_is_empty(v, false, v->left + v->width - 1);
        v->left += first;
        v->width -= cut;
    }
    while (v->height / v->step > PICTURE_SIDE_MAX ||
           v->width / v->step > PICTURE_SIDE_MAX) {
        v->step++;
    }
}

// Mean brightness of one shown pixel, 0 .. 255; black below the last row.
static unsigned brightness(const view *v, uint32_t row, uint32_t column)
{
    unsigned sum = 0, count = 0;
    if (row * v->step >= v->height) {
        return 0;
    }
    for (uint32_t c = 0; c < v->shape.channels; c++) {
        for (uint32_t i = 0; i < v->step * v->step; i++) {
            uint32_t y = v->top + row * v->step + i / v->step;
            uint32_t x = v->left + column * v->step + i % v->step;
            y = y < v->shape.height ? y : v->shape.height - 1;
            sum += v->pixels[(c * v->shape.height + y) * v->shape.width + x];
            count++;
        }
    }
    return count > 0 ? sum / count : 0;
}

// The 24 grey levels of the 256-colour palette.
static unsigned grey(unsigned value)
{
    return 232 + value * 23 / 255;
}

static size_t draw_pair(char *text, const ui *u, unsigned upper, unsigned lower)
{
    static const char *const blocks[] = {" ", "▄", "▀", "█"};
    static const char ascii[] = " .:-=+*#%@";
    if (u->colour && u->unicode) {
        return (size_t)sprintf(text, "\033[38;5;%u;48;5;%um▀", grey(upper),
                               grey(lower));
    }
    if (u->unicode) {
        return (size_t)sprintf(text, "%s",
                               blocks[(upper >= 96 ? 2 : 0) + (lower >= 96 ? 1 : 0)]);
    }
    return (size_t)sprintf(text, "%c", ascii[(upper + lower) / 2 * 9 / 255]);
}

void picture_draw(picture *p, const ui *u, const uint8_t *pixels, bh_shape shape)
{
    view v = {.pixels = pixels,
              .shape = shape,
              .height = shape.height,
              .width = shape.width,
              .step = 1};
    trim(&v);
    p->columns = (int)(v.width / v.step);
    p->lines = (int)((v.height / v.step + 1) / 2);
    for (int line = 0; line < p->lines; line++) {
        char *text = p->text[line];
        for (int column = 0; column < p->columns; column++) {
            unsigned upper = brightness(&v, 2 * (uint32_t)line, (uint32_t)column);
            unsigned lower = brightness(&v, 2 * (uint32_t)line + 1, (uint32_t)column);
            text += draw_pair(text, u, upper, lower);
        }
        strcpy(text, ui_on(u, UI_PLAIN));
    }
}
