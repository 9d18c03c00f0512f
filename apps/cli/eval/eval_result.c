// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "bayes/evaluate.h"
#include "bayes/metrics/confusion.h"
#include "bayes/metrics/coverage.h"
#include "bayes/metrics/metrics.h"
#include "eval/eval.h"
#include "net/clock.h"

typedef struct progress {
    ui u;
    const char *label;
    uint64_t start; // of bh_clock_us
    size_t count;
} progress;

static void on_progress(void *user, size_t done)
{
    const progress *p = user;
    char note[64];
    double elapsed = (double)(bh_clock_us() - p->start) / 1e6;
    snprintf(note, sizeof note, "%zu of %zu images", done, p->count);
    ui_progress(&p->u, p->label, (double)done / (double)p->count,
                elapsed / (double)done * (double)(p->count - done), note);
}

static bh_status query_all(const eval_setting *s, float *logits,
                           const bh_images *images, size_t count, progress *p,
                           bh_error *err)
{
    const size_t len = (size_t)s->samples * s->classes;
    bh_status status = BH_OK;
    for (size_t i = 0; i < count && status == BH_OK; i++) {
        bh_client_result result;
        status =
            bh_tls_client_query(s->connection, &result,
                                images->pixels + i * bh_shape_len(images->shape), err);
        for (size_t j = 0; j < len && status == BH_OK; j++) {
            logits[i * len + j] = (float)result.logits[j];
        }
        if (status == BH_OK) {
            on_progress(p, i + 1);
        }
    }
    return status;
}

static int predict(const eval_setting *s, eval_path path, float **logits,
                   const bh_images *images, size_t count)
{
    progress p = {.u = ui_make(),
                  .label = eval_path_name(path),
                  .start = bh_clock_us(),
                  .count = count};
    bh_evaluation job = {.model = s->model,
                         .images = images,
                         .count = count,
                         .samples = s->samples,
                         .seed = s->o->seed,
                         .pool = s->pool,
                         .on_progress = on_progress,
                         .user = &p};
    bh_error err = {0};
    job.logits = calloc(count, (size_t)s->samples * s->classes * sizeof *job.logits);
    *logits = job.logits;
    if (job.logits == NULL) {
        return cli_fail(eval_name, "out of memory");
    }
    bh_status status = path == EVAL_FLOAT ? bh_evaluate_float(&job)
                       : path == EVAL_QUANTISED
                           ? bh_evaluate_quantised(&job)
                           : query_all(s, job.logits, images, count, &p, &err);
    ui_progress_end(&p.u);
    err.status = status;
    return status == BH_OK ? CLI_OK : cli_fail_with(eval_name, &err);
}

// Scores of one kind, of n images.
static double *kind_of(const bh_score *scores, size_t n, bh_unlike kind)
{
    double *out = calloc(n, sizeof *out);
    for (size_t i = 0; i < n && out != NULL; i++) {
        out[i] = bh_score_unlike(&scores[i], kind);
    }
    return out;
}

static bh_status detect(const eval_setting *s, eval_result *r)
{
    bh_status status = BH_OK;
    for (bh_unlike kind = 0; kind < BH_UNLIKE_KINDS && status == BH_OK; kind++) {
        double *in = kind_of(r->scores, s->count, kind);
        double *elsewhere = kind_of(r->ood_scores, s->ood_count, kind);
        status = in != NULL && elsewhere != NULL
                     ? bh_detection_compute(&r->ood[kind], in, s->count, elsewhere,
                                            s->ood_count)
                     : BH_ERR_NOMEM;
        r->numbers.auroc[kind] = r->ood[kind].auroc;
        r->numbers.fpr95[kind] = r->ood[kind].fpr95;
        free(in);
        free(elsewhere);
    }
    return status;
}

static void take_numbers(const eval_setting *s, eval_result *r)
{
    const uint8_t *labels = s->images.labels;
    eval_numbers *n = &r->numbers;
    bh_metrics m = bh_metrics_compute(r->probabilities, labels, s->count, s->classes);
    n->accuracy = m.accuracy;
    n->accuracy_error = m.accuracy_error;
    n->nll = m.nll;
    n->nll_error = m.nll_error;
    n->brier = m.brier;
    n->brier_error = m.brier_error;
    n->ece = m.ece;
    n->ece_by_class =
        bh_calibration_error_by_class(r->probabilities, labels, s->count, s->classes);
    bh_calibration_bins(r->bins, r->probabilities, labels, s->count, s->classes);
    bh_confusion_count(r->confusion, r->scores, labels, s->count, s->classes);
    n->macro_f1 = bh_confusion_macro_f1(r->confusion, s->classes);
    n->entropy = 0;
    n->mutual_information = 0;
    for (size_t i = 0; i < s->count; i++) {
        n->entropy += r->scores[i].entropy / (double)s->count;
        n->mutual_information += r->scores[i].mutual_information / (double)s->count;
    }
    n->aurc = bh_coverage_area(r->risk, s->count);
    n->accuracy_at_50 = bh_coverage_accuracy(r->risk, s->count, 0.5);
    n->accuracy_at_80 = bh_coverage_accuracy(r->risk, s->count, 0.8);
    n->accuracy_at_90 = bh_coverage_accuracy(r->risk, s->count, 0.9);
    n->accuracy_at_95 = bh_coverage_accuracy(r->risk, s->count, 0.95);
}

// Scores of the inputs from elsewhere; their probabilities are nobody's concern.
static bh_status score_ood(const eval_setting *s, eval_result *r)
{
    double *probabilities = calloc(s->ood_count, s->classes * sizeof *probabilities);
    bh_status status =
        probabilities != NULL
            ? bh_scores_compute(probabilities, r->ood_scores, r->ood_logits,
                                s->ood_count, s->samples, s->classes)
            : BH_ERR_NOMEM;
    free(probabilities);
    return status == BH_OK ? detect(s, r) : status;
}

int eval_result_update(const eval_setting *s, eval_result *r)
{
    const uint8_t *labels = s->images.labels;
    bh_status status = bh_scores_compute(r->probabilities, r->scores, r->logits,
                                         s->count, s->samples, s->classes);
    if (status == BH_OK) {
        status = bh_calibration_error_adaptive(
            &r->numbers.ece_adaptive, r->probabilities, labels, s->count, s->classes);
    }
    if (status == BH_OK) {
        status = bh_coverage_risk(r->risk, r->scores, labels, s->count);
    }
    if (status == BH_OK) {
        take_numbers(s, r);
    }
    if (status == BH_OK && s->ood_count > 0) {
        status = score_ood(s, r);
    }
    return status == BH_OK          ? CLI_OK
           : status == BH_ERR_RANGE ? cli_fail(eval_name,
                                               "path %s gives logits that are no "
                                               "numbers: the model is of no use",
                                               eval_path_name(r->path))
                                    : cli_fail(eval_name, "out of memory");
}

int eval_result_make(const eval_setting *s, eval_result *r)
{
    uint64_t start = bh_clock_us();
    int status = predict(s, r->path, &r->logits, &s->images, s->count);
    if (status == CLI_OK && s->ood_count > 0) {
        status = predict(s, r->path, &r->ood_logits, &s->ood, s->ood_count);
    }
    if (status != CLI_OK) {
        return status;
    }
    r->seconds = (double)(bh_clock_us() - start) / 1e6;
    r->probabilities = calloc(s->count, s->classes * sizeof *r->probabilities);
    r->risk = calloc(s->count, sizeof *r->risk);
    r->scores = calloc(s->count, sizeof *r->scores);
    r->ood_scores = calloc(s->ood_count + 1, sizeof *r->ood_scores); // never of 0 bytes
    r->confusion = calloc((size_t)s->classes * s->classes, sizeof *r->confusion);
    if (r->probabilities == NULL || r->risk == NULL || r->scores == NULL ||
        r->ood_scores == NULL || r->confusion == NULL) {
        return cli_fail(eval_name, "out of memory");
    }
    return eval_result_update(s, r);
}

void eval_result_clear(eval_result *r)
{
    free(r->logits);
    free(r->ood_logits);
    free(r->probabilities);
    free(r->risk);
    free(r->scores);
    free(r->ood_scores);
    free(r->confusion);
    *r = (eval_result){.path = r->path};
}
