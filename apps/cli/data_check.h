// SPDX-License-Identifier: Apache-2.0
// What train and eval alike have to say about a data set and how it is to be cut.
#ifndef BH_CLI_DATA_CHECK_H
#define BH_CLI_DATA_CHECK_H

#include "data/dataset.h"

// Whether the data set names a validation part that this cut leaves as it is.
bool data_has_validation(const bh_dataset *data, const bh_cut *cut);

// BH_ERR_ARG with a sentence if a share is to be held back beside such a part: that
// would do nothing.
bh_status data_check_cut(const bh_dataset *data, const bh_cut *cut, const char *path,
                         bh_error *err) BH_MUST_CHECK;

#endif
