// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>

#include "bayes/metrics/temperature.h"
#include "eval/eval.h"

#define LIMIT 1.001 // as near to the end of the range a minimum is none

// Logits were divided by the model's temperature already: what is fitted comes on top.
static bh_status set_temperature(bh_model *model, double factor, bh_error *err)
{
    model->graph.temperature *= factor;
    return bh_graph_check(&model->graph, err);
}

static void print(const eval_setting *s, const eval_numbers *before,
                  const eval_numbers *after, double temperature)
{
    char shown[CLI_SHOWN_BYTES];
    if (s->o->json) {
        json_t *line = json_pack(
            "{s:f, s:I, s:{s:f, s:f}, s:{s:f, s:f}}", "temperature", temperature,
            "images", (json_int_t)s->count, "before", "nll", before->nll, "ece",
            before->ece, "after", "nll", after->nll, "ece", after->ece);
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
        putchar('\n');
        json_decref(line);
        return;
    }
    printf("temperature %.4f, fitted on %zu images of the validation split\n",
           temperature, s->count);
    printf("  NLL  %.4f before, %.4f after\n", before->nll, after->nll);
    printf("  ECE  %.4f before, %.4f after\n", before->ece, after->ece);
    printf("written to %s\n", cli_shown(shown, sizeof shown, s->o->out));
}

int eval_fit(eval_setting *s, eval_path path)
{
    bh_error err = {0};
    eval_result r = {.path = path};
    int status = eval_result_make(s, &r);
    if (status == CLI_OK) {
        eval_numbers before = r.numbers;
        double factor = bh_temperature_fit(r.logits, s->images.labels, s->count,
                                           s->samples, s->classes);
        if (factor < LIMIT * BH_TEMPERATURE_FIT_MIN ||
            factor > BH_TEMPERATURE_FIT_MAX / LIMIT) {
            eval_result_clear(&r);
            return cli_fail(eval_name,
                            "no temperature from %g to %g is best: there are too few "
                            "images, or all of them are right",
                            BH_TEMPERATURE_FIT_MIN, BH_TEMPERATURE_FIT_MAX);
        }
        bh_temperature_apply(r.logits, s->count * s->samples * s->classes, factor);
        status = eval_result_update(s, &r);
        if (status == CLI_OK && (set_temperature(s->model, factor, &err) != BH_OK ||
                                 bh_model_save(s->model, s->o->out, &err) != BH_OK)) {
            status = cli_fail_with(eval_name, &err);
        }
        if (status == CLI_OK) {
            print(s, &before, &r.numbers, s->model->graph.temperature);
        }
    }
    eval_result_clear(&r);
    return status;
}
