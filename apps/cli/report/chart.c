// SPDX-License-Identifier: Apache-2.0
#include "report/chart.h"

#include <math.h>
#include <string.h>

#define LEFT   60.0
#define RIGHT  14.0
#define TOP    10.0
#define BOTTOM 42.0

static void put_escaped(FILE *out, char c)
{
    switch (c) {
    case '&':
        fputs("&amp;", out);
        break;
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    case '\'':
        fputs("&#39;", out);
        break;
    default:
        fputc((unsigned char)c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

void chart_escape(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        put_escaped(out, *text);
    }
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80; // of UTF-8
}

void chart_escape_cut(FILE *out, const char *text, size_t characters)
{
    size_t len = 0, seen = 0;
    for (const char *at = text; *at != '\0'; at++) {
        len += begins_character(*at);
    }
    for (; *text != '\0'; text++) {
        seen += begins_character(*text);
        if (len > characters && seen >= characters) {
            fputs("…", out);
            return;
        }
        put_escaped(out, *text);
    }
}

// 0 at lo, 1 at hi.
static double along(const chart_axis *a, double value)
{
    double share = a->log ? log(fmax(value, a->lo) / a->lo) / log(a->hi / a->lo)
                          : (value - a->lo) / (a->hi - a->lo);
    return fmin(fmax(share, 0), 1);
}

static double place_x(const chart *c, double x)
{
    return LEFT + along(&c->x, x) * (CHART_WIDTH - LEFT - RIGHT);
}

static double place_y(const chart *c, double y)
{
    return c->height - BOTTOM - along(&c->y, y) * (c->height - TOP - BOTTOM);
}

// 1, 2 or 5 times a power of ten, so that about `parts` steps make the span.
static double nice_step(double span, double parts)
{
    double raw = span / parts, power = pow(10, floor(log10(raw)));
    double mantissa = raw / power;
    return power * (mantissa <= 1.0001 ? 1
                    : mantissa <= 2    ? 2
                    : mantissa <= 5    ? 5
                                       : 10);
}

static void put_number(FILE *out, const chart_axis *a, double value)
{
    value = fabs(value) < 1e-12 ? 0 : value; // never -0
    fprintf(out, a->percent ? "%.6g %%" : "%.6g", a->percent ? value * 100 : value);
}

static void tick(const chart *c, bool horizontal, double value)
{
    const chart_axis *a = horizontal ? &c->x : &c->y;
    if (horizontal) {
        double x = place_x(c, value);
        fprintf(c->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x, TOP,
                c->height - BOTTOM);
        fprintf(c->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x,
                c->height - BOTTOM + 15);
    } else {
        double y = place_y(c, value);
        fprintf(c->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", LEFT, y,
                CHART_WIDTH - RIGHT);
        fprintf(c->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6,
                y + 4);
    }
    put_number(c->out, a, value);
    fputs("</text>", c->out);
}

// Powers of ten; also twice and five times them where there are few.
static void log_ticks(const chart *c, bool horizontal, const chart_axis *a)
{
    static const double factors[] = {1, 2, 5};
    double decades = log10(a->hi / a->lo);
    size_t used = decades < 2.2 ? 3 : 1;
    int every = decades > 6 ? (int)ceil(decades / 6) : 1; // decades from tick to tick
    for (int p = (int)floor(log10(a->lo)); p <= (int)ceil(log10(a->hi)); p++) {
        for (size_t i = 0; i < used && p % every == 0; i++) {
            double value = factors[i] * pow(10, p);
            if (value >= a->lo * 0.999 && value <= a->hi * 1.001) {
                tick(c, horizontal, value);
            }
        }
    }
}

static void ticks(const chart *c, bool horizontal)
{
    const chart_axis *a = horizontal ? &c->x : &c->y;
    if (a->log) {
        log_ticks(c, horizontal, a);
        return;
    }
    double parts = horizontal ? 5 : fmax(2, c->height / 55);
    double step = nice_step(a->hi - a->lo, parts);
    step = a->whole ? fmax(1, step) : step;
    double first = ceil(a->lo / step - 1e-6);
    int n = (int)((a->hi - a->lo) / step + 2);
    for (int i = 0; i < n && (first + i) * step <= a->hi + step * 1e-6; i++) {
        tick(c, horizontal, (first + i) * step);
    }
}

void chart_begin(const chart *c, const char *about)
{
    fprintf(c->out, "<svg class=\"chart\" viewBox=\"0 0 %d %.0f\" role=\"img\"><title>",
            CHART_WIDTH, c->height);
    chart_escape(c->out, about);
    fputs("</title>", c->out);
    ticks(c, true);
    ticks(c, false);
    fprintf(c->out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>", LEFT,
            c->height - BOTTOM, CHART_WIDTH - RIGHT);
    fprintf(c->out,
            "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
            (LEFT + CHART_WIDTH - RIGHT) / 2, c->height - 8);
    chart_escape(c->out, c->x.label);
    fprintf(c->out,
            "</text><text class=\"label\" transform=\"translate(11 %.1f) rotate(-90)\" "
            "text-anchor=\"middle\">",
            (TOP + c->height - BOTTOM) / 2);
    chart_escape(c->out, c->y.label);
    fputs("</text>\n", c->out);
}

void chart_line(const chart *c, const char *classes, const double *x, const double *y,
                size_t n)
{
    bool pen_down = false;
    fprintf(c->out, "<path class=\"line %s\" d=\"", classes);
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i])) {
            pen_down = false;
            continue;
        }
        fprintf(c->out, "%s%.1f %.1f", pen_down ? "L" : "M", place_x(c, x[i]),
                place_y(c, y[i]));
        pen_down = true;
    }
    fputs("\"/>\n", c->out);
}

void chart_bar(const chart *c, const char *classes, double x0, double x1, double y0,
               double y1)
{
    double left = place_x(c, x0), right = place_x(c, x1);
    double top = place_y(c, y1), bottom = place_y(c, y0);
    fprintf(c->out,
            "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
            "height=\"%.1f\"/>\n",
            classes, left + 0.5, top, fmax(right - left - 1, 0.5), bottom - top);
}

void chart_dot(const chart *c, const char *classes, double x, double y)
{
    fprintf(c->out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n",
            classes, place_x(c, x), place_y(c, y));
}

void chart_end(const chart *c)
{
    fputs("</svg>\n", c->out);
}

void chart_key(FILE *out, const char *classes, const char *text)
{
    fprintf(out,
            "<span class=\"key\"><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path "
            "class=\"line %s\" d=\"M0 4H24\"/></svg>",
            classes);
    chart_escape(out, text);
    fputs("</span>\n", out);
}
