// SPDX-License-Identifier: Apache-2.0
// What a network is trained on, and the network.
#ifndef BH_CLI_TRAIN_DATA_H
#define BH_CLI_TRAIN_DATA_H

#include "train/train_options.h"

typedef struct train_data {
    bh_dataset all;
    bh_images train, validation; // validation.count is 0 where there is none
    bh_augment augment;          // of tables none
    bh_model *init;              // or NULL
    char *net;                   // its text
    bh_graph graph;
} train_data;

// Reads all that the request names; train_data_free is due in any case. BH_ERR_ARG for
// options that do not fit the data.
bh_status train_data_load(train_data *d, const train_request *r,
                          bh_error *err) BH_MUST_CHECK;
void train_data_free(train_data *d); // d itself, too

#endif
