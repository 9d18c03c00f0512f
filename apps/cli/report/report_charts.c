// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "report/chart.h"
#include "report/report.h"

static void keys_begin(FILE *out)
{
    fputs("<div class=\"keys\">", out);
}

static void keys_end(FILE *out)
{
    fputs("</div>\n", out);
}

// ---- calibration ----

static void write_bin(const chart *c, const bh_bin *bin, size_t b)
{
    const double width = 1.0 / BH_CALIBRATION_BINS, middle = ((double)b + 0.5) * width;
    if (bin->images == 0) {
        return;
    }
    double share = bin->accuracy;
    double error = sqrt(share * (1 - share) / (double)bin->images);
    const double x[] = {middle, middle}, y[] = {share - error, share + error};
    chart_bar(c, "a light", (double)b * width, ((double)b + 1) * width, 0, share);
    chart_line(c, "faint", x, y, 2);
    chart_dot(c, "b", bin->confidence, share);
}

static void reliability(FILE *out, const eval_result *r)
{
    const double ends[] = {0, 1};
    const chart_axis share = {"confidence", 0, 1, false, false, false};
    chart c = {out, share, {"accuracy", 0, 1, false, false, false}, 330};
    report_figure_begin(out, "Reliability");
    chart_begin(&c, "Accuracy by confidence");
    for (size_t b = 0; b < BH_CALIBRATION_BINS; b++) {
        write_bin(&c, &r->bins[b], b);
    }
    chart_line(&c, "faint dashed", ends, ends, 2);
    chart_end(&c);
    double most = 10;
    for (size_t b = 0; b < BH_CALIBRATION_BINS; b++) {
        most = fmax(most, (double)r->bins[b].images);
    }
    c = (chart){out, share, {"images", 0.5, most * 1.5, true, false, false}, 150};
    chart_begin(&c, "Images by confidence");
    for (size_t b = 0; b < BH_CALIBRATION_BINS; b++) {
        const double width = 1.0 / BH_CALIBRATION_BINS;
        if (r->bins[b].images > 0) {
            chart_bar(&c, "faint", (double)b * width, ((double)b + 1) * width, 0.5,
                      (double)r->bins[b].images);
        }
    }
    chart_end(&c);
    report_figure_end(
        out, "Above: of the images that were predicted with a certain confidence, the "
             "share that was right. On the dashed line both agree; bars below it are "
             "overconfident, above it too modest. A dot stands at the bin's mean "
             "confidence, a thin line spans one standard error. Below: how many images "
             "each bar speaks for. Bars of few images mean little.");
}

// ---- selective prediction ----

#define CURVE_POINTS 300

static void coverage(FILE *out, const eval_setting *s, const eval_result *r)
{
    double x[CURVE_POINTS], y[CURVE_POINTS], top = 0;
    size_t n = s->count < CURVE_POINTS ? s->count : CURVE_POINTS;
    for (size_t i = 0; i < n; i++) {
        size_t k = (i + 1) * s->count / n - 1;
        x[i] = (double)(k + 1) / (double)s->count;
        y[i] = r->risk[k];
        top = fmax(top, y[i]);
    }
    chart c = {
        out,
        {"answered: the most certain share", 0, 1, false, true, false},
        {"errors among them", 0, top > 0 ? top * 1.08 : 0.01, false, true, false},
        300};
    report_figure_begin(out, "Errors when the uncertain are left out");
    chart_begin(&c, "Risk by coverage");
    chart_line(&c, "a", x, y, n);
    chart_end(&c);
    report_figure_end(out, "The risk-coverage curve. At the right everything is "
                           "answered; to the left, only what the model is most certain "
                           "of, by its largest probability. A model that knows when it "
                           "errs falls quickly.");
}

// ---- uncertainty ----

#define BARS 24

// The share of n scores in every bar, as the outline of a histogram.
static void outline(const chart *c, const char *classes, const double *counts, double n)
{
    double x[2 * BARS + 2], y[2 * BARS + 2];
    size_t at = 0;
    x[at] = c->x.lo;
    y[at++] = c->y.lo;
    for (size_t b = 0; b < BARS; b++) {
        for (size_t end = 0; end < 2; end++) {
            x[at] = c->x.lo + (c->x.hi - c->x.lo) * (double)(b + end) / BARS;
            y[at++] = n > 0 ? counts[b] / n : 0;
        }
    }
    x[at] = c->x.hi;
    y[at++] = c->y.lo;
    if (n > 0) {
        chart_line(c, classes, x, y, at);
    }
}

static size_t bar_of(double entropy, double most)
{
    double share = fmin(fmax(entropy / most, 0), 1) * BARS;
    return share < BARS ? (size_t)share : BARS - 1;
}

static void entropies(FILE *out, const eval_setting *s, const eval_result *r)
{
    double right[BARS] = {0}, wrong[BARS] = {0}, other[BARS] = {0};
    double n_right = 0, most = s->classes > 1 ? log(s->classes) : 1;
    chart c = {out,
               {"predictive entropy, nats", 0, most, false, false, false},
               {"share of the images", 0.0005, 1, true, true, false},
               300};
    for (size_t i = 0; i < s->count; i++) {
        bool is_right = r->scores[i].label == s->images.labels[i];
        (is_right ? right : wrong)[bar_of(r->scores[i].entropy, most)]++;
        n_right += is_right;
    }
    for (size_t i = 0; i < s->ood_count; i++) {
        other[bar_of(r->ood_scores[i].entropy, most)]++;
    }
    report_figure_begin(out, "Uncertainty of right and wrong answers");
    keys_begin(out);
    chart_key(out, "a", "right");
    chart_key(out, "b", "wrong");
    if (s->ood_count > 0) {
        chart_key(out, "c dashed", "out of distribution");
    }
    keys_end(out);
    chart_begin(&c, "Histograms of the predictive entropy");
    outline(&c, "a", right, n_right);
    outline(&c, "b", wrong, (double)s->count - n_right);
    outline(&c, "c dashed", other, (double)s->ood_count);
    chart_end(&c);
    report_figure_end(out, "Every kind is a histogram of its own; the scale is "
                           "logarithmic. 0 is certain. Right answers belong to the "
                           "left; wrong ones, and inputs that the model was never "
                           "taught, to the right.");
}

// ---- other data ----

static const char *const kind_names[BH_UNLIKE_KINDS] = {
    "entropy", "mutual information", "energy", "largest probability"};
static const char *const kind_classes[BH_UNLIKE_KINDS] = {"a", "b dashed", "c",
                                                          "d dashed"};

static void write_kinds(FILE *out, const eval_result *r)
{
    fputs("<figure><h3>By which score</h3><div class=\"scroll\"><table><thead><tr><th>"
          "score</th><th>AUROC</th><th>FPR95</th></tr></thead><tbody>\n",
          out);
    for (size_t k = 0; k < BH_UNLIKE_KINDS; k++) {
        fprintf(out, "<tr><td>%s</td><td>%.4f</td><td>%.2f %%</td></tr>\n",
                kind_names[k], r->ood[k].auroc, 100 * r->ood[k].fpr95);
    }
    fputs("</tbody></table></div>\n", out);
    report_figure_end(
        out,
        "AUROC: how often an input from elsewhere scores higher than one of the "
        "model's own. FPR95: the share of inputs from elsewhere that pass where "
        "95&#160;% "
        "of the model's own do. Entropy is all uncertainty; mutual information the "
        "part in which the draws of the weights disagree; energy is -log sum exp of "
        "the logits, averaged over draws.");
}

static void roc(FILE *out, const eval_result *r)
{
    double x[BH_ROC_POINTS];
    chart c = {out,
               {"false alarms on the model's own data", 0.005, 1, true, true, false},
               {"alarms on other data", 0, 1, false, true, false},
               330};
    for (size_t i = 0; i < BH_ROC_POINTS; i++) { // the first one, 0, has no logarithm
        x[i] = (double)i / (BH_ROC_POINTS - 1);
    }
    report_figure_begin(out, "Telling other data apart");
    keys_begin(out);
    for (size_t k = 0; k < BH_UNLIKE_KINDS; k++) {
        chart_key(out, kind_classes[k], kind_names[k]);
    }
    keys_end(out);
    chart_begin(&c, "Receiver operating characteristic");
    chart_line(&c, "faint dashed", x + 1, x + 1, BH_ROC_POINTS - 1);
    for (size_t k = 0; k < BH_UNLIKE_KINDS; k++) {
        chart_line(&c, kind_classes[k], x + 1, r->ood[k].roc + 1, BH_ROC_POINTS - 1);
    }
    chart_end(&c);
    report_figure_end(out, "A threshold on a score trades missed inputs from elsewhere "
                           "for false alarms, of which the scale is logarithmic. The "
                           "higher, the better; on the dashed line is a guess.");
}

void report_charts(FILE *out, const eval_setting *s, const eval_result *r)
{
    fputs("<h2>Calibration and certainty</h2>\n<div class=\"grid2\">\n", out);
    reliability(out, r);
    fputs("<div class=\"grid2\">\n", out);
    coverage(out, s, r);
    entropies(out, s, r);
    fputs("</div></div>\n", out);
    if (s->ood_count > 0) {
        fputs("<h2>Data of another kind</h2>\n<div class=\"grid2\">\n", out);
        roc(out, r);
        write_kinds(out, r);
        fputs("</div>\n", out);
    }
}
