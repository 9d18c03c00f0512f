// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

#define AT(field)      offsetof(eval_numbers, field)
#define ITEM(field, i) (offsetof(eval_numbers, field) + (i) * sizeof(double))

static const eval_row rows[] = {
    {"accuracy", "accuracy", AT(accuracy), AT(accuracy_error), 2, true, false},
    {"NLL", "nll", AT(nll), AT(nll_error), 4, false, false},
    {"Brier score", "brier", AT(brier), AT(brier_error), 4, false, false},
    {"ECE, bins of equal width", "ece", AT(ece), 0, 4, false, false},
    {"ECE, bins of equal mass", "ece_adaptive", AT(ece_adaptive), 0, 4, false, false},
    {"ECE, class by class", "ece_by_class", AT(ece_by_class), 0, 4, false, false},
    {"F1, mean over classes", "macro_f1", AT(macro_f1), 0, 4, false, false},
    {"entropy, mean", "entropy", AT(entropy), 0, 4, false, false},
    {"mutual information, mean", "mutual_information", AT(mutual_information), 0, 4,
     false, false},
    {"risk-coverage area (AURC)", "aurc", AT(aurc), 0, 6, false, false},
    {"accuracy at 95 % coverage", "accuracy_at_95", AT(accuracy_at_95), 0, 2, true,
     false},
    {"accuracy at 90 % coverage", "accuracy_at_90", AT(accuracy_at_90), 0, 2, true,
     false},
    {"accuracy at 80 % coverage", "accuracy_at_80", AT(accuracy_at_80), 0, 2, true,
     false},
    {"accuracy at 50 % coverage", "accuracy_at_50", AT(accuracy_at_50), 0, 2, true,
     false},
    {"OOD AUROC, entropy", "auroc_entropy", ITEM(auroc, BH_UNLIKE_ENTROPY), 0, 4, false,
     true},
    {"OOD AUROC, mutual information", "auroc_mutual_information",
     ITEM(auroc, BH_UNLIKE_MUTUAL_INFORMATION), 0, 4, false, true},
    {"OOD AUROC, energy", "auroc_energy", ITEM(auroc, BH_UNLIKE_ENERGY), 0, 4, false,
     true},
    {"OOD AUROC, largest probability", "auroc_confidence",
     ITEM(auroc, BH_UNLIKE_CONFIDENCE), 0, 4, false, true},
    {"OOD FPR95, entropy", "fpr95_entropy", ITEM(fpr95, BH_UNLIKE_ENTROPY), 0, 2, true,
     true},
    {"OOD FPR95, mutual information", "fpr95_mutual_information",
     ITEM(fpr95, BH_UNLIKE_MUTUAL_INFORMATION), 0, 2, true, true},
    {"OOD FPR95, energy", "fpr95_energy", ITEM(fpr95, BH_UNLIKE_ENERGY), 0, 2, true,
     true},
    {"OOD FPR95, largest probability", "fpr95_confidence",
     ITEM(fpr95, BH_UNLIKE_CONFIDENCE), 0, 2, true, true},
};

void eval_rows_each(const eval_setting *s,
                    void (*visit)(void *user, const eval_row *row), void *user)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].ood || s->ood_count > 0) {
            visit(user, &rows[i]);
        }
    }
}

static double number_at(const eval_numbers *n, size_t at)
{
    double value;
    memcpy(&value, (const char *)n + at, sizeof value);
    return value;
}

double eval_row_value(const eval_row *row, const eval_numbers *n)
{
    return number_at(n, row->at);
}

int eval_row_text(const eval_row *row, const eval_numbers *n, const char *plus_minus,
                  char *text)
{
    double value = eval_row_value(row, n), scale = row->percent ? 100 : 1;
    int columns = snprintf(text, EVAL_CELL_BYTES, "%.*f%s", row->decimals,
                           value * scale, row->percent ? " %" : "");
    if (row->error_at != 0) {
        char error[16];
        int len = snprintf(error, sizeof error, "%.*f", row->decimals,
                           number_at(n, row->error_at) * scale);
        snprintf(text + columns, EVAL_CELL_BYTES - (size_t)columns, " %s %s",
                 plus_minus, error);
        columns += 3 + len; // the sign is one column
    }
    return columns;
}
