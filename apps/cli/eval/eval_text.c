// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bayes/metrics/confusion.h"
#include "eval/eval.h"

#define LABEL_COLUMNS 30
#define CELL_COLUMNS  16
#define NAME_COLUMNS  32 // more than a name has
#define CLASSES_MAX   20

typedef struct table {
    const eval_result *results;
    size_t n;
    ui u;
    bool had_ood; // the line above the first of these rows is out
} table;

static void print_cell(const char *text, int columns)
{
    printf("%*s%s", columns < CELL_COLUMNS ? CELL_COLUMNS - columns : 1, "", text);
}

static void print_row(void *user, const eval_row *row)
{
    table *t = user;
    if (row->ood && !t->had_ood) {
        putchar('\n');
        t->had_ood = true;
    }
    bool first = row->at == 0;
    printf("  %-*s%s", LABEL_COLUMNS, row->label, first ? ui_on(&t->u, UI_BOLD) : "");
    for (size_t i = 0; i < t->n; i++) {
        char text[EVAL_CELL_BYTES];
        // With "+-" the sign takes one column more.
        int columns = eval_row_text(row, &t->results[i].numbers,
                                    t->u.unicode ? "±" : "+-", text) +
                      (row->error_at != 0 && !t->u.unicode);
        print_cell(text, columns);
    }
    printf("%s\n", first ? ui_on(&t->u, UI_PLAIN) : "");
}

static void print_head(const eval_setting *s, const eval_result *results, size_t n)
{
    char time[UI_TEXT_BYTES];
    double seconds = 0;
    for (size_t i = 0; i < n; i++) {
        seconds += results[i].seconds;
    }
    printf("%s on %s, %s split (%zu image%s, %u draw%s, %s)\n", s->model_name,
           s->dataset, eval_split_name(s->o->split), s->count, s->count == 1 ? "" : "s",
           s->samples, s->samples == 1 ? "" : "s", ui_time(time, seconds * 1000));
    printf("%s part: %s\n", eval_split_name(s->o->split), s->part);
    if (s->ood_count > 0) {
        char shown[CLI_SHOWN_BYTES];
        printf("out of distribution (OOD): %s (%zu image%s)\n",
               cli_shown(shown, sizeof shown, s->o->ood), s->ood_count,
               s->ood_count == 1 ? "" : "s");
    }
    printf("\n  %-*s", LABEL_COLUMNS, "");
    for (size_t i = 0; i < n; i++) {
        printf("%*s", CELL_COLUMNS, eval_path_name(results[i].path));
    }
    putchar('\n');
}

typedef struct class_line {
    uint32_t index;
    bh_class_score score;
} class_line;

static int worse_first(const void *a, const void *b)
{
    const class_line *x = a, *y = b;
    int order = (x->score.f1 > y->score.f1) - (x->score.f1 < y->score.f1);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

// All of them, or the worst of many.
static void print_classes(const eval_setting *s, const eval_result *r)
{
    class_line *lines = calloc(s->classes, sizeof *lines);
    if (lines == NULL) {
        return; // the figures are out; JSON has these as well
    }
    for (uint32_t c = 0; c < s->classes; c++) {
        lines[c] = (class_line){c, bh_confusion_class(r->confusion, s->classes, c)};
    }
    uint32_t shown = s->classes;
    if (shown > CLASSES_MAX) {
        shown = CLASSES_MAX;
        qsort(lines, s->classes, sizeof *lines, worse_first);
    }
    printf("\n  %-*s%8s%12s%12s%12s\n", NAME_COLUMNS,
           shown < s->classes ? "the worst classes" : "class", "images", "precision",
           "recall", "F1");
    for (uint32_t i = 0; i < shown; i++) {
        const bh_class_score *c = &lines[i].score;
        char text[32];
        eval_class_name(s, lines[i].index, text, sizeof text);
        printf("  %s%*s%8zu%10.2f %%%10.2f %%%12.4f\n", text,
               NAME_COLUMNS - ui_columns(text, strlen(text)), "", c->support,
               100 * c->precision, 100 * c->recall, c->f1);
    }
    free(lines);
}

void eval_print_text(const eval_setting *s, const eval_result *results, size_t n)
{
    table t = {.results = results, .n = n, .u = ui_make()};
    print_head(s, results, n);
    eval_rows_each(s, print_row, &t);
    print_classes(s, &results[0]);
}
