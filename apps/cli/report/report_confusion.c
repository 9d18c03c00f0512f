// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "report/chart.h"
#include "report/report.h"

#define SIDE       440.0 // of the drawing's matrix
#define CHARACTERS 14    // of a name
#define WIDTH_ONE  8.0   // of a character, about

typedef struct matrix {
    FILE *out;
    const eval_setting *s;
    const eval_result *r;
    double cell, left, top;
    bool upright; // columns' names, read from below
} matrix;

static size_t longest_name(const eval_setting *s)
{
    size_t longest = 1;
    for (uint32_t c = 0; c < s->classes; c++) {
        char text[32];
        size_t len = 0;
        eval_class_name(s, c, text, sizeof text);
        while (text[len] != '\0') {
            len++;
        }
        longest = len > longest ? len : longest;
    }
    return longest < CHARACTERS ? longest : CHARACTERS;
}

static void write_name(const matrix *m, uint32_t c)
{
    char text[32];
    eval_class_name(m->s, c, text, sizeof text);
    chart_escape_cut(m->out, text, CHARACTERS);
    fputs("</text>\n", m->out);
}

static void write_names(const matrix *m, uint32_t c)
{
    double middle = (c + 0.5) * m->cell;
    fprintf(m->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", m->left - 8,
            m->top + middle + 5);
    write_name(m, c);
    if (m->upright) {
        fprintf(m->out, "<text transform=\"translate(%.1f %.1f) rotate(-90)\">",
                m->left + middle + 5, m->top - 8);
    } else {
        fprintf(m->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                m->left + middle, m->top - 8);
    }
    write_name(m, c);
}

// Square roots, so that a mistake in a thousand can still be seen.
static void write_cell(const matrix *m, uint32_t i, uint32_t j, double row)
{
    uint32_t count = m->r->confusion[(size_t)i * m->s->classes + j];
    double x = m->left + j * m->cell, y = m->top + i * m->cell;
    double strength = row > 0 ? sqrt(count / row) : 0;
    fprintf(m->out,
            "<rect class=\"bar %s\" fill-opacity=\"%.3f\" x=\"%.1f\" y=\"%.1f\" "
            "width=\"%.1f\" height=\"%.1f\" rx=\"3\"/>",
            i == j ? "a" : "b", 0.04 + (i == j ? 0.8 : 1.6) * fmin(strength, 0.5),
            x + 1, y + 1, m->cell - 2, m->cell - 2);
    if (count > 0 && m->cell >= 30) {
        fprintf(m->out,
                "<text class=\"in\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%u"
                "</text>",
                x + m->cell / 2, y + m->cell / 2 + 5, count);
    }
}

void report_confusion_picture(FILE *out, const eval_setting *s, const eval_result *r)
{
    size_t longest = longest_name(s);
    matrix m = {.out = out,
                .s = s,
                .r = r,
                .cell = fmin(SIDE / s->classes, 80),
                .left = 16 + WIDTH_ONE * (double)longest,
                .upright = longest > 5};
    m.top = m.upright ? m.left : 26;
    double side = m.cell * s->classes;
    fprintf(out,
            "<svg class=\"chart matrix\" style=\"max-width:%.0fpx\" viewBox=\"0 0 %.0f "
            "%.0f\" role=\"img\"><title>Confusion matrix</title>\n",
            1.4 * (m.left + side), m.left + side, m.top + side);
    for (uint32_t i = 0; i < s->classes; i++) {
        double row = 0;
        for (uint32_t j = 0; j < s->classes; j++) {
            row += r->confusion[(size_t)i * s->classes + j];
        }
        write_names(&m, i);
        for (uint32_t j = 0; j < s->classes; j++) {
            write_cell(&m, i, j, row);
        }
        fputc('\n', out);
    }
    fputs("</svg>\n", out);
}
