// SPDX-License-Identifier: Apache-2.0
// From the texts in the class column to labels. Whole numbers from 0 on are labels as
// they are; other whole numbers, and words, are put in order.
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/rank.h"
#include "data/table.h"

#define CLASSES_MAX BH_DATASET_CLASSES_MAX

// The distinct texts of the class column, bytewise sorted.
typedef struct classes {
    uint32_t count, n_numbers;
    const char *texts[CLASSES_MAX];
    double numbers[CLASSES_MAX];
    uint32_t labels[CLASSES_MAX];
    // Of those that are numbers:
    bool whole;
    double least, largest;
} classes;

static bh_status refuse(const bh_table *t, const char *problem)
{
    return bh_fail(t->err, BH_ERR_ENCODING, "cannot use %s: %s", t->path, problem);
}

static void read_numbers(classes *c)
{
    c->whole = true;
    for (uint32_t i = 0; i < c->count; i++) {
        double v;
        if (bh_csv_number(&v, c->texts[i])) {
            c->numbers[i] = v;
            c->whole &= v >= INT32_MIN && v <= INT32_MAX && v == (int32_t)v;
            c->least = c->n_numbers == 0 || v < c->least ? v : c->least;
            c->largest = c->n_numbers == 0 || v > c->largest ? v : c->largest;
            c->n_numbers++;
        }
    }
}

static bh_status take_words(bh_table *t, classes *c, bh_dataset *out)
{
    for (uint32_t i = 0; i < c->count; i++) {
        c->labels[i] = i;
    }
    return bh_dataset_name_classes(out, c->texts, c->count, t->path, t->err);
}

static bh_status take_labels(bh_table *t, classes *c, bh_dataset *out)
{
    double limit = t->n_said > 0 ? t->n_said : CLASSES_MAX;
    if (c->largest >= limit) {
        return refuse(t, "a label is larger than the number of classes allows");
    }
    for (uint32_t i = 0; i < c->count; i++) {
        c->labels[i] = (uint32_t)c->numbers[i];
    }
    return t->n_said > 0
               ? bh_dataset_name_classes(out, t->said_names, t->n_said, t->path, t->err)
               : bh_dataset_name_classes(out, NULL, (uint32_t)c->largest + 1, t->path,
                                         t->err);
}

// Whether no text before the i-th means the same number, as "1" and "1.0" do.
static bool is_first(const classes *c, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (c->numbers[k] == c->numbers[i]) {
            return false;
        }
    }
    return true;
}

static bh_status order_numbers(bh_table *t, classes *c, bh_dataset *out)
{
    const char *names[CLASSES_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        for (uint32_t k = 0; k < c->count; k++) {
            c->labels[i] += c->numbers[k] < c->numbers[i] && is_first(c, k);
        }
        if (is_first(c, i)) {
            names[c->labels[i]] = c->texts[i];
            n++;
        }
    }
    return bh_dataset_name_classes(out, names, n, t->path, t->err);
}

static bh_status find_labels(bh_table *t, classes *c, bh_dataset *out)
{
    if (c->count > CLASSES_MAX) {
        return refuse(t,
                      "its class column has more than 256 different values: name the "
                      "column that is the class");
    }
    read_numbers(c);
    bool numbers = c->n_numbers == c->count;
    if (numbers && !c->whole) {
        return refuse(t, "its class column holds numbers that are not whole: name the "
                         "column that is the class");
    }
    if (t->n_said > 0 && (!numbers || c->least < 0)) {
        return refuse(t, "its first line names the classes, and its last column does "
                         "not number them");
    }
    return !numbers                         ? take_words(t, c, out)
           : t->n_said > 0 || c->least == 0 ? take_labels(t, c, out)
                                            : order_numbers(t, c, out);
}

bh_status bh_table_label(bh_table *t, bh_dataset *out)
{
    classes c = {0};
    uint32_t *rank = bh_alloc(t->rows, sizeof *rank);
    bh_status status = rank != NULL ? bh_rank(rank, &c.count, c.texts, CLASSES_MAX,
                                              t->label_texts, t->rows)
                                    : BH_ERR_NOMEM;
    if (status != BH_OK) {
        bh_fail(t->err, status, "cannot read %s: out of memory", t->path);
    } else {
        status = find_labels(t, &c, out);
    }
    for (size_t i = 0; i < t->rows && status == BH_OK; i++) {
        out->images.labels[i] = (uint8_t)c.labels[rank[i]];
    }
    bh_free(rank);
    return status;
}
