// SPDX-License-Identifier: Apache-2.0
// The options of `bayhenn import`.
#ifndef BH_CLI_IMPORT_OPTIONS_H
#define BH_CLI_IMPORT_OPTIONS_H

#include "cli.h"
#include "model/graph.h"

// One number for all channels, or one for each.
typedef struct import_numbers {
    uint32_t count;
    float values[BH_GRAPH_CHANNELS_MAX];
} import_numbers;

typedef struct import_options {
    const char *file, *net, *format, *map, *out, *data, *dataset, *classes, *check;
    bh_shape shape; // {0}: what the network was made for
    import_numbers mean, dev;
    double moped; // NaN: not given
    double tolerance;
    bool normalised; // --input-mean or --input-dev is given
    bool allow_unused, list;
} import_options;

// CLI_GO_ON with options that make sense, or an exit status.
int import_options_parse(import_options *o, int argc, char **argv);

// The network's input. BH_ERR_ARG if there are not as many numbers as channels.
bh_status import_options_input(bh_input *out, const import_options *o, bh_shape shape,
                               bh_error *err) BH_MUST_CHECK;

// Names the graph's data set and its classes, which are numbers without --classes.
// BH_ERR_ARG if there are not as many names as classes or one is too long.
bh_status import_options_label(bh_graph *graph, const import_options *o,
                               bh_error *err) BH_MUST_CHECK;

#endif
