// SPDX-License-Identifier: Apache-2.0
// Data sets for training and evaluation: what every format becomes (docs/data.md), and
// how it is cut into training, validation and test images.
#ifndef BH_DATA_DATASET_H
#define BH_DATA_DATASET_H

#include "data/images.h"

typedef enum bh_split {
    BH_SPLIT_TRAIN,
    BH_SPLIT_VALIDATION,
    BH_SPLIT_TEST,
} bh_split;

// Every example of a data set, whatever split it belongs to. Tables have values in
// place of pixels until bh_dataset_encode.
typedef struct bh_dataset {
    bh_images images;   // labels are always set; of tables the shape is 1 x 1 x columns
    float *values;      // of tables: [count][columns]; NULL otherwise
    uint8_t *split;     // [count], bh_split, as the format says; NULL: it says nothing
    uint32_t *group;    // [count]: what must not be torn apart (a patient); or NULL
    uint32_t n_groups;  // groups are 0 .. n_groups - 1
    uint32_t n_classes; // largest label + 1, or the number of classes that are named
    char (*class_names)[32]; // [n_classes], "" where unnamed
    size_t skipped;          // broken files or rows
} bh_dataset;

typedef struct bh_dataset_options {
    // Of folders of pictures, which are resized to it; {0}: the first picture's own
    // size, and gray where its file is gray (of IDC: 3 x 50 x 50). Of other formats:
    // refused if it differs.
    bh_shape wanted;
    bool exact;        // pictures of another size are not resized, but broken files
    bool strict;       // the first broken file is an error; otherwise it is skipped
    const char *label; // of tables: the column that is the class; NULL: the last
    void (*on_skipped)(void *user, const char *sentence); // or NULL
    void *user;
} bh_dataset_options;

// Finds out which format `path` has (docs/data.md) and reads it. Errors: BH_ERR_IO,
// BH_ERR_ENCODING, BH_ERR_TOO_LARGE, BH_ERR_NOMEM with a sentence that names the file;
// nothing is left to clear then.
bh_status bh_dataset_load(bh_dataset *out, const char *path,
                          const bh_dataset_options *options,
                          bh_error *err) BH_MUST_CHECK;
void bh_dataset_clear(bh_dataset *data);

// Numbers the labels as a model does whose classes have these names, "" for those that
// are called by their number, and takes over its names. Classes are matched by name
// where the data set names them, by number as text in other tables; labels of other
// data sets without names stay. BH_ERR_ENCODING with a sentence for a class that has
// examples and is none of the model's, BH_ERR_NOMEM; nothing has changed then.
bh_status bh_dataset_match_classes(bh_dataset *data, const char *const *names,
                                   uint32_t n_classes, bh_error *err) BH_MUST_CHECK;

#define BH_CUT_FOLDS_MAX     1000
#define BH_CUT_FOLDS_DEFAULT 5

// How a data set is cut. Same options, same data set: same cut, on every machine.
typedef struct bh_cut {
    // folds > 1: the data set's own splits are ignored; its groups (examples where
    // there are none) are dealt at random to that many parts of about equal size and,
    // without groups, equal shares of each class. Part `fold` (1 .. folds) is the test
    // split. 0: the data set's own splits; without any of its own, fold 1 of
    // BH_CUT_FOLDS_DEFAULT.
    uint32_t folds, fold;
    // Where the data set names no validation split: this share of the training split,
    // taken by the same rules; 0: none.
    double validation;
    uint64_t seed;
} bh_cut;

// Copies the examples of one split. data must be encoded if it is a table. Errors:
// BH_ERR_ARG for a cut that makes no sense or a split that is empty, BH_ERR_NOMEM.
bh_status bh_dataset_take(bh_images *out, const bh_dataset *data, const bh_cut *cut,
                          bh_split split, bh_error *err) BH_MUST_CHECK;

// Tables: mean and deviation of every column over the training split of the cut become
// an input's column_mean and column_dev (graph.h); all else in it is set to match. A
// column that never varies has deviation 1. BH_ERR_ARG as above, and if it is no table.
bh_status bh_dataset_fit_columns(bh_input *input, const bh_dataset *data,
                                 const bh_cut *cut, bh_error *err) BH_MUST_CHECK;
// Makes pixels of a table's values by the columns of an input. BH_ERR_ARG if their
// number differs, or if it is no table.
bh_status bh_dataset_encode(bh_dataset *data, const bh_input *input,
                            bh_error *err) BH_MUST_CHECK;

#endif
