// SPDX-License-Identifier: Apache-2.0
// The readers behind bh_dataset_load, and what they share. `err` is never NULL in here,
// and whoever calls clears `out` after a failure.
#ifndef BH_DATA_FORMATS_H
#define BH_DATA_FORMATS_H

#include "data/dataset.h"
#include "data/listing.h"

#define BH_DATASET_CLASSES_MAX 256 // labels are bytes
#define BH_CLASS_NAME_BYTES    32

// Some file or row is broken and err says how. Where it is to be skipped, it is counted
// and reported, and the result is BH_OK; err keeps its sentence.
bh_status bh_dataset_skip(bh_dataset *out, const bh_dataset_options *options,
                          const bh_error *err) BH_MUST_CHECK;
// Nothing is left in `path`: the sentence ends with that of err, the last one skipped.
bh_status bh_dataset_nothing_left(const char *path, bh_error *err);
// n_classes and class_names; names NULL: unnamed. BH_ERR_ENCODING where there are too
// many or one is too long.
bh_status bh_dataset_name_classes(bh_dataset *out, const char *const *names,
                                  uint32_t n_classes, const char *path,
                                  bh_error *err) BH_MUST_CHECK;

// Files that belong to one data set, one behind the other.
typedef struct bh_part {
    bh_images images; // with labels
    bh_split split;
} bh_part;
// Moves the parts to out->images; BH_ERR_ENCODING if their shapes differ,
// BH_ERR_TOO_LARGE if they are more than a data set has room for.
bh_status bh_dataset_join(bh_dataset *out, bh_part *parts, size_t n_parts,
                          const char *path, bh_error *err) BH_MUST_CHECK;

// IDX files in a folder, of one split at least.
bool bh_idx_folder_matches(const char *path);
bh_status bh_idx_folder_load(bh_dataset *out, const char *path,
                             bh_error *err) BH_MUST_CHECK;

// data_batch_1.bin .. data_batch_5.bin and test_batch.bin.
bool bh_cifar_matches(const char *path);
bh_status bh_cifar_load(bh_dataset *out, const char *path, bh_error *err) BH_MUST_CHECK;

// <patient>/<0|1>/*.png, as breast histopathology images are published.
bool bh_idc_matches(const char *path, const bh_listing *folders);
bh_status bh_idc_load(bh_dataset *out, const char *path, const bh_listing *folders,
                      const bh_dataset_options *options, bh_error *err) BH_MUST_CHECK;

// One folder of pictures for each class, perhaps below train/, val/ and test/.
bool bh_class_folders_match(const char *path, const bh_listing *folders);
bh_status bh_class_folders_load(bh_dataset *out, const char *path,
                                const bh_listing *folders,
                                const bh_dataset_options *options,
                                bh_error *err) BH_MUST_CHECK;

// A table.
bool bh_table_matches(const char *path);
bh_status bh_table_load(bh_dataset *out, const char *path,
                        const bh_dataset_options *options, bh_error *err) BH_MUST_CHECK;

#define BH_NO_COLUMN UINT32_MAX

// Which of the columns of these names tells groups, in an index and in a table alike:
// the first named "patient" or "group", or else the first with "patient" in its name,
// in any case; never `label`, the column that is the class. BH_NO_COLUMN: none does.
uint32_t bh_group_column(const char *const *names, uint32_t count, uint32_t label);
// Groups of the images from an index. Without a column of groups, nothing changes.
bh_status bh_index_load(bh_dataset *out, const char *path, bh_error *err) BH_MUST_CHECK;
// Groups from the name of each example's.
bh_status bh_dataset_name_groups(bh_dataset *out, const char *const *names,
                                 const char *path, bh_error *err) BH_MUST_CHECK;

#endif
