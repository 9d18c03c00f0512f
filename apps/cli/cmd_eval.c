// SPDX-License-Identifier: Apache-2.0
#include "eval/eval.h"
#include "output.h"
#include "report/report.h"

const char eval_name[] = "eval";

// A sentence about paths and servers that do not go together, or NULL.
static const char *server_problem(const eval_options *o)
{
    bool remote_path = o->paths[EVAL_ENCRYPTED];
    bool clear_path = o->paths[EVAL_FLOAT] || o->paths[EVAL_QUANTISED];
    if (o->model == NULL && o->server.connect == NULL) {
        return "--model or --connect is needed";
    }
    if (o->server.connect != NULL && !clear_path &&
        (o->seed_given || o->threads_given)) {
        return "a server chooses its draws and threads by itself";
    }
    if (o->server.connect == NULL && remote_is_given(&o->server)) {
        return "an option for a server is given, but no --connect";
    }
    if (remote_path != (o->server.connect != NULL)) {
        return remote_path ? "path encrypted goes to a server: --connect is needed"
                           : "--connect is given, but --path has no encrypted in it";
    }
    if (clear_path && o->model == NULL) {
        return "paths float and quantised take a --model";
    }
    return NULL;
}

static const char *fit_problem(const eval_options *o)
{
    int paths = 0;
    for (int i = 0; i < EVAL_PATHS; i++) {
        paths += o->paths[i];
    }
    if (!o->fit) {
        return o->out != NULL ? "--out is the model that --fit-temperature writes"
                              : NULL;
    }
    if (o->out == NULL) {
        return "--fit-temperature writes a model: --out is needed";
    }
    if (o->split != BH_SPLIT_VALIDATION) {
        return "a temperature is fitted on the validation split and no other";
    }
    if (paths != 1 || o->paths[EVAL_ENCRYPTED]) {
        return "a temperature is fitted along one path, float or quantised";
    }
    return o->ood != NULL || o->report != NULL
               ? "--fit-temperature goes with neither --ood nor --report"
               : NULL;
}

static const char *data_problem(const eval_options *o)
{
    if ((o->folds == 0) != (o->fold == 0)) {
        return "--folds and --fold belong together";
    }
    if (o->fold > o->folds) {
        return "--fold is larger than --folds";
    }
    if (o->validation_given && o->split == BH_SPLIT_TEST) {
        return "--validation says nothing about the test split";
    }
    return o->curves != NULL && o->report == NULL
               ? "--curves is for a --report, and none is asked for"
               : NULL;
}

static void print(const eval_setting *s, const eval_result *results, size_t n)
{
    if (s->o->json) {
        eval_print_json(s, results, n);
    } else {
        eval_print_text(s, results, n);
    }
}

static int evaluate(const eval_setting *s, report *page)
{
    eval_result results[EVAL_PATHS] = {{0}};
    size_t n = 0;
    int status = CLI_OK;
    for (int i = 0; i < EVAL_PATHS; i++) {
        if (s->o->paths[i]) {
            results[n++].path = (eval_path)i;
        }
    }
    // The server first: it does not wait for a client that is busy with itself.
    for (size_t i = n; i-- > 0 && status == CLI_OK;) {
        status = eval_result_make(s, &results[i]);
    }
    if (status == CLI_OK) {
        print(s, results, n);
    }
    if (status == CLI_OK && s->o->report != NULL) {
        status = report_write(page, s, results, n);
    }
    for (size_t i = 0; i < n; i++) {
        eval_result_clear(&results[i]);
    }
    return status;
}

static int run(const eval_options *o, const bh_tls_client_options *server)
{
    eval_setting s = {.o = o};
    report page = {0};
    int status = eval_setting_open(&s, server);
    if (status == CLI_OK && o->report != NULL) {
        status = report_open(&page, o);
    }
    if (status == CLI_OK && o->fit) {
        status = output_check(eval_name, o->out, OUTPUT_MODEL);
    }
    if (status == CLI_OK) {
        status = o->fit
                     ? eval_fit(&s, o->paths[EVAL_FLOAT] ? EVAL_FLOAT : EVAL_QUANTISED)
                     : evaluate(&s, &page);
    }
    report_close(&page);
    eval_setting_close(&s);
    return status;
}

int cmd_eval(int argc, char **argv)
{
    eval_options o;
    bh_tls_client_options server = {0};
    int parsed = eval_options_parse(&o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    const char *problem = server_problem(&o);
    problem = problem != NULL ? problem : fit_problem(&o);
    problem = problem != NULL ? problem : data_problem(&o);
    if (problem != NULL) {
        return cli_usage(eval_name, "%s", problem);
    }
    if (o.server.connect != NULL && !remote_options(eval_name, &o.server, &server)) {
        return CLI_USAGE;
    }
    return run(&o, &server);
}
