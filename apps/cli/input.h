// SPDX-License-Identifier: Apache-2.0
// Images named on the command line: FILE.png, or INDEX or FIRST-LAST of an IDX file as
// in t10k-images-idx3-ubyte.gz:7 and t10k-images-idx3-ubyte.gz:0-19.
#ifndef BH_CLI_INPUT_H
#define BH_CLI_INPUT_H

#include "cli.h"
#include "data/images.h"

typedef struct input_image {
    char *name; // what results call it: FILE.png or FILE:INDEX
    char *path;
    bool is_idx;
    size_t index;    // in an IDX file
    uint8_t *pixels; // filled by inputs_load
} input_image;

typedef struct inputs {
    size_t count;
    input_image *items;
} inputs;

// Takes the arguments apart and checks that every file is there and of a known kind;
// complains and returns an exit status.
int inputs_find(const char *command, inputs *in, char **arguments, size_t n);
// The first n_max PNG files of a folder, by name.
int inputs_find_folder(const char *command, inputs *in, const char *folder,
                       size_t n_max);
// Reads the pixels, resized to `shape` (IDX images must have it already).
int inputs_load(const char *command, inputs *in, bh_shape shape);
void inputs_free(inputs *in);

#endif
