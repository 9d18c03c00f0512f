// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>

#include "report/chart.h"
#include "report/report.h"

typedef double field_of(const curve_point *p);

static double loss(const curve_point *p)
{
    return p->loss;
}

static double validation_loss(const curve_point *p)
{
    return p->validation_loss;
}

static double accuracy(const curve_point *p)
{
    return p->accuracy;
}

static double validation_accuracy(const curve_point *p)
{
    return p->validation_accuracy;
}

// Least and largest of two fields, where they are; false: nowhere.
static bool range_of(const curves *c, field_of *first, field_of *second, double *lo,
                     double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        // fmin and fmax pass over what is not there.
        *lo = fmin(*lo, fmin(first(&c->points[i]), second(&c->points[i])));
        *hi = fmax(*hi, fmax(first(&c->points[i]), second(&c->points[i])));
    }
    return *lo <= *hi;
}

// One field over epochs; a line for each member of an ensemble. x, y: 2 * count.
static void line_of(const chart *on, const char *classes, const curves *c,
                    field_of *field, double *x, double *y)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        const curve_point *p = &c->points[i];
        if (i > 0 && (p->member != p[-1].member || p->epoch <= p[-1].epoch)) {
            x[n] = NAN;
            y[n++] = NAN;
        }
        x[n] = p->epoch;
        y[n++] = field(p);
    }
    chart_line(on, classes, x, y, n);
}

static void figure(FILE *out, const curves *c, const char *title, const char *caption,
                   chart_axis y, field_of *training, field_of *validation)
{
    double lo = c->points[0].epoch, hi = lo, *x = calloc(4 * c->count, sizeof *x);
    if (x == NULL) {
        return; // the report's figures do not rest on it
    }
    for (size_t i = 0; i < c->count; i++) {
        lo = fmin(lo, c->points[i].epoch);
        hi = fmax(hi, c->points[i].epoch);
    }
    chart on = {out, {"epoch", lo, hi > lo ? hi : lo + 1, false, false, true}, y, 300};
    report_figure_begin(out, title);
    fputs("<div class=\"keys\">", out);
    chart_key(out, "a", "training");
    chart_key(out, "b dashed", "validation");
    fputs("</div>\n", out);
    chart_begin(&on, title);
    line_of(&on, "a", c, training, x, x + 2 * c->count);
    line_of(&on, "b dashed", c, validation, x, x + 2 * c->count);
    chart_end(&on);
    report_figure_end(out, caption);
    free(x);
}

void report_training(FILE *out, const curves *training)
{
    double lo, hi;
    fputs("<h2>Training</h2>\n<div class=\"grid2\">\n", out);
    if (range_of(training, loss, validation_loss, &lo, &hi)) {
        lo = fmax(lo, 1e-9);
        chart_axis y = {"loss, nats", lo / 1.15, fmax(hi, lo) * 1.15,
                        true,         false,     false};
        figure(
            out, training, "Loss",
            "Mean of -log p(label) in every epoch, without the divergence from the "
            "prior; the scale is logarithmic. Training images are shown with noise in "
            "the weights and, where it was asked for, shifted.",
            y, loss, validation_loss);
    }
    if (range_of(training, accuracy, validation_accuracy, &lo, &hi)) {
        double room = fmax(hi - lo, 0.01) * 0.06;
        chart_axis y = {"accuracy", fmax(lo - room, 0), fmin(hi + room, 1), false, true,
                        false};
        figure(out, training, "Accuracy",
               "Where validation falls while training rises, the network learns by "
               "heart.",
               y, accuracy, validation_accuracy);
    }
    fputs("</div>\n", out);
}
