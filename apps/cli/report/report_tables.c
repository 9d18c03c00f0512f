// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "bayes/metrics/confusion.h"
#include "report/chart.h"
#include "report/report.h"

// ---- figures ----

static void card(FILE *out, const char *value, const char *what)
{
    fprintf(out, "<div class=\"card\"><b>%s</b><span>%s</span></div>\n", value, what);
}

static void write_cards(FILE *out, const eval_setting *s, const eval_numbers *n)
{
    char value[48], what[96];
    fputs("<div class=\"cards\">\n", out);
    snprintf(value, sizeof value, "%.2f %%", 100 * n->accuracy);
    snprintf(what, sizeof what, "accuracy, ± %.2f on %zu images",
             100 * n->accuracy_error, s->count);
    card(out, value, what);
    snprintf(value, sizeof value, "%.4f", n->nll);
    snprintf(what, sizeof what, "negative log-likelihood, ± %.4f", n->nll_error);
    card(out, value, what);
    snprintf(value, sizeof value, "%.4f", n->ece);
    card(out, value, "expected calibration error, 0 at best");
    snprintf(value, sizeof value, "%.2f %%", 100 * n->accuracy_at_80);
    card(out, value, "accuracy on the most certain 80&#160;%");
    if (s->ood_count > 0) {
        snprintf(value, sizeof value, "%.4f", n->auroc[BH_UNLIKE_ENTROPY]);
        card(out, value, "AUROC of noticing other data, by entropy");
        snprintf(value, sizeof value, "%.4f", n->auroc[BH_UNLIKE_ENERGY]);
        card(out, value, "AUROC of noticing other data, by energy");
    }
    fputs("</div>\n", out);
}

typedef struct table {
    FILE *out;
    const eval_result *results;
    size_t n;
} table;

static void write_row(void *user, const eval_row *row)
{
    const table *t = user;
    fprintf(t->out, "<tr><td>%s</td>", row->label);
    for (size_t i = 0; i < t->n; i++) {
        char text[EVAL_CELL_BYTES];
        (void)eval_row_text(row, &t->results[i].numbers, "±", text);
        fprintf(t->out, "<td>%s</td>", text);
    }
    fputs("</tr>\n", t->out);
}

void report_numbers(FILE *out, const eval_setting *s, const eval_result *results,
                    size_t n)
{
    table t = {out, results, n};
    write_cards(out, s, &results[0].numbers);
    fputs("</header>\n<h2>Figures</h2>\n<figure><div class=\"scroll\"><table "
          "class=\"narrow\"><thead><tr><th></th>",
          out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "<th>%s</th>", eval_path_name(results[i].path));
    }
    fputs("</tr></thead><tbody>\n", out);
    eval_rows_each(s, write_row, &t);
    fputs("</tbody></table></div>\n", out);
    report_figure_end(
        out,
        "± is one standard error: how much a figure varies from one set of images "
        "to another. NLL, Brier score, ECE, entropies and AURC are the better the "
        "smaller they are; AUROC is 1 at best and 0.5 for a guess; FPR95 is the "
        "share of other data that is accepted where 95&#160;% of the model's own is.");
}

// ---- class by class ----

void report_classes(FILE *out, const eval_setting *s, const eval_result *r)
{
    fputs("<h2>Class by class</h2>\n<figure><div class=\"scroll\"><table "
          "class=\"narrow\"><thead><tr><th>class</th><th>images</th><th>precision</th>"
          "<th>recall</th><th>F1</th></tr></thead><tbody>\n",
          out);
    for (uint32_t c = 0; c < s->classes; c++) {
        bh_class_score score = bh_confusion_class(r->confusion, s->classes, c);
        char text[32];
        eval_class_name(s, c, text, sizeof text);
        fputs("<tr><td>", out);
        chart_escape(out, text);
        fprintf(out,
                "</td><td>%zu</td><td>%.2f %%</td><td>%.2f %%</td><td>%.4f</td></tr>\n",
                score.support, 100 * score.precision, 100 * score.recall, score.f1);
    }
    fputs("</tbody></table></div>\n", out);
    report_figure_end(out, "Precision: of the images taken for this class, the share "
                           "that is of it. Recall: of the images of this class, the "
                           "share that was found. F1 is their harmonic mean.");
}

// ---- confusion ----

#define PICTURE_CLASSES_MAX 20
#define PAIRS_SHOWN         20

typedef struct pair {
    uint32_t is, taken_for, count;
} pair;

static int more_first(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    int order = (x->count < y->count) - (x->count > y->count);
    order = order != 0 ? order : (x->is > y->is) - (x->is < y->is);
    return order != 0 ? order
                      : (x->taken_for > y->taken_for) - (x->taken_for < y->taken_for);
}

static void write_pairs(FILE *out, const eval_setting *s, const eval_result *r)
{
    size_t n = 0;
    pair *pairs = calloc((size_t)s->classes * s->classes, sizeof *pairs);
    if (pairs == NULL) {
        return; // the table of classes says where errors are
    }
    for (uint32_t i = 0; i < s->classes; i++) {
        for (uint32_t j = 0; j < s->classes; j++) {
            uint32_t count = r->confusion[(size_t)i * s->classes + j];
            if (i != j && count > 0) {
                pairs[n++] = (pair){i, j, count};
            }
        }
    }
    qsort(pairs, n, sizeof *pairs, more_first);
    fputs(
        "<div class=\"scroll\"><table class=\"narrow\"><thead><tr><th>is</th><th>taken "
        "for</th><th>images</th></tr></thead><tbody>\n",
        out);
    for (size_t i = 0; i < n && i < PAIRS_SHOWN; i++) {
        char is[32], taken_for[32];
        eval_class_name(s, pairs[i].is, is, sizeof is);
        eval_class_name(s, pairs[i].taken_for, taken_for, sizeof taken_for);
        fputs("<tr><td>", out);
        chart_escape(out, is);
        fputs("</td><td>", out);
        chart_escape(out, taken_for);
        fprintf(out, "</td><td>%u</td></tr>\n", pairs[i].count);
    }
    fputs("</tbody></table></div>\n", out);
    free(pairs);
}

void report_confusion(FILE *out, const eval_setting *s, const eval_result *r)
{
    fputs("<h2>What is taken for what</h2>\n<figure>\n", out);
    if (s->classes <= PICTURE_CLASSES_MAX) {
        report_confusion_picture(out, s, r);
        report_figure_end(out,
                          "A row is what images are, a column what they were taken "
                          "for. Blue is right, orange wrong; the stronger, the "
                          "larger a share of its row.");
    } else {
        write_pairs(out, s, r);
        report_figure_end(out, "The most frequent mistakes.");
    }
}
