// SPDX-License-Identifier: Apache-2.0
// Charts as inline SVG. Colours are classes that the page's style sheet defines: a, b,
// c and d for lines and bars, "dashed" beside them, "faint" for what stands behind.
#ifndef BH_CLI_CHART_H
#define BH_CLI_CHART_H

#include <stdbool.h>
#include <stdio.h>

#define CHART_WIDTH 440 // of the drawing; a browser scales it to its column

typedef struct chart_axis {
    const char *label;
    double lo, hi; // lo < hi; above 0 where log
    bool log, percent;
    bool whole; // whole numbers: no tick between
} chart_axis;

typedef struct chart {
    FILE *out;
    chart_axis x, y;
    double height;
} chart;

// Text that is safe inside elements and quoted attributes.
void chart_escape(FILE *out, const char *text);
// At most this many characters of it, of which the last is an ellipsis where it is cut.
void chart_escape_cut(FILE *out, const char *text, size_t characters);

// Opens the drawing: frame, ticks and labels. `about` is for who cannot see it.
void chart_begin(const chart *c, const char *about);
// Points outside the axes are moved to their edge; a point that is NAN breaks the line.
void chart_line(const chart *c, const char *classes, const double *x, const double *y,
                size_t n);
void chart_bar(const chart *c, const char *classes, double x0, double x1, double y0,
               double y1);
void chart_dot(const chart *c, const char *classes, double x, double y);
void chart_end(const chart *c);

// An entry of a legend, outside the drawing.
void chart_key(FILE *out, const char *classes, const char *text);

#endif
