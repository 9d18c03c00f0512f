// SPDX-License-Identifier: Apache-2.0
// Images and rows of tables named on the command line: FILE.png, or INDEX or FIRST-LAST
// of an IDX file or a table, as in t10k-images-idx3-ubyte.gz:7 and patients.csv:0-19.
#ifndef BH_CLI_INPUT_H
#define BH_CLI_INPUT_H

#include "cli.h"
#include "data/images.h"

typedef enum input_kind { INPUT_PNG, INPUT_IDX, INPUT_ROW } input_kind;

typedef struct input {
    input_kind kind;
    char *name; // what results call it: FILE.png or FILE:INDEX
    char *path;
    size_t index;    // in an IDX file or a table
    uint8_t *pixels; // filled by inputs_load
} input;

typedef struct inputs {
    const char *label; // of tables: the column that is the class; or NULL
    size_t count;
    input *items;
} inputs;

// Takes the arguments apart and checks that every file is there and of a known kind;
// complains and returns an exit status.
int inputs_find(const char *command, inputs *in, char **arguments, size_t n);
// The first n_max PNG files of a folder, by name.
int inputs_find_folder(const char *command, inputs *in, const char *folder,
                       size_t n_max);
// Whether a row of a table is among them.
bool inputs_have_rows(const inputs *in);
// Makes the pixels that the server's model takes: PNG files resized to its images' size
// (IDX images must have it already), or rows by its columns.
int inputs_load(const char *command, inputs *in, const bh_client *client);
void inputs_free(inputs *in);

#endif
