// SPDX-License-Identifier: Apache-2.0
// `bayhenn eval --report`: one HTML file with everything in it, no script, and nothing
// from elsewhere.
#ifndef BH_CLI_REPORT_H
#define BH_CLI_REPORT_H

#include <stdio.h>

#include "eval/eval.h"
#include "report/curves.h"

// An open report; {0} is none.
typedef struct report {
    FILE *out; // into `page`
    char *page;
    size_t page_len;
    const char *path;
    curves training;
} report;

// Tries the file and reads the curves before the work begins, so that neither can spoil
// it afterwards. Complains and returns an exit status.
int report_open(report *r, const eval_options *o);
// Writes the file in one piece: everything of the first result, and the figures of all.
int report_write(report *r, const eval_setting *s, const eval_result *results,
                 size_t n);
void report_close(report *r);

// ---- its parts, each in a file of its own ----

extern const char report_style[];

void report_numbers(FILE *out, const eval_setting *s, const eval_result *results,
                    size_t n);
void report_classes(FILE *out, const eval_setting *s, const eval_result *r);
void report_confusion(FILE *out, const eval_setting *s, const eval_result *r);
void report_confusion_picture(FILE *out, const eval_setting *s, const eval_result *r);
void report_training(FILE *out, const curves *training);
void report_charts(FILE *out, const eval_setting *s, const eval_result *r);
// BH_ERR_NOMEM, or BH_ERR_IO if a picture cannot be encoded.
bh_status report_pictures(FILE *out, const eval_setting *s,
                          const eval_result *r) BH_MUST_CHECK;

// <figure> with a title; its end takes the sentences that say how to read it.
void report_figure_begin(FILE *out, const char *title);
void report_figure_end(FILE *out, const char *caption);

#endif
