// SPDX-License-Identifier: Apache-2.0
// What `bayhenn train` was asked for.
#ifndef BH_CLI_TRAIN_OPTIONS_H
#define BH_CLI_TRAIN_OPTIONS_H

#include "bayes/train.h"
#include "cli.h"
#include "data/dataset.h"

extern const char train_name[]; // of the command, for complaints

typedef enum train_method {
    METHOD_BAYES,
    METHOD_NORMAL,
    METHOD_SQUARE,
    METHOD_ENSEMBLE,
} train_method;

typedef enum train_optimiser { OPTIMISER_ADAM, OPTIMISER_SGD } train_optimiser;

typedef struct train_request {
    const char *data, *net, *out, *name; // name: of the data set; NULL: its file's
    const char *init_from, *checkpoint;  // checkpoint NULL: beside `out`
    train_method method;
    train_optimiser optimiser;
    bh_normalise normalise;
    bool json;
    uint32_t threads;
    bh_dataset_options dataset;
    bh_cut cut;
    bh_train_options train;
    uint64_t given; // which options were
} train_request;

// Reads the command line; what cli_parse returns.
int train_request_parse(train_request *r, int argc, char **argv);

// Whether an option, such as "augment", was given.
bool train_was_given(const train_request *r, const char *option);

#endif
