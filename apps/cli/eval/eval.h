// SPDX-License-Identifier: Apache-2.0
// What the parts of `bayhenn eval` share: options, what is evaluated, and what came
// out.
#ifndef BH_CLI_EVAL_H
#define BH_CLI_EVAL_H

#include "bayes/metrics/calibration.h"
#include "bayes/metrics/detection.h"
#include "bayes/metrics/scores.h"
#include "data/dataset.h"
#include "model/model.h"
#include "remote.h"
#include "ui.h"

extern const char eval_name[]; // of the command, for complaints

// The ways that logits can be had.
typedef enum eval_path {
    EVAL_FLOAT,     // the posterior in floating point
    EVAL_QUANTISED, // the integers that a server computes with, in the clear
    EVAL_ENCRYPTED, // through a server
    EVAL_PATHS,
} eval_path;

const char *eval_path_name(eval_path path);
const char *eval_split_name(bh_split split);

typedef struct eval_options {
    const char *model, *data, *ood, *label, *out, *report, *curves;
    remote server;
    bool paths[EVAL_PATHS];
    bool paths_given, split_given, validation_given, split_seed_given;
    bool seed_given, samples_given;
    bool threads_given, json, strict, fit;
    bh_split split;
    uint64_t samples, limit, seed, threads, folds, fold, split_seed;
    double validation;
    int argc; // the command as it was typed
    char **argv;
} eval_options;

// Reads the options and fills in what was left out; as cli_parse.
int eval_options_parse(eval_options *o, int argc, char **argv);

// What is evaluated, on what. {0} but for the options is an empty one.
typedef struct eval_setting {
    const eval_options *o;
    bh_model *model;                  // NULL: the server's alone
    bh_tls_client *connection;        // NULL: in the clear alone
    bh_pool *pool;                    // for the clear paths, or NULL
    bh_dataset data;                  // until its images are taken
    bh_cut cut;                       // of it
    bh_images images, ood;            // no ood: ood.count is 0
    char part[128];                   // which the images are
    size_t count, ood_count;          // of them, those to evaluate
    const char *model_name, *dataset; // borrowed from the model or the connection
    bh_shape shape;
    uint32_t classes, samples;
} eval_setting;

// Loads and connects whatever the options name; complains and returns an exit status.
int eval_setting_open(eval_setting *s, const bh_tls_client_options *server);
void eval_setting_close(eval_setting *s);

// The two steps of reading what the options name, before and after it is known what
// the model's classes are called: s->data and s->ood; and s->images, labelled as the
// model numbers its classes.
bh_status eval_data_load(eval_setting *s, bh_error *err) BH_MUST_CHECK;
bh_status eval_data_take(eval_setting *s, bh_error *err) BH_MUST_CHECK;

// How s->data is cut, and s->part: as the options say, and where they are silent, as
// the model was trained. BH_ERR_ARG with a sentence where both speak and differ, or
// where neither knows of a validation part that is asked for.
bh_status eval_cut_make(eval_setting *s, bh_error *err) BH_MUST_CHECK;

// What the model calls a class, "" if nothing.
const char *eval_class_own_name(const eval_setting *s, uint32_t index);
// The name of a class, a number where it has none, cut to what fits.
void eval_class_name(const eval_setting *s, uint32_t index, char *text, size_t size);

// The figures of one path that are single numbers; eval_rows.c says what each is
// called.
typedef struct eval_numbers {
    double accuracy, accuracy_error, nll, nll_error, brier, brier_error;
    double ece, ece_adaptive, ece_by_class, macro_f1, entropy, mutual_information;
    double aurc, accuracy_at_50, accuracy_at_80, accuracy_at_90, accuracy_at_95;
    double auroc[BH_UNLIKE_KINDS], fpr95[BH_UNLIKE_KINDS]; // 0 without ood
} eval_numbers;

// What came out along one path; everything is owned.
typedef struct eval_result {
    eval_path path;
    double seconds;
    float *logits, *ood_logits;   // [count][samples][classes]
    double *probabilities, *risk; // [count][classes]; [count]
    bh_score *scores, *ood_scores;
    uint32_t *confusion; // [classes][classes]
    bh_bin bins[BH_CALIBRATION_BINS];
    bh_detection ood[BH_UNLIKE_KINDS];
    eval_numbers numbers;
} eval_result;

// Evaluates along r->path; everything else is zero before. Complains and returns an
// exit status; r is to be cleared in any case.
int eval_result_make(const eval_setting *s, eval_result *r);
// The figures anew, from r->logits that have changed.
int eval_result_update(const eval_setting *s, eval_result *r);
void eval_result_clear(eval_result *r);

// One of the numbers: the same rows in every output.
typedef struct eval_row {
    const char *label, *key; // for people, at most 30 columns; for JSON
    size_t at, error_at;     // offsets in eval_numbers; error_at 0: has no error
    int decimals;
    bool percent, ood; // shown in percent; only where there are ood inputs
} eval_row;

// Calls visit for every row that these results have.
void eval_rows_each(const eval_setting *s,
                    void (*visit)(void *user, const eval_row *row), void *user);
double eval_row_value(const eval_row *row, const eval_numbers *n);
// "99.42 % ± 0.08" or, without an error, "0.0031"; text has room for EVAL_CELL_BYTES.
// Returns the columns that it takes.
#define EVAL_CELL_BYTES 48
int eval_row_text(const eval_row *row, const eval_numbers *n, const char *plus_minus,
                  char *text);

void eval_print_text(const eval_setting *s, const eval_result *results, size_t n);
void eval_print_json(const eval_setting *s, const eval_result *results, size_t n);

// Fits the temperature, says what it changes and writes the model with it.
int eval_fit(eval_setting *s, eval_path path);

#endif
