// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>

#include "bayes/metrics/confusion.h"
#include "bayes/metrics/coverage.h"
#include "eval/eval.h"

#define COVERAGES 20 // points of the curve: 5 %, 10 %, ... 100 %

typedef struct target {
    json_t *object;
    const eval_numbers *numbers;
} target;

static void set_row(void *user, const eval_row *row)
{
    const target *t = user;
    json_object_set_new(t->object, row->key,
                        json_real(eval_row_value(row, t->numbers)));
}

static json_t *bins_of(const eval_result *r)
{
    json_t *bins = json_array();
    for (size_t b = 0; b < BH_CALIBRATION_BINS; b++) {
        json_array_append_new(bins, json_pack("{s:I, s:f, s:f}", "images",
                                              (json_int_t)r->bins[b].images,
                                              "confidence", r->bins[b].confidence,
                                              "accuracy", r->bins[b].accuracy));
    }
    return bins;
}

static json_t *classes_of(const eval_setting *s, const eval_result *r)
{
    json_t *classes = json_array();
    for (uint32_t c = 0; c < s->classes; c++) {
        bh_class_score score = bh_confusion_class(r->confusion, s->classes, c);
        char text[32];
        eval_class_name(s, c, text, sizeof text);
        json_array_append_new(
            classes, json_pack("{s:s, s:I, s:f, s:f, s:f}", "name", text, "images",
                               (json_int_t)score.support, "precision", score.precision,
                               "recall", score.recall, "f1", score.f1));
    }
    return classes;
}

static json_t *confusion_of(const eval_setting *s, const eval_result *r)
{
    json_t *matrix = json_array();
    for (size_t i = 0; i < s->classes; i++) {
        json_t *line = json_array();
        for (size_t j = 0; j < s->classes; j++) {
            json_array_append_new(line, json_integer(r->confusion[i * s->classes + j]));
        }
        json_array_append_new(matrix, line);
    }
    return matrix;
}

static json_t *coverage_of(const eval_setting *s, const eval_result *r)
{
    json_t *curve = json_array();
    for (int i = 1; i <= COVERAGES; i++) {
        double coverage = (double)i / COVERAGES;
        json_array_append_new(
            curve, json_pack("[f, f]", coverage,
                             bh_coverage_accuracy(r->risk, s->count, coverage)));
    }
    return curve;
}

static json_t *result_of(const eval_setting *s, const eval_result *r)
{
    json_t *object = json_pack("{s:s}", "path", eval_path_name(r->path));
    target t = {object, &r->numbers};
    eval_rows_each(s, set_row, &t);
    json_object_set_new(object, "accuracy_error", json_real(r->numbers.accuracy_error));
    json_object_set_new(object, "nll_error", json_real(r->numbers.nll_error));
    json_object_set_new(object, "brier_error", json_real(r->numbers.brier_error));
    json_object_set_new(object, "bins", bins_of(r));
    json_object_set_new(object, "classes", classes_of(s, r));
    json_object_set_new(object, "confusion", confusion_of(s, r));
    json_object_set_new(object, "accuracy_at_coverage", coverage_of(s, r));
    return object;
}

// The headline stands in front once more, of the first path: most readers want no more.
void eval_print_json(const eval_setting *s, const eval_result *results, size_t n)
{
    const eval_numbers *first = &results[0].numbers;
    json_t *line = json_pack(
        "{s:I, s:f, s:f, s:f, s:f, s:I, s:s, s:s, s:s, s:s, s:I}", "images",
        (json_int_t)s->count, "accuracy", first->accuracy, "nll", first->nll, "brier",
        first->brier, "ece", first->ece, "samples", (json_int_t)s->samples, "model",
        s->model_name, "dataset", s->dataset, "split", eval_split_name(s->o->split),
        "part", s->part, "ood_images", (json_int_t)s->ood_count);
    json_t *paths = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(paths, result_of(s, &results[i]));
    }
    json_object_set_new(line, "paths", paths);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(line);
}
