// SPDX-License-Identifier: Apache-2.0
#include "train/train_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data_check.h"
#include "net_text.h"

void train_data_free(train_data *d)
{
    bh_dataset_clear(&d->all);
    bh_images_clear(&d->train);
    bh_images_clear(&d->validation);
    bh_model_free(d->init);
    free(d->net);
    free(d);
}

static void on_skipped(void *user, const char *sentence)
{
    (void)user;
    cli_fail(train_name, "skipped: %s", sentence);
}

// Options that this data has no use for.
static bh_status check_options(const train_data *d, const train_request *r,
                               bh_error *err)
{
    const bh_cut *cut = &r->cut;
    const bool table = d->all.values != NULL;
    if (table && train_was_given(r, "normalise")) {
        return bh_fail(err, BH_ERR_ARG,
                       "tables are normalised by column: leave --normalise out");
    }
    if (table && train_was_given(r, "augment")) {
        return bh_fail(err, BH_ERR_ARG, "--augment is for images, and %s is a table",
                       r->data);
    }
    if (!table && r->dataset.label != NULL) {
        return bh_fail(err, BH_ERR_ARG, "--label is for tables, and %s is none",
                       r->data);
    }
    if (train_was_given(r, "split-seed") && d->all.split != NULL && cut->folds == 0 &&
        !(cut->validation > 0)) {
        return bh_fail(
            err, BH_ERR_ARG,
            "%s names its own parts: there is nothing to cut by --split-seed", r->data);
    }
    if (train_was_given(r, "patience") && !(cut->validation > 0) &&
        !data_has_validation(&d->all, cut)) {
        return bh_fail(
            err, BH_ERR_ARG,
            "--patience waits for a better validation loss: hold back a part "
            "of the training data by --validation SHARE");
    }
    return data_check_cut(&d->all, cut, r->data, err);
}

// A class that is never shown would be predicted all the same.
static bh_status check_classes(const train_data *d, const train_request *r,
                               bh_error *err)
{
    bool seen[256] = {false};
    for (size_t i = 0; i < d->train.count; i++) {
        seen[d->train.labels[i]] = true;
    }
    for (uint32_t c = 0; c < d->all.n_classes; c++) {
        if (!seen[c]) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "cannot train on %s: no training example is of class %u%s%s "
                           "(of %u): add some, or number the classes without gaps",
                           r->data, c, d->all.class_names[c][0] != '\0' ? ", " : "",
                           d->all.class_names[c], d->all.n_classes);
        }
    }
    return d->all.n_classes > 1
               ? BH_OK
               : bh_fail(err, BH_ERR_ENCODING,
                         "cannot train on %s: all of it is of one class", r->data);
}

static bh_status load_parts(train_data *d, const train_request *r, bh_input *input,
                            bh_error *err)
{
    const bool table = d->all.values != NULL;
    bh_status status = BH_OK;
    if (table) {
        status = bh_dataset_fit_columns(input, &d->all, &r->cut, err);
        status = status == BH_OK ? bh_dataset_encode(&d->all, input, err) : status;
    }
    if (status == BH_OK) {
        status = bh_dataset_take(&d->train, &d->all, &r->cut, BH_SPLIT_TRAIN, err);
    }
    if (status == BH_OK && !table) {
        *input = bh_images_input(&d->train);
    }
    if (status == BH_OK &&
        (r->cut.validation > 0 || data_has_validation(&d->all, &r->cut))) {
        status =
            bh_dataset_take(&d->validation, &d->all, &r->cut, BH_SPLIT_VALIDATION, err);
    }
    if (r->normalise == BH_NORMALISE_IMAGE) {
        input->normalise = BH_NORMALISE_IMAGE;
        for (uint32_t c = 0; c < input->shape.channels; c++) {
            input->mean[c] = 0;
            input->dev[c] = 1;
        }
    }
    return status;
}

static bh_status load_data(train_data *d, const train_request *r, bh_input *input,
                           bh_error *err)
{
    bh_dataset_options options = r->dataset;
    options.on_skipped = on_skipped;
    bh_status status = bh_dataset_load(&d->all, r->data, &options, err);
    status = status == BH_OK ? check_options(d, r, err) : status;
    status = status == BH_OK ? load_parts(d, r, input, err) : status;
    if (status == BH_OK && d->all.values == NULL) {
        d->augment = r->train.augment;
    }
    return status == BH_OK ? check_classes(d, r, err) : status;
}

// The last part of the path without endings: what the model calls the data.
static void name_data(char *out, size_t size, const train_request *r)
{
    if (r->name != NULL) {
        snprintf(out, size, "%s", r->name);
        return;
    }
    size_t end = strlen(r->data);
    while (end > 1 && r->data[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && r->data[begin - 1] != '/') {
        begin--;
    }
    size_t stop = begin + strcspn(r->data + begin, ".");
    stop = stop > end || stop == begin ? end : stop;
    snprintf(out, size, "%.*s", (int)(stop - begin), r->data + begin);
}

static bh_status make_graph(train_data *d, const train_request *r,
                            const bh_input *input, bh_error *err)
{
    bh_status status = bh_graph_make(&d->graph, d->net, *input, d->all.n_classes, err);
    if (status != BH_OK) {
        return status;
    }
    if (r->method == METHOD_SQUARE) {
        bh_graph_square(&d->graph);
    }
    name_data(d->graph.dataset, sizeof d->graph.dataset, r);
    for (uint32_t i = 0; i < d->all.n_classes; i++) {
        char *to = d->graph.class_names[i];
        snprintf(to, sizeof d->graph.class_names[i], "%s", d->all.class_names[i]);
        if (to[0] == '\0') {
            snprintf(to, sizeof d->graph.class_names[i], "%u", i);
        }
    }
    return bh_graph_check(&d->graph, err);
}

bh_status train_data_load(train_data *d, const train_request *r, bh_error *err)
{
    bh_input input = {0};
    bh_status status = net_text_read(&d->net, r->net, err);
    if (status == BH_OK && r->init_from != NULL) {
        status = bh_model_load(&d->init, r->init_from, err);
    }
    status = status == BH_OK ? load_data(d, r, &input, err) : status;
    return status == BH_OK ? make_graph(d, r, &input, err) : status;
}
