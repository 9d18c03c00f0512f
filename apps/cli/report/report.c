// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "output.h"
#include "report/chart.h"

int report_open(report *r, const eval_options *o)
{
    bh_error err = {0};
    int status = output_check(eval_name, o->report, OUTPUT_PAGE);
    if (status != CLI_OK) {
        return status;
    }
    if (o->curves != NULL && curves_load(&r->training, o->curves, &err) != BH_OK) {
        return cli_fail_with(eval_name, &err);
    }
    r->path = o->report;
    r->out = open_memstream(&r->page, &r->page_len);
    return r->out != NULL ? CLI_OK : cli_fail(eval_name, "out of memory");
}

void report_close(report *r)
{
    if (r->out != NULL) {
        fclose(r->out);
    }
    free(r->page);
    curves_clear(&r->training);
}

void report_figure_begin(FILE *out, const char *title)
{
    fputs("<figure><h3>", out);
    chart_escape(out, title);
    fputs("</h3>\n", out);
}

void report_figure_end(FILE *out, const char *caption)
{
    fprintf(out, "<figcaption>%s</figcaption></figure>\n", caption);
}

static void fact(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<dt>%s</dt><dd>", name);
    chart_escape(out, value);
    fputs("</dd>\n", out);
}

static void write_command(FILE *out, const eval_options *o)
{
    fputs("<dt>Command</dt><dd><code>bayhenn", out);
    for (int i = 0; i < o->argc; i++) {
        fputs(" <span>", out); // lines break between arguments
        chart_escape(out, o->argv[i]);
        fputs("</span>", out);
    }
    fputs("</code></dd>\n", out);
}

static void write_paths(FILE *out, const eval_result *results, size_t n)
{
    char text[64] = "";
    for (size_t i = 0; i < n; i++) {
        strcat(text, i > 0 ? ", " : "");
        strcat(text, eval_path_name(results[i].path));
    }
    strcat(text, n > 1 ? "; charts: the first" : "");
    fact(out, n > 1 ? "Paths" : "Path", text);
}

static void write_facts(FILE *out, const eval_setting *s, const eval_result *results,
                        size_t n)
{
    char text[256];
    time_t now = time(NULL);
    struct tm parts;
    fputs("<dl class=\"facts\">\n", out);
    fact(out, "Model", s->o->model != NULL ? s->o->model : s->o->server.connect);
    fact(out, "Data", s->o->data);
    snprintf(text, sizeof text, "%zu images of the %s split: %s", s->count,
             eval_split_name(s->o->split), s->part);
    fact(out, "Images", text);
    if (s->ood_count > 0) {
        fact(out, "Out of distribution", s->o->ood);
    }
    snprintf(text, sizeof text, "%u of the weights for every image", s->samples);
    fact(out, "Draws", text);
    write_paths(out, results, n);
    if (localtime_r(&now, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) > 0) {
        fact(out, "Date", text);
    }
    write_command(out, s->o);
    fputs("</dl>\n", out);
}

static void write_head(FILE *out, const eval_setting *s)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
          "style-src 'unsafe-inline';img-src data:\">\n<title>",
          out);
    chart_escape(out, s->model_name);
    fputs(" on ", out);
    chart_escape(out, s->dataset);
    fprintf(out, "</title>\n<style>\n%s</style></head><body>\n<header><h1>",
            report_style);
    chart_escape(out, s->model_name);
    fputs(" on ", out);
    chart_escape(out, s->dataset);
    fputs("</h1>\n<p class=\"muted\">How accurate it is, how far its probabilities can "
          "be believed, and whether it notices what it has not learnt</p>\n",
          out);
}

int report_write(report *r, const eval_setting *s, const eval_result *results, size_t n)
{
    write_head(r->out, s);
    write_facts(r->out, s, results, n);
    report_numbers(r->out, s, results, n);
    if (r->training.count > 0) {
        report_training(r->out, &r->training);
    }
    report_charts(r->out, s, &results[0]);
    report_confusion(r->out, s, &results[0]);
    bh_status status = report_pictures(r->out, s, &results[0]);
    report_classes(r->out, s, &results[0]);
    fprintf(
        r->out,
        "<footer>bayhenn %s. Every figure is defined in docs/evaluation.md.</footer>\n"
        "</body></html>\n",
        bh_version());
    if (status != BH_OK) {
        return cli_fail(eval_name, "the pictures of the report: %s",
                        bh_status_message(status));
    }
    bh_error err = {0};
    bool lost = ferror(r->out) != 0;
    lost = fclose(r->out) != 0 || lost;
    r->out = NULL;
    if (lost) {
        return cli_fail(eval_name, "out of memory");
    }
    return bh_file_replace(r->path, (const uint8_t *)r->page, r->page_len, &err) ==
                   BH_OK
               ? CLI_OK
               : cli_fail_with(eval_name, &err);
}
