// SPDX-License-Identifier: Apache-2.0
#include "data_check.h"

#include <string.h>

#include "base/error.h"

bool data_has_validation(const bh_dataset *data, const bh_cut *cut)
{
    return cut->folds == 0 && data->split != NULL &&
           memchr(data->split, BH_SPLIT_VALIDATION, data->images.count) != NULL;
}

bh_status data_check_cut(const bh_dataset *data, const bh_cut *cut, const char *path,
                         bh_error *err)
{
    return cut->validation > 0 && data_has_validation(data, cut)
               ? bh_fail(err, BH_ERR_ARG,
                         "%s names its own validation part: leave --validation out",
                         path)
               : BH_OK;
}
